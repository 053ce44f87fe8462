"""OpenAPI descriptions (3.0, 3.1, Swagger 2; YAML or JSON): which endpoints an API documents, and which it retires.

Paths and their servers are all that is read (OpenAPI 3.1 §4.8.8 Paths Object, §4.8.5 Server Object; Swagger 2
`basePath`); `$ref` of a path item is followed within the file and into files beside it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from apilens.csv_table import shown_name
from apilens.errors import ConfigError

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
# The largest public descriptions have 12 MB.
_MOST_BYTES = 64 << 20
_MOST_REFS = 20


@dataclass(frozen=True, slots=True)
class Operation:
    """A documented endpoint: `GET` and `/v1/users/{user_id}`, with the base path of its server.

    sunset: when it will be gone, as `x-sunset` states it (an ISO date, or a time).
    """

    method: str
    template: str
    deprecated: bool = False
    sunset: str | None = None

    @property
    def endpoint(self) -> str:
        """Its name in the event table."""
        return f"{self.method} {self.template}"


def read_openapi(paths: Iterable[str | Path]) -> tuple[Operation, ...]:
    """Return the operations of all files, each once, in their order.

    Raises ConfigError with the mistakes of all files.
    """
    found: dict[str, Operation] = {}
    mistakes: list[str] = []
    for path in paths:
        try:
            for operation in _operations(_Files(), Path(path)):
                found.setdefault(operation.endpoint, operation)
        except ConfigError as error:
            mistakes.append(error.message)
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return tuple(found.values())


class _Files:
    """Documents that were read, by their place."""

    def __init__(self) -> None:
        self._known: dict[Path, Any] = {}

    def read(self, path: Path) -> Any:
        place = path.resolve()
        if place not in self._known:
            self._known[place] = _document(path)
        return self._known[place]


def _document(path: Path) -> Any:
    name = shown_name(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {name}: {error.strerror}") from None
    if len(data) > _MOST_BYTES:
        raise ConfigError(f"{name} is larger than 64 MiB: no API description is")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}:{data.count(10, 0, error.start) + 1}: is no UTF-8") from None
    return _json(name, text) if text.lstrip().startswith("{") else _yaml(name, text)


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"{name}:{error.lineno}: is no JSON: {error.msg}") from None
    except RecursionError:
        raise ConfigError(f"{name}: is nested too deeply") from None


def _yaml(name: str, text: str) -> Any:
    # Slow to import, and most settings name no description.
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise ConfigError(f"{name}:{mark.line + 1 if mark else 1}: {error.problem or 'is no YAML'}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigError(f"{name}: is no YAML: {str(error).splitlines()[0]}") from None
    except RecursionError:
        raise ConfigError(f"{name}: is nested too deeply") from None


def _operations(files: _Files, path: Path) -> Iterator[Operation]:
    name = shown_name(path)
    document = files.read(path)
    if not isinstance(document, dict) or not {"openapi", "swagger"} & set(document):
        raise ConfigError(f"{name} is no OpenAPI description: neither `openapi` nor `swagger` says its version")
    version = str(document.get("openapi") or document.get("swagger"))
    if not version.startswith(("2", "3")):
        raise ConfigError(f"{name}: OpenAPI {version} is not known: 3.0, 3.1 and Swagger 2.0 are")
    # 3.1 may describe webhooks or components alone.
    items = document.get("paths") or {}
    if not isinstance(items, dict):
        raise ConfigError(f"{name}: `paths` is no mapping of paths")
    for template, item in items.items():
        template = str(template)
        if template.startswith("x-"):
            continue
        if not template.startswith("/"):
            raise ConfigError(f"{name}: the path {template!r} does not begin with a slash")
        item, _ = _resolved(files, path, item, f"the path {template}")
        if not isinstance(item, dict):
            raise ConfigError(f"{name}: the path {template} has no operations")
        for method in METHODS:
            operation = item.get(method)
            if isinstance(operation, dict):
                yield from _of(method, template, operation, item, document)


def _of(method: str, template: str, operation: dict[str, Any], item: dict[str, Any], document: Any) -> list[Operation]:
    sunset = operation.get("x-sunset", item.get("x-sunset"))
    retired = operation.get("deprecated", item.get("deprecated")) is True
    return [
        Operation(method.upper(), (base + template).replace("//", "/"), retired, str(sunset) if sunset else None)
        for base in _bases(operation.get("servers") or item.get("servers") or document.get("servers"), document)
    ]


def _bases(servers: Any, document: dict[str, Any]) -> Sequence[str]:
    """Return the paths of the servers, each once, without a slash at their end."""
    if "swagger" in document:
        return [_base(str(document.get("basePath") or ""))]
    stated = [server for server in servers if isinstance(server, dict)] if isinstance(servers, list) else []
    return list(dict.fromkeys(_base(_filled(server)) for server in stated)) or [""]


def _filled(server: dict[str, Any]) -> str:
    """Return a server's URL with the defaults of its variables."""
    url = str(server.get("url") or "")
    variables = server.get("variables")
    for name, variable in variables.items() if isinstance(variables, dict) else ():
        if isinstance(variable, dict):
            url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
    return url


def _base(url: str) -> str:
    try:
        path = urlsplit(url).path.rstrip("/")
    except ValueError:
        return ""
    # A relative URL is relative to where the description is served, which nobody knows: `./` and `.` are the root.
    return path if path.startswith("/") else ""


def _resolved(files: _Files, path: Path, item: Any, what: str) -> tuple[Any, Path]:
    """Follow `$ref` of a path item: `#/…` in the same file, `paths/users.yaml#/…` in one beside it."""
    for _ in range(_MOST_REFS):
        if not (isinstance(item, dict) and isinstance(item.get("$ref"), str)):
            return item, path
        place, _, pointer = item["$ref"].partition("#")
        if "://" in place:
            raise ConfigError(f"{shown_name(path)}: {what} is at {place}: only files are read")
        path = path.parent / unquote(place) if place else path
        item = files.read(path)
        for part in pointer.split("/")[1:]:
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if not isinstance(item, dict) or key not in item:
                raise ConfigError(f"{shown_name(path)}: {what}: there is no {pointer}")
            item = item[key]
    raise ConfigError(f"{shown_name(path)}: {what}: its `$ref` goes round in a circle")
