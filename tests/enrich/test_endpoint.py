"""Endpoint templates, against examples and against an oracle that looks at one segment after the other."""

from __future__ import annotations

import random
import re
import string
import uuid

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apilens.config import Settings
from apilens.enrich.base import Context
from apilens.enrich.endpoint import ENDPOINT
from apilens.enrich.path_template import template

CONTEXT = Context(Settings(), b"key")
ALNUM = string.ascii_letters + string.digits


def templated(*paths: str | None) -> list[str | None]:
    return template(pl.Series(paths, dtype=pl.String)).to_list()


@pytest.mark.parametrize(
    "segment",
    [
        "7", "596853", "1,2,3", "2024-01-31", "112-4567890-12", "-4",
        "550e8400-e29b-41d4-a716-446655440000", "550E8400-E29B-41D4-A716-446655440000",
        "user-550e8400-e29b-41d4-a716-446655440000", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "01arz3ndektsv4rrffq69g5fav",
        "deadbeefdeadbeef", "9f86d081884c7d659a2feaa0c55ad015",
        "cus_9s6XKzkNRiz8i3", "sub_sched_1AbCdEfGhIjKlM", "acct_5", "ord-1234", "PROJ-7", "order12345", "20391abc",
        "clh3x2v1a0000qw8z9k2m4n6p", "dQw4w9WgXcQ", "a8f3k2m9", "AbCd-EfGh_IjKlMn0pQrSt",
        "Zm9vYmFyYmF6cXV4MTIzNDU2Nzg=",
        "bob@example.com", "bob%40example.co.uk", "[R:email]", "key-[R:token]-x",
        "2024-01-31T10:15:00Z", "20240131T101500Z", "192.168.10.1", "52.52,13.4", "52.52,-13.40",
        "{user_id}", "%7Bid%7D", ":id",
    ],
)  # fmt: skip
def test_ids_become_a_placeholder(segment: str) -> None:
    assert templated(f"/v1/things/{segment}/parts") == ["/v1/things/{id}/parts"]
    assert templated(f"/{segment}/{segment}/{segment}") in (
        ["/{id}/{id}/{id}"],
        [f"/{segment}/{{id}}/{{id}}"],
    )


@pytest.mark.parametrize(
    "segment",
    [
        "v1", "v2.1", "V10", "v1beta1", "v1p1beta1", "v2alpha", "users", "oauth2", "s3",
        "how-to-build-a-rest-api-in-2024",
        "i18n", "base64", "getAccountBalanceHistory", "createCustomerSubscriptionV2", "subscription_items", "top-10",
        "main.css", "logo@2x.png", "jquery-3.6.0.min.js", "@babel", "react@18.2.0", "%D9%85%D8%A7",
        "a.b.c", "1.0", "2fa",
        "internationalization2", "",
    ],
)  # fmt: skip
def test_words_slugs_files_and_versions_stay(segment: str) -> None:
    assert templated(f"/things/{segment}/parts") == [f"/things/{segment}/parts"]


def test_what_follows_an_id_stays() -> None:
    assert templated("/invoices/8817.pdf", "/jobs/8817:cancel", "/x/a1b2c3d4.json") == [
        "/invoices/{id}.pdf", "/jobs/{id}:cancel", "/x/{id}.json",
    ]  # fmt: skip


def test_a_date_is_a_version_at_the_start_or_behind_api_alone() -> None:
    assert templated("/2024-01-31/users", "/admin/api/2024-01/users", "/reports/2024-01-31") == [
        "/2024-01-31/users", "/admin/api/2024-01/users", "/reports/{id}",
    ]  # fmt: skip


def test_slashes_at_the_end_and_matrix_parameters_are_no_part_of_it() -> None:
    assert templated("/a/", "/a//", "/a;jsessionid=8F1/b", "/", "", None, "*") == [
        "/a",
        "/a",
        "/a/b",
        "/",
        "/",
        None,
        "*",
    ]


def test_case_and_doubled_slashes_inside_stay() -> None:
    assert templated("/Users/7", "//a//7") == ["/Users/{id}", "//a//{id}"]


