"""Endpoints that only traffic shows: positions of many values, words beside them, paths without a route."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apilens.enrich.learned_routes import MOST_ROUTES, MOST_UNANSWERED, LearnedRoutes
from apilens.enrich.route_tree import FEW, MANY

SCHEMA = {"endpoint": pl.String, "answered": pl.Int64, "missed": pl.Int64}


def batch(answered: Mapping[str, int] = {}, missed: Mapping[str, int] = {}) -> pl.DataFrame:
    """Return the counts of a batch: endpoint → requests that were answered, and that were not."""
    names = dict.fromkeys([*answered, *missed])
    return pl.DataFrame([(name, answered.get(name, 0), missed.get(name, 0)) for name in names], SCHEMA, orient="row")


def named(paths: Iterable[str], calls: int = 1, method: str = "GET") -> dict[str, int]:
    return {f"{method} {path}": calls for path in paths}


def genres(count: int, start: int = 0) -> list[str]:
    return [
        f"/genre/q{chr(97 + at // 26 % 26)}{chr(97 + at % 26)}-music-{'x' * (at // 676)}"
        for at in range(start, start + count)
    ]


def test_many_values_under_one_parent_are_an_id() -> None:
    routes = LearnedRoutes()
    now = routes.learn(batch(named(genres(MANY))))
    assert set(now.values()) == {"GET /genre/{id}"}
    assert routes.endpoint("GET", "/genre/never-seen") == "GET /genre/{id}"


def test_few_values_stay_words() -> None:
    routes = LearnedRoutes()
    assert routes.learn(batch(named(genres(FEW - 1), calls=100))) == {}


def test_a_closed_set_of_values_that_are_all_read_alike_is_an_id() -> None:
    # 25 countries, each asked for 10 times: nobody would call that 25 endpoints.
    routes = LearnedRoutes()
    assert set(routes.learn(batch(named(genres(FEW), calls=10))).values()) == {"GET /genre/{id}"}


def test_resources_are_no_values_though_they_are_many() -> None:
    # 60 collections below a prefix that looks like any other: ids are below them.
    paths = [path.replace("/genre", "/shop") for path in genres(60)]
    routes = LearnedRoutes()
    assert routes.learn(batch({**named(paths, 50), **named([f"{path}/{{id}}" for path in paths], 50)})) == {}


@pytest.mark.parametrize("prefix", ["", "/api", "/api/v2", "/2026-01-01", "/services"])
def test_right_below_the_root_stand_resources(prefix: str) -> None:
    paths = [path.replace("/genre", prefix) for path in genres(300)]
    assert LearnedRoutes().learn(batch(named(paths, calls=30))) == {}


def test_words_of_routes_stay_beside_an_id() -> None:
    routes = LearnedRoutes()
    now = routes.learn(batch({**named(genres(500)), "GET /genre/search": 1, "POST /genre/bulk-update": 1}))
    assert "GET /genre/search" not in now
    assert "POST /genre/bulk-update" not in now
    assert routes.endpoint("GET", "/genre/list") == "GET (no route) /genre/list"


def test_values_called_far_more_often_than_the_rest_stay() -> None:
    routes = LearnedRoutes()
    now = routes.learn(batch({**named(genres(500), calls=4), "GET /genre/chart": 900, "GET /genre/wall": 400}))
    assert "GET /genre/chart" not in now
    assert "GET /genre/wall" not in now
    assert len(now) == 500


def test_the_most_frequent_of_values_by_zipf_is_one_of_them() -> None:
    # The second is called half as often as the first, the third a third as often …
    counts = {f"GET {path}": max(1, 3000 // (rank + 1)) for rank, path in enumerate(genres(600))}
    assert set(LearnedRoutes().learn(batch(counts)).values()) == {"GET /genre/{id}"}


def test_a_value_called_as_no_other_is_stays() -> None:
    routes = LearnedRoutes()
    now = routes.learn(batch({**named(genres(500), calls=20), "POST /genre/mix": 12}))
    assert "POST /genre/mix" not in now


def test_what_is_below_values_is_merged_too() -> None:
    paths = [f"{genre}/{track}" for genre in genres(200) for track in ("tracks", "albums")]
    assert set(LearnedRoutes().learn(batch(named(paths))).values()) == {
        "GET /genre/{id}/tracks",
        "GET /genre/{id}/albums",
    }


def test_two_positions_of_values_in_one_path() -> None:
    paths = [
        f"{genre}/by/{at}-{other[7:]}" for at, genre in enumerate(genres(4 * MANY)) for other in genres(3, start=at)
    ]
    assert set(LearnedRoutes().learn(batch(named(paths))).values()) == {"GET /genre/{id}/by/{id}"}


def test_operations_of_graphql_are_named_by_developers() -> None:
    assert LearnedRoutes().learn(batch(named([f"/graphql#Load{at}" for at in range(300)], method="POST"))) == {}


def test_what_was_stored_before_it_was_known_gets_its_name_later() -> None:
    routes = LearnedRoutes()
    assert routes.learn(batch(named(genres(20)))) == {}
    routes.learn(batch(named(genres(200, start=20))))
    names = routes.names()
    assert {name for name, now in names.items() if now == "GET /genre/{id}"} == set(named(genres(20)))


def test_a_path_that_was_never_answered_has_no_route() -> None:
    routes = LearnedRoutes()
    now = routes.learn(batch(named(["/users"]), named(["/wp-login.php", "/users"], method="POST")))
    assert now == {"POST /wp-login.php": "POST (no route) /wp-login.php"}
    # The path is there, the method is not: that is worth seeing.
    assert routes.endpoint("POST", "/users") == "POST /users"
    assert routes.names() == {"POST (no route) /wp-login.php": "POST (no route)"}


def test_a_path_that_is_answered_later_had_a_route_all_along() -> None:
    routes = LearnedRoutes()
    assert routes.learn(batch(missed=named(["/refunds/{id}"]))) == {"GET /refunds/{id}": "GET (no route) /refunds/{id}"}
    assert routes.learn(batch(named(["/refunds/{id}"]))) == {}
    assert routes.names() == {"GET (no route) /refunds/{id}": "GET /refunds/{id}"}


def test_so_had_one_whose_value_turns_out_to_be_an_id() -> None:
    routes = LearnedRoutes()
    routes.learn(batch(missed=named(["/genre/rokc"])))
    routes.learn(batch(named(genres(MANY))))
    assert routes.names()["GET (no route) /genre/rokc"] == "GET /genre/{id}"


def test_scanners_are_one_endpoint_and_take_no_memory() -> None:
    routes = LearnedRoutes()
    routes.learn(batch(named(["/users", "/orders"])))
    now = routes.learn(batch(missed=named([f"/old/backup-{at}x/.env" for at in range(3 * MOST_UNANSWERED)])))
    called = {routes.names().get(name, name) for name in now.values()}
    assert called == {"GET (no route)"}
    assert len(routes.to_json()["unanswered"]) == MOST_UNANSWERED


def test_answered_floods_stay_bounded() -> None:
    routes = LearnedRoutes()
    flood = [
        f"/{chr(97 + a)}area/{chr(97 + b)}zone/{chr(97 + c)}spot/page"
        for a in range(20)
        for b in range(20)
        for c in range(20)
    ]
    routes.learn(batch(named(flood, calls=50)))
    assert 0 < len(routes.to_json()["routes"]) <= MOST_ROUTES


def test_a_path_of_ten_thousand_segments_is_cut() -> None:
    routes = LearnedRoutes()
    [now] = routes.learn(batch(named(["/a" * 10_000]))).values()
    assert now == "GET " + "/a" * 30 + "/*"
    assert LearnedRoutes.from_json(routes.to_json()).to_json() == routes.to_json()


def test_nothing_is_learned_of_stated_routes() -> None:
    routes = LearnedRoutes()
    stated = [f"/genre/{at}/x" for at in range(200)]
    assert routes.learn(batch(named(stated), named(["/only/missed"])), [*stated, "/only/missed"]) == {}
    assert routes.to_json()["routes"] == {}


def test_a_description_that_comes_later_renames_what_is_stored() -> None:
    routes = LearnedRoutes()
    routes.learn(batch(named(["/users/{id}"]), named(["/gone"])))
    routes.restate({"/users/{id}": "/users/{user_id}", "/gone": "/gone"})
    assert routes.names() == {"GET /users/{id}": "GET /users/{user_id}", "GET (no route) /gone": "GET /gone"}


SEGMENT = st.sampled_from(
    ["users", "genre", "list", "{id}", "a.json", "x" * 30, "", "é", "#op", *[f"v-{n}" for n in range(60)]]
)
PATHS = st.lists(SEGMENT, max_size=4).map(lambda parts: "/" + "/".join(parts))
BATCHES = st.lists(st.dictionaries(PATHS, st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=60), max_size=5)


@settings(max_examples=150)
@given(BATCHES, st.booleans())
def test_names_are_final_saved_whole_and_of_the_same_method(
    batches: list[dict[str, tuple[int, int]]], reload: bool
) -> None:
    routes = LearnedRoutes()
    stored: set[str] = set()
    for counts in batches:
        seen = {f"GET {path}": calls for path, calls in counts.items() if sum(calls)}
        now = routes.learn(batch({n: c[0] for n, c in seen.items()}, {n: c[1] for n, c in seen.items()}))
        stored |= {now.get(name, name) for name in seen}
        if reload:
            routes = LearnedRoutes.from_json(routes.to_json())
    names = routes.names()
    final = {names.get(name, name) for name in stored}
    for name in final:
        assert name.startswith("GET ")
        # What an endpoint is called now is not called otherwise once more.
        assert names.get(name, name) == name
    answered = {f"GET {path}" for counts in batches for path, calls in counts.items() if calls[0]}
    # Whatever was answered has a route.
    assert all("(no route)" not in routes.endpoint(*name.split(" ", 1)) for name in answered)
