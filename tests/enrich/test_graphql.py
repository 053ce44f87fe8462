"""The operation that a GraphQL request asks for."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apilens.config import Settings
from apilens.enrich.base import Context
from apilens.enrich.endpoint import ENDPOINT
from apilens.enrich.graphql import _NAME, operation_in_body, operation_in_query
from apilens.formats import ParseOptions
from apilens.formats.har import HAR
from apilens.formats.json_map import json_format
from apilens.formats.moesif import MOESIF

OPTIONS = ParseOptions(latest=datetime(2027, 1, 1, tzinfo=UTC))
FRAGMENT = "# query No { a }\nfragment query on Order { id } \n"


@pytest.mark.parametrize(
    ("body", "operation"),
    [
        ({"operationName": "Order", "query": "query Other { a }"}, "Order"),
        ({"operationName": None, "query": "query Order($id: ID = \"}\") { order(id: $id) { id } }"}, "Order"),
        ({"query": "mutation AddItem @live { add { id } }", "variables": {"operationName": "No"}}, "AddItem"),
        ({"query": FRAGMENT + "subscription Ticks { ticks }"}, "Ticks"),
        ({"query": "{ query { mutation } }"}, "(anonymous query)"),
        ({"query": "mutation { add { id } }"}, "(anonymous mutation)"),
        ({"query": "query ($id: ID) { a }"}, "(anonymous query)"),
        ({"query": "query @live { a }"}, "(anonymous query)"),
        ({"operationName": "Order", "extensions": {"persistedQuery": {"version": 1}}}, "Order"),
        ({"extensions": {"persistedQuery": {"sha256Hash": "0f"}}}, "(persisted query)"),
        ({"doc_id": "1234"}, "(persisted query)"),
        ([{"operationName": "Order"}], "Order"),
        ([{"operationName": "Order"}, {"operationName": "Order"}], "Order"),
        ([{"operationName": "Order"}, {"operationName": "User"}], "(batch)"),
        ([], None),
        ({"operationName": "a/b", "query": "{ a }"}, "(anonymous query)"),
        ({"operationName": "a" * 65}, None),
        ({"operationName": 7, "query": ["x"]}, None),
        ({"name": "Order"}, None),
        ({"query": "find me"}, None),
        ("{ a }", "(anonymous query)"),
        (17, None),
    ],
)  # fmt: skip
def test_the_operation_in_a_body(body: object, operation: str | None) -> None:
    text = json.dumps(body)

    assert operation_in_body(text) == operation
    # As it arrives where a log holds the body as text.
    assert operation_in_body(json.dumps(text)) == operation


@pytest.mark.parametrize(
    ("body", "operation"),
    [
        ("query Order { order }", "Order"),
        ("query=query+Order+%7B+order+%7D&variables=", "Order"),
        ('{"operationName":"Order","query":"query Ord', "Order"),
        ('{"query":"query Order {\\n  order(id: \\"1', "Order"),
        ("\x00\x01", None),
        ("", None),
    ],
)
def test_the_operation_in_what_is_no_json(body: str, operation: str | None) -> None:
    assert operation_in_body(body) == operation


def test_the_operation_in_a_query() -> None:
    assert operation_in_query("query=query%20Order%7Ba%7D") == "Order"
    assert operation_in_query("operationName=Order&extensions=%7B%7D") == "Order"
    assert operation_in_query("extensions=%7B%7D") == "(persisted query)"
    assert operation_in_query("id=7&q=x") is None
    assert operation_in_query("&".join(["a=1"] * 1000)) is None


@given(st.one_of(st.text(), st.text(alphabet='{}"\\#@() querymutation\n')))
def test_any_body_gives_a_name_or_a_kind(body: str) -> None:
    kinds = {
        None,
        "(batch)",
        "(persisted query)",
        *(f"(anonymous {kind})" for kind in ("query", "mutation", "subscription")),
    }
    for found in (operation_in_body(body), operation_in_body(json.dumps({"query": body})), operation_in_query(body)):
        assert found in kinds or _NAME.fullmatch(str(found))


def endpoints(frame: pl.DataFrame) -> list[str | None]:
    return ENDPOINT.apply(frame, Context(Settings(), b"key"))["endpoint"].to_list()


def test_only_paths_of_graphql_have_operations() -> None:
    body = '{"operationName": "Order"}'
    frame = pl.DataFrame(
        {
            "method": ["POST", "POST", "GET", "POST", "GET", "POST", "POST"],
            "path": ["/graphql", "/api/gql/", "/graphql", "/orders", "/graphql", "/graphql/x", "/graphql"],
            "raw_target": ["/graphql?operationName=No", "/", "/graphql?operationName=Get", "/", "/graphql", "/", "/"],
            "raw_graphql_body": [
                body,
                body,
                None,
                body,
                None,
                body,
                '{"operationName": "sk_live_4eC39HqLyjWDarjtT1zdp7dc"}',
            ],
        }
    )

    assert endpoints(frame) == [
        "POST /graphql#Order", "POST /api/gql#Order", "GET /graphql#Get", "POST /orders", "GET /graphql",
        "POST /graphql/x", "POST /graphql",
    ]  # fmt: skip
    assert endpoints(frame.drop("raw_graphql_body"))[:3] == ["POST /graphql#No", "POST /api/gql", "GET /graphql#Get"]
    stated = pl.DataFrame({"method": ["POST"], "route": ["/graphql#Known"], "raw_graphql_body": [body]})
    assert endpoints(stated) == ["POST /graphql#Known"]


def test_formats_give_the_bodies_of_graphql_and_no_others() -> None:
    moesif = '{{"request":{{"time":"2026-11-20T10:00:00","uri":"https://a.example{}","verb":"POST","body":{}}},"response":{{"status":200}}}}\n'
    body = '{"query":"{ a }"}'
    encoded = '"eyJxdWVyeSI6InsgYSB9In0=","transfer_encoding":"base64"'
    data = "".join(
        moesif.format(*pair) for pair in [("/graphql?x=1", body), ("/gql", encoded), ("/v1/a", body), ("/gql", "7")]
    )
    har = (
        '{"log":{"entries":[{"startedDateTime":"2026-11-20T10:00:00Z","request":{"method":"POST","url":"https://a.example/graphql",'
        '"postData":{"text":"{\\"operationName\\":\\"Order\\"}"}},"response":{"status":200}}]}}'
    )
    mapped = json_format("own", {"timestamp": "t", "status": "s", "method": "m", "path": "p", "raw_request_body": "b"})
    line = '{"t":"2026-11-20T10:00:00Z","s":200,"m":"POST","p":"%s","b":{"operationName":"Order"}}\n'

    found = MOESIF.parse(data.encode(), 1, OPTIONS).events["raw_graphql_body"].to_list()
    own = mapped.parse((line % "/graphql" + line % "/a").encode(), 1, OPTIONS).events

    assert found == [body, body, None, "7"]
    assert operation_in_body(HAR.parse(har.encode(), 1, OPTIONS).events["raw_graphql_body"][0]) == "Order"
    assert [text and operation_in_body(text) for text in own["raw_graphql_body"]] == ["Order", None]
    assert "raw_request_body" not in own.columns