def test_a_path_for_each_request_is_few_endpoints() -> None:
    rng = random.Random(5)
    paths = [
        make()
        for _ in range(3000)
        for make in (
            lambda: f"/v1/users/{rng.randrange(10**9)}",
            lambda: f"/v1/orders/{uuid.UUID(int=rng.getrandbits(128))}/items",
            lambda: f"/v1/files/{rng.getrandbits(128):032x}",
            lambda: f"/v1/reports/{rng.randrange(10**9)}/{rng.randrange(10**9)}.csv",
        )
    ]

    assert sorted(set(template(pl.Series(paths)))) == [
        "/v1/files/{id}", "/v1/orders/{id}/items", "/v1/reports/{id}/{id}.csv", "/v1/users/{id}",
    ]  # fmt: skip


def test_nearly_all_random_tokens_are_seen() -> None:
    rng = random.Random(6)
    base64url = ["".join(rng.choices(ALNUM + "-_", k=22)) for _ in range(4000)]
    base36 = ["".join(rng.choices(string.ascii_lowercase + string.digits, k=24)) for _ in range(4000)]

    for tokens in (base64url, base36):
        missed = [path for path in templated(*(f"/x/{token}" for token in tokens)) if path != "/x/{id}"]
        assert len(missed) < 0.01 * len(tokens)


def test_an_endpoint_is_method_and_route_and_null_without_either() -> None:
    frame = pl.DataFrame(
        {
            "method": ["GET", "POST", None, "GET", "PUT"],
            "path": ["/users/7/", "/orders", "/x", None, "/a/1"],
            "route": [None, "/orders/:kind", None, None, ""],
        }
    )

    endpoints = ENDPOINT.apply(frame, CONTEXT)["endpoint"].to_list()

    assert endpoints == [
        "GET /users/{id}",
        "POST /orders/:kind",
        None,
        None,
        "PUT /a/{id}",
    ]
    assert ENDPOINT.apply(frame.select("path"), CONTEXT)["endpoint"].to_list() == [None] * 5


# The oracle: plain Python, one segment at a time.

WORD = re.compile(r"[A-Za-z]+")
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def is_number(text: str) -> bool:
    return all(part.isdigit() for part in re.split("[-,_:]", text.removeprefix("-")))


def is_hash(text: str) -> bool:
    word, separator, rest = text.partition("-") if text.partition("-")[0].isalpha() else text.partition("_")
    named = bool(separator) and word.isalpha() and len(word) <= 12
    return any(
        UUID.fullmatch(some) or (len(some) >= 16 and set(some) <= set(string.hexdigits))
        for some in [text, *([rest] if named else [])]
    )


def is_ulid(text: str) -> bool:
    return (
        len(text) == 26 and text[0] in "01234567" and set(text.upper()) <= set(string.digits + "ABCDEFGHJKMNPQRSTVWXYZ")
    )


def is_prefixed(text: str) -> bool:
    *words, last = text.split("_")
    if not words or not last or not words[0][:1].isalpha() or not set(words[0]) <= set(ALNUM):
        return False
    digits = [character for character in last if character.isdigit()]
    named = all(word.isalpha() for word in words[1:])
    return named and set(last) <= set(ALNUM) and bool(digits) and (len(digits) == len(last) or len(last) >= 10)


def is_coded(text: str) -> bool:
    word, _, number = text.partition("-")
    if word.isalpha() and len(word) <= 12 and number.isdigit() and len(number) >= 3:
        return True
    if word[:1].isalpha() and word.isalnum() and word.upper() == word and len(word) <= 10 and number.isdigit():
        return True
    ends = re.fullmatch(r"([A-Za-z]+)([0-9]{5,})|([0-9]{5,})([A-Za-z]+)", text)
    return bool(ends) and len(ends[1] or ends[4]) <= 12


def is_mixed(text: str) -> bool:
    return set(text) <= set(ALNUM) and len(re.findall("[0-9]+", text)) >= 2


