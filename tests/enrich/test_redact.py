"""Nothing secret gets into a column, and nothing that is no secret gets lost."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apilens.config import RedactSettings, Settings
from apilens.enrich import enrich
from apilens.enrich.base import Context
from apilens.enrich.query_names import query_keys, query_values
from apilens.enrich.redact import (
    REDACT_STEPS,
    redact_named,
    redact_paths,
    redact_shapes,
    redact_texts,
    reject_shape,
)
from apilens.enrich.secret_names import is_secret_name
from apilens.enrich.secret_numbers import redact_numbers

DEFAULT = RedactSettings()

# Made up for this test. The text that must not survive stands second where it is not the whole.
SHAPED = {
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl",
    "bearer": "Bearer 9f8e7d6c5b4a",
    "basic": "Basic Y2FuYXJ5OmNhbmFyeQ==",
    "stripe": "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "stripe test": "rk_test_canary01",
    "github": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "github fine": "github_pat_11ABCDEFG0canary00000_abcdefghijklmnop",
    "gitlab": "glpat-canaryCANARY012345",
    "slack": "xoxb-123456789012-canarycanary",
    "aws": "AKIAIOSFODNN7CANARY0",
    "aws session": "ASIAIOSFODNN7CANARY0",
    "google": "AIzaSyCANARY4567890abcdefghijklmnopqrst",
    "sendgrid": "SG.canaryCANARY0123456789.canaryCANARY0123456789",
    "openai": "sk-proj-canaryCANARY0123456789",
    "openai old": "sk-canaryCANARY0123456789",
    "npm": "npm_canaryCANARY0123456789abcdefghijklmn",
    "private key": "-----BEGIN RSA PRIVATE KEY-----MIIEcanary",
    "email": "canary.bird@example.com",
    "card": "4111111111111111",
    "card apart": "5555-5555-5555-4444",
    "amex": "378282246310005",
    "ssn": "219-09-9999",
    "iban": "DE89370400440532013000",
    "random token": "dGhpc0lzQVJhbmRvbVRva2VuX2ZvclJlc2V0",
}
NAMED = (
    "token", "access_token", "API_KEY", "apiKey", "password", "PASSWORD", "%70assword", "client_secret", "sessionid",
    "JSESSIONID", "X-Amz-Signature", "X-Goog-Credential", "sig", "auth", "otp", "csrf_token",
)  # fmt: skip
USERINFO = "canary:canary@"


def stored(**raw: list[str]) -> str:
    rows = len(next(iter(raw.values())))
    frame = pl.DataFrame(
        {
            "line": pl.int_range(1, rows + 1, eager=True),
            "item": pl.repeat(0, rows, dtype=pl.Int32, eager=True),
            "timestamp": pl.repeat(datetime(2026, 1, 1, tzinfo=UTC), rows, dtype=pl.Datetime("us", "UTC"), eager=True),
            "status": pl.repeat(200, rows, dtype=pl.Int16, eager=True),
            "method": pl.repeat("GET", rows, eager=True),
            **raw,
        }
    )
    context = Context(Settings(), b"k" * 32, labels={"source": "a.log", "format": "test"})
    return enrich(frame, context).write_json()


@pytest.mark.parametrize("kind", SHAPED)
def test_a_secret_shape_survives_nowhere(kind: str) -> None:
    secret = SHAPED[kind]
    escaped = quote(secret, safe="")
    targets = [f"/a/{escaped}/b", f"/a?x={escaped}", f"/a?{escaped}", f"/a?{escaped}=1", f"/a;x={escaped}/b"]
    targets += [f"/a%2F{escaped}", f"/a/x%3D{escaped}"]
    in_text = secret if kind != "random token" else "x"
    all_stored = stored(
        raw_target=[*targets, "/a"],
        raw_referrer=[f"https://x.example{target}" for target in [*targets, f"/#{escaped}"]],
        raw_agent=[f"acme/1.0 ({in_text})", in_text, f"a {in_text}", f"x={in_text}", *[f"b,{in_text},c"] * 4],
    )

    assert secret not in all_stored
    assert escaped not in all_stored
    assert "canary" not in all_stored.lower()


@pytest.mark.parametrize("name", NAMED)
def test_the_value_of_a_secret_name_survives_nowhere(name: str) -> None:
    all_stored = stored(
        raw_target=[f"/a?x=1&{name}=canary", f"/a;{name}=canary/b", f"/a%3F{name}%3Dcanary", f"/a?{name}%3Dcanary0"],
        raw_referrer=[f"https://h/a?{name}=canary", f"https://h/a;{name}=canary", f"https://h/#{name}=canary", "-"],
        raw_agent=[f"x {name}=canary", f'{{"{name}": "canary"}}', f"x;{name}:canary", f"({name}=canary==)"],
    )

    assert "canary" not in all_stored


def test_userinfo_of_urls_survives_nowhere() -> None:
    url = f"https://{USERINFO}h.example/a"

    assert "canary" not in stored(raw_target=[url], raw_referrer=[url], raw_agent=[f"bot (+{url})"])


@given(secret=st.sampled_from(sorted(SHAPED.values())), before=st.text(max_size=20), after=st.text(max_size=20))
@settings(max_examples=100)
def test_a_rejected_line_leaves_only_its_shape(secret: str, before: str, after: str) -> None:
    shape = reject_shape(pl.Series([f"{before}{secret}{after}"]), DEFAULT)[0]

    assert len(shape) <= 200
    assert secret not in shape
    assert not set(shape) - set("aA9x?[R] !\"#$%&'()*+,-./:;<=>@\\^_`{|}~]acdeghiknoprstuwyzGETPOSHADLIVNUCRhttp")


def test_the_shape_of_a_rejected_line_is_readable() -> None:
    lines = pl.Series(
        ['1.2.3.4 - bob [10/Oct/2023:13] "GET /a?token=abc HTTP/1.1" 200 x9f', '{"password": "hunter2"}', None]
    )

    assert reject_shape(lines, DEFAULT).to_list() == [
        '9.9.9.9 - a [99/a/9999:99] "GET /a?token=[R] HTTP/9.9" 999 x',
        '{"a": "x"}',
        None,
    ]


@pytest.mark.parametrize(
    "path",
    [
        "/", "*", "", "//a//b", "/v1/users/42", "/v1/tokens", "/v1/passwords/reset", "/v2/chat/completions",
        "/u/7df15324-6430-4382-b872-d5c58f617f93", "/u/7DF15324-6430-4382-B872-D5C58F617F93",
        "/u/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/u/507f1f77bcf86cd799439011", "/c/da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "/blog/My-Great-Article-About-2024-Elections", "/p/Lenovo-ThinkPad-T14s-G4-21F8", "/getUserProfileByIdAndName",
        "/img/logo@2x.png", "/@babel/core@7.0.0", "/files/Report2024FinalVersion.pdf", "/task-force-one",
        "/sk-some-slug", "/a;v=1/b", "/x/%7Euser%20name", "/%D8%A7", "/%D9%84-55MU10000-Ultra-HD-4K-Smart-x",
        "/at/1700000000000", "/d/2024-01-15", "/n/175928847299117063",
        "/order/4111111111111112", "/disk_test_abcd",
    ],
)  # fmt: skip
def test_ordinary_paths_stay_as_they_are(path: str) -> None:
    assert redact_paths(pl.Series([path, f"{path}?a=b"]), DEFAULT).to_list() == [path, path]


@pytest.mark.parametrize(
    "agent",
    [
        "acme-python/1.4.2", "curl/8.4.0", "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", "okhttp/4.12 max_tokens=200",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    ],
)  # fmt: skip
def test_ordinary_user_agents_stay_as_they_are(agent: str) -> None:
    assert redact_texts(pl.Series([agent, None]), DEFAULT).to_list() == [agent, None]


def test_a_path_loses_query_fragment_scheme_and_host() -> None:
    targets = pl.Series(["/a?b#c", "/a#c", "https://h.example:8443/a/b?c", "http://h.example", None])

    assert redact_paths(targets, DEFAULT).to_list() == ["/a", "/a", "/a/b", "/", None]


def test_only_the_secret_part_of_a_path_goes() -> None:
    paths = pl.Series(
        ["/u/bob%40example.com/x", "/pay/4111111111111111/ok", "/a;jsessionid=AB/b", "/%65yJhbGciOiJIUzI1NiJ9"]
    )

    assert redact_paths(paths, DEFAULT).to_list() == [
        "/u/[R:email]/x", "/pay/[R:card]/ok", "/a;jsessionid=[R:secret]/b", "/[R:jwt]",
    ]  # fmt: skip


def test_query_keys_are_decoded_sorted_and_unique() -> None:
    queries = pl.Series(["b=1&a=2&b=3", "user%5Bid%5D=3", "debug", "", "=&&", "x=1&amp;y=2", "a=b=c&d=e?f"])

    assert query_keys(queries, DEFAULT).to_list() == ["a,b", "user[id]", "debug", None, None, "x,y", "a,d"]


def test_a_query_key_that_may_be_a_value_is_redacted() -> None:
    queries = pl.Series(["hunter2", "1700000000", "bob%40example.com=1", "dGhpc0lzQVJhbmRvbVRva2Vu=1"])

    assert query_keys(queries, DEFAULT).to_list() == ["[R:name]", "[R:name]", "[R:email]", "[R:token]"]


def test_query_values_are_numbers_under_allowed_names() -> None:
    wanted = Settings(query_values=("page", "limit", "q", "pin"))
    queries = pl.Series(["page=2&limit=50&pin=1234", "q=word&page=-1.5", "q=4111111111111111", "pages=3", ""])

    assert query_values(queries, wanted).to_list() == ["limit=50&page=2", "page=-1.5", "q=[R:card]", None, None]
    assert query_values(queries, Settings()).null_count() == 5


def test_values_of_secret_names_go_from_text() -> None:
    texts = pl.Series(
        [
            '{"password":"a\\"b","max_tokens":200}',
            "token=QUJD==&x=1",
            "token=200 pin=1234",
            "Cookie: a=b; c=d",
            "a=b",
            None,
        ]
    )

    assert redact_named(texts, DEFAULT).to_list() == [
        '{"password":[R:secret],"max_tokens":200}', "token=[R:secret]&x=1", "token=200 pin=[R:secret]",
        "Cookie: [R:secret]", "a=b", None,
    ]  # fmt: skip


def test_names_are_secret_by_their_words() -> None:
    secret = [
        "token",
        "accessToken",
        "X-Api-Key",
        "APIKey",
        "user_email",
        "AWSAccessKeyId",
        "x-amz-date",
        "%74oken",
        "key",
    ]
    harmless = [
        "tokens",
        "max_tokens",
        "author",
        "sort_key",
        "code",
        "state",
        "sessions",
        "pinned",
        "keyword",
        "passenger",
    ]

    assert is_secret_name(pl.Series(secret), DEFAULT).all()
    assert not is_secret_name(pl.Series(harmless), DEFAULT).any()


def test_settings_add_names_and_shapes_and_allow_names() -> None:
    mine = RedactSettings(names=("licenceNumber",), shapes=("acme-[0-9]+",), allow=("page_token",))
    texts = pl.Series(["licence_number=x7", "page_token=x7", "id acme-17", "token=x7"])

    assert redact_texts(texts, mine).to_list() == [
        "licence_number=[R:secret]",
        "page_token=x7",
        "id [R:shape]",
        "token=[R:secret]",
    ]


def test_check_digits_tell_numbers_from_ids() -> None:
    texts = pl.Series(
        ["4111111111111111", "4111111111111112", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00",
         "DE89370400440532013001", "card%3D378282246310005", "deadbeef4111111111111111", "000-12-3456",
         "tel-219-09-9999"]
    )  # fmt: skip

    assert redact_numbers(texts).to_list() == [
        "[R:card]", "4111111111111112", "[R:card]", "[R:iban]", "DE89370400440532013001", "card%3D[R:card]",
        "deadbeef4111111111111111", "000-12-3456", "tel-[R:ssn]",
    ]  # fmt: skip


def test_an_account_number_is_found_behind_what_only_begins_like_one() -> None:
    texts = pl.Series(
        [
            "/AE12/DE89370400440532013000",
            "/ae12DE89370400440532013000",
            "/gb29-x DE89370400440532013000",
            "/AE12/DE8937",
        ]
    )

    assert redact_shapes(texts, DEFAULT).to_list() == [
        "/AE12/[R:iban]", "/ae12DE89370400440532013000", "/gb29-x [R:iban]", "/AE12/DE8937",
    ]  # fmt: skip


def test_random_request_ids_stay_whole() -> None:
    # As CloudFront makes them, with what looks like the beginning of a JWT, or of a key, by accident.
    ids = [
        "wDLzCHTFUis1CJjMnXvTLsoc4D_G5ZYdLew1UVYkQoceyJaNpifbIr==",
        "mYq_sk-3Wp0Zk5TRkK1l2mJw9VXgAeN7hQ4sD8fBcLr6uHtP-yOq2i==",
    ]
    encoded_json = "eyJlbWFpbCI6ImFAZXhhbXBsZS5jb20iLCJwaW4iOiIxMjM0NTYifQ=="
    step = next(step for step in REDACT_STEPS if step.name == "redact request_id")
    kept = step.apply(pl.DataFrame({"request_id": [*ids, encoded_json]}), Context(Settings(), b"k" * 32))

    *whole, hidden = kept["request_id"].to_list()
    assert whole == ids
    assert hidden.startswith("k_")


@given(st.lists(st.one_of(st.none(), st.text(max_size=60)), min_size=1, max_size=8))
@settings(max_examples=150)
def test_each_text_is_redacted_by_itself(texts: list[str | None]) -> None:
    series = pl.Series(texts, dtype=pl.String)
    together = redact_paths(series, DEFAULT).to_list()

    assert together == [redact_paths(pl.Series([text], dtype=pl.String), DEFAULT)[0] for text in texts]
    assert [text is None for text in together] == [text is None for text in texts]


@given(st.lists(st.text(alphabet="abtoken=:&;\"'%3D 12[R]{},./", max_size=40), min_size=1, max_size=6))
@settings(max_examples=150)
def test_text_without_secret_names_stays_whole(texts: list[str]) -> None:
    harmless = pl.Series([text.replace("token", "") for text in texts])

    kept = redact_named(harmless, DEFAULT)

    assert kept.filter(~harmless.str.contains("(?i)key|tok|otp|%")).equals(
        harmless.filter(~harmless.str.contains("(?i)key|tok|otp|%"))
    )


def test_an_account_that_looks_like_a_secret_becomes_a_keyed_hash() -> None:
    frame = pl.DataFrame({"account": ["acme", "sk_live_aaaa1111", "sk_live_bbbb2222", None]})

    step = next(step for step in REDACT_STEPS if step.name == "redact account")
    made = step.apply(frame, Context(Settings(), b"k" * 32))["account"]

    assert made[0] == "acme"
    assert made[1].startswith("k_") and made[2].startswith("k_") and made[1] != made[2]
    assert made[3] is None


def test_shapes_survive_no_escaping() -> None:
    secret = "sk_live_4eC39HqLyjWD"
    escaped = "".join(f"%{ord(letter):02x}" for letter in secret)

    assert redact_shapes(pl.Series([escaped]), DEFAULT).to_list() == ["[R:stripe]"]
