"""Shapes of request bodies: names and types, never values, and the questions that read them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apilens.analyses.removal import RemovalOptions, removal
from apilens.body_shape import shapes
from apilens.config import ReadOptions, Settings
from apilens.format_settings import CustomFormat
from apilens.ingest import ingest
from apilens.reading import endpoints_of, events_of
from apilens.store import Store
from apilens.things import thing_of
from apilens.window import Window

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def shape(body: Any) -> str | None:
    return shapes([json.dumps(body)])[0]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"user": {"id": 5}, "b": 1.5, "a": "x"}, "a:string,b:number,user.id:integer"),
        ({"on": True, "off": None, "o": {}, "l": []}, "l:array,o:object,off:null,on:boolean"),
        ({"items": [{"sku": "a"}, {"sku": 1, "n": 2}], "tags": ["x", "y"]},
         "items[].n:integer,items[].sku:integer,items[].sku:string,tags[]:string"),
        ([{"id": 1}, [2]], "[].id:integer,[][]:integer"),
        ({}, None), ([], None), (5, None), ("text", None), (None, None),
        ('{"logged": "as text"}', "logged:string"),
        ({"ada@example.com": 1, "c56a4180-65aa": 2, "4111111111": 3, "x" * 41: 4, "b_1": 5}, "*:integer,b_1:integer"),
        ({"msg": "hello"}, "msg:string"),
        ({"msg": "request.body.length exceeded options requestMaxBodySize of 1000"}, None),
    ],
)  # fmt: skip
def test_the_shape_of_a_body(body: Any, expected: str | None) -> None:
    assert shape(body) == expected


def test_what_is_no_json_or_too_much_has_none_or_less() -> None:
    long = json.dumps({"a": "x" * 70_000})
    assert shapes([b"{", "a=1&b=2", b"\xff", b"", None, long, "[" * 5000]).to_list() == [None] * 4 + [None] * 3
    deep: Any = 1
    for _ in range(20):
        deep = {"a": deep}
    assert shape(deep) == ".".join("a" * 8) + ":object"
    assert shape({f"{chr(97 + at // 26)}{chr(97 + at % 26)}": at for at in range(300)}).count(",") == 199
    assert shape({"l": [*[1] * 100, "beyond"]}) == "l[]:integer"


def fields(value: Any, path: str) -> set[str]:
    """Return the fields of a small body, as one would list them."""
    if isinstance(value, dict) and value:
        return {found for key, item in value.items() for found in fields(item, f"{path}.{key}" if path else key)}
    if isinstance(value, list) and value:
        return {found for item in value for found in fields(item, f"{path}[]")}
    kinds = {"dict": "object", "list": "array", "str": "string", "int": "integer", "float": "number", "bool": "boolean"}
    return {f"{path}:{kinds.get(type(value).__name__, 'null')}"} if path else set()


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from([0.5, "", "a", "id:integer,x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "id"]), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.sampled_from(["a", "b", "id"]), _VALUES, max_size=3), max_size=4))
def test_every_field_and_no_other_whatever_came_before(bodies: list[Any]) -> None:
    found = shapes([json.dumps(body) for body in bodies]).to_list()

    assert found == [",".join(sorted(fields(body, ""))) or None for body in bodies]


def lines(*bodies: Any, **request: Any) -> str:
    return "".join(
        json.dumps(
            {"request": {"time": "2026-11-23T09:00:00", "verb": "POST", "uri": "/a", "body": body, **request},
             "response": {"time": "2026-11-23T09:00:01", "status": 200}, "company_id": f"a{at}"}
        ) + "\n"
        for at, body in enumerate(bodies)
    )  # fmt: skip


def stored(folder: Path, text: str, settings: Settings | None = None, **options: Any) -> list[str | None]:
    (folder / "log").write_text(text)
    given = {"settings": settings or Settings(), "options": ReadOptions(**options), "key": b"k" * 32, "now": NOW}
    ingest([str(folder / "log")], folder / "store", durable=False, **given)
    rows = pl.concat([Store.open(folder / "store").rows(path) for path in Store.open(folder / "store").actions["path"]])
    return rows.sort("line", "item").select("request_shape").collect()["request_shape"].to_list()


def test_moesif_events_of_every_kind(tmp_path: Path) -> None:
    text = lines({"user_id": "u"}, None, "plain", {"a": 1})
    text += lines("eyJiIjogMX0=", transfer_encoding="base64") + lines("?", transferEncoding="base64")
    text += json.dumps({"_id": "e", "_source": json.loads(lines({"c": 1}))}) + "\n"
    # Here a body stands where an object should: the line is read by itself.
    text += lines({"d": 1}, transfer_encoding=5)

    assert stored(tmp_path, text) == ["user_id:string", None, None, "a:integer", "b:integer", None, "c:integer", None]


def test_a_map_of_fields_and_who_sends_a_field(tmp_path: Path) -> None:
    rule = CustomFormat(
        fields={"timestamp": "at", "status": "s", "method": "m", "raw_target": "u", "raw_request_body": "b"}
    )
    line = {"at": "2026-11-23T09:00:00Z", "s": 200, "m": "POST", "u": "/a"}
    text = "".join(json.dumps({**line, "b": body}) + "\n" for body in ({"user": {"id": 1}}, '{"x": 1}', None))

    found = stored(tmp_path, text, Settings(formats={"gateway": rule}), input_format="gateway")

    assert found == ["user.id:integer", "x:integer", None]
    store = Store.open(tmp_path / "store")
    options = RemovalOptions(now=NOW, thing=thing_of("field", "user"), known=endpoints_of(store))
    events, columns = events_of(store, Window(), None, options.texts())
    result = removal(events, options, columns=columns)
    assert result.tables[1].rows.row(0, named=True)["requests"] == 1
    assert result.notes[0].startswith("66.6 % of requests say their request_shape"), result.notes