def is_other(text: str) -> bool:
    if "[R:" in text or re.fullmatch(r"\{.*\}|%7[Bb].*%7[Dd]|:[A-Za-z_]+", text):
        return True
    if re.fullmatch(r"\d{4}-\d\d-\d\d(T|_|\+| |%20)([0-9:.Z+-]|%3[Aa])+", text) or re.fullmatch(
        r"(\d{1,3}\.){3}\d{1,3}", text
    ):
        return True
    pair = text.split(",")
    if len(pair) == 2 and all(re.fullmatch(r"-?\d+\.\d+", half) for half in pair):
        return True
    return any(
        at > 0 and re.fullmatch(r"[A-Za-z].*\.[A-Za-z]{2,}", text[at + len(sign) :])
        for sign in ("@", "%40")
        for at in [match.start() for match in re.finditer(sign, text)]
    )


def is_random(text: str) -> bool:
    core = text.rstrip("=")
    if len(core) < 20 or not set(core) <= set(ALNUM + "_~-"):
        return False
    turns = [at for at in range(len(core) - 1) if core[at].isdigit() and core[at + 1].isalpha()]
    capitals = [at for at, character in enumerate(core) if character.isupper()]
    plain = core.isalnum()
    word = core.rstrip(string.digits)
    return (
        (plain and bool(turns))
        or (word.isalpha() and len(core) - len(word) >= 3)
        or any(at not in (turn, turn + 1) for turn in turns for at in capitals)
        or any(core[at].isupper() and core[at + 1].islower() and core[at + 2].isupper() for at in range(len(core) - 2))
    )


def is_shape(text: str) -> bool:
    return any(claim(text) for claim in (is_number, is_hash, is_ulid, is_prefixed, is_coded, is_mixed))


def expected(path: str) -> str:
    done = [""]
    for segment in path.rstrip("/").split("/")[1:]:
        done.append(expected_segment(segment.partition(";")[0], done))
    return "/".join(done) or "/"


def expected_segment(segment: str, before: list[str]) -> str:
    if re.fullmatch(r"[vV]\d+(p\d+)?(alpha|beta|rc)\d*", segment):
        return segment
    if re.fullmatch(r"20\d\d-\d\d(-\d\d)?", segment) and (before == [""] or before[-1] == "api"):
        return segment
    if is_shape(segment) or is_other(segment):
        return "{id}"
    ends = [(segment[:at], segment[at:]) for at, sign in enumerate(segment) if sign in ".:"]
    for head, tail in ends:
        if is_shape(head) and re.fullmatch(r"\.[A-Za-z][A-Za-z0-9]{0,4}|:[A-Za-z]+", tail):
            return "{id}" + tail
    return "{id}" if is_random(segment) else segment


SEGMENTS = st.one_of(
    st.sampled_from(
        ["users", "api", "v1", "v2.1", "v1beta1", "7", "2024-01-31", "2024-01", "acct_5", "T-1", "[R:x]", "", "a;b=1",
         "1.5", "x_abcdefghi1", "12:go", "5.json", "{a}", "{id}", ":a", "%7Ba%7D", "a@b.de", "@a@b.de", "1.2.3.4",
         "550e8400-e29b-41d4-a716-446655440000"]
    ),
    st.text("aBcDe019", min_size=1, max_size=30),
    st.text("abXY01_-", min_size=1, max_size=26),
    st.text("aZ09-_.:;@%=[]R{},~ +", max_size=16),
    st.from_regex(r"[a-z]{1,4}[-_][0-9a-f]{14,18}", fullmatch=True),
)  # fmt: skip


@settings(max_examples=300)
@given(st.lists(st.lists(SEGMENTS, max_size=6), min_size=1, max_size=30))
def test_templates_equal_the_oracle(paths: list[list[str]]) -> None:
    given_paths = ["/" + "/".join(segments) for segments in paths]

    assert templated(*given_paths) == [expected(path) for path in given_paths]


@settings(max_examples=100)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=20))
def test_any_text_gives_a_template_and_blocks_do_not_matter(paths: list[str]) -> None:
    whole = templated(*paths)

    assert whole == [templated(path)[0] for path in paths]
    assert all(whole)
