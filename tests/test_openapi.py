"""What apilens reads of API descriptions, and what it says of those that it cannot read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from apilens.errors import ConfigError
from apilens.openapi import Operation, read_openapi

GET = {"get": {"responses": {}}}


def described(folder: Path, text: str | dict[str, object], name: str = "api.yaml") -> list[Operation]:
    place = folder / name
    place.write_text(text if isinstance(text, str) else json.dumps(text))
    return list(read_openapi([place]))


def test_paths_stand_below_their_servers(tmp_path: Path) -> None:
    found = described(
        tmp_path,
        """
        openapi: 3.1.0
        servers:
          - url: https://api.example.com/v2/
          - url: /{stage}/v2
            variables: {stage: {default: test}}
        paths:
          /users/{user_id}:
            parameters: []
            get: {deprecated: true, x-sunset: 2027-01-31}
            delete: {servers: [{url: https://admin.example.com}]}
          x-internal: {}
        """,
    )
    assert found == [
        Operation("GET", "/v2/users/{user_id}", True, "2027-01-31"),
        Operation("GET", "/test/v2/users/{user_id}", True, "2027-01-31"),
        Operation("DELETE", "/users/{user_id}"),
    ]


def test_swagger_2_has_a_base_path(tmp_path: Path) -> None:
    found = described(tmp_path, {"swagger": "2.0", "basePath": "/api/", "paths": {"/pets": GET}}, "api.json")
    assert [operation.endpoint for operation in found] == ["GET /api/pets"]


def test_path_items_may_stand_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "paths").mkdir()
    (tmp_path / "paths" / "pets.yaml").write_text("pets: {get: {}, post: {}}")
    paths = {
        "/pets": {"$ref": "paths/pets.yaml#/pets"},
        "/dogs": {"$ref": "#/components/pathItems/a~1b"},
    }
    found = described(tmp_path, {"openapi": "3.1.0", "paths": paths, "components": {"pathItems": {"a/b": GET}}})
    assert [operation.endpoint for operation in found] == ["GET /pets", "POST /pets", "GET /dogs"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("openapi: 3.0.0\npaths: [\n", "api.yaml:3: "),
        ('{"openapi": "3.0.0",\n "paths": }', "api.yaml:2: is no JSON"),
        ("name: x", "is no OpenAPI description"),
        ("openapi: 4.0.0", "OpenAPI 4.0.0 is not known"),
        ("openapi: 3.0.0\npaths: {users: {}}", "'users' does not begin with a slash"),
        ("openapi: 3.0.0\npaths: {/a: {$ref: '#/b'}}\nb: {$ref: '#/b'}", "goes round in a circle"),
        ("openapi: 3.0.0\npaths: {/a: {$ref: 'https://example.com/a.yaml'}}", "only files are read"),
        ("openapi: 3.0.0\npaths: {/a: {$ref: '#/nowhere'}}", "there is no /nowhere"),
        ("openapi: 3.0.0\npaths: {/a: {$ref: 'gone.yaml'}}", "cannot read"),
        ("\x00\x01", "api.yaml"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError) as mistake:
        described(tmp_path, text)
    assert words in mistake.value.message
    assert ".yaml" in mistake.value.message


def test_the_mistakes_of_all_files_come_at_once(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text("nothing: here")
    with pytest.raises(ConfigError) as mistake:
        read_openapi([tmp_path / "a.yaml", tmp_path / "b.yaml"])
    assert len(mistake.value.message.splitlines()) == 2
