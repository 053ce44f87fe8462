"""YAML read without surprises, and turned into typed structs: every mistake with its line, all of them at once."""

from __future__ import annotations

import re
import types
import typing
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from apilens.spelling import nearest

MAX_BYTES = 1 << 20
MAX_DEPTH = 50
# PyYAML takes seconds for a few thousand open brackets, before any check of ours could see their depth.
MAX_BRACKETS = 100

Keys = tuple[str | int, ...]
Kind = Literal["mapping", "list", "scalar"]


class YamlMistake(Exception):
    """A mistake after which the rest of the text cannot be read."""

    def __init__(self, line: int, what: str, column: int = 1) -> None:
        super().__init__(what)
        self.line = line
        self.what = what
        self.column = column


@dataclass(slots=True)
class Node:
    """A YAML value with its place: pairs of key node and value for a mapping, nodes for a list, or a scalar's value."""

    line: int
    kind: Kind
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    items: list[Node] = field(default_factory=list)
    value: str | int | float | bool | None = None
    column: int = 1


@dataclass(slots=True)
class Mistakes:
    """What is wrong, line by line, and the line of every value by its path; columns: of each mistake that has one."""

    found: list[tuple[int, str]] = field(default_factory=list)
    lines: dict[Keys, int] = field(default_factory=dict)
    wrong: set[Keys] = field(default_factory=set)
    columns: dict[tuple[int, str], int] = field(default_factory=dict)
    starts: dict[Keys, int] = field(default_factory=dict)

    def add(self, line: int, what: str, path: Keys = (), *, column: int = 1) -> None:
        """Note a mistake at a line, which makes what stands at `path` wrong."""
        self.found.append((line, what))
        self.columns[line, what] = column
        self.wrong.add(path)

    def place(self, path: Keys, node: Node) -> None:
        """Remember where what stands at a path begins."""
        self.lines[path], self.starts[path] = node.line, node.column

    def listed(self) -> list[tuple[int, int, str]]:
        """Return every mistake with its line and column, in the order of the file."""
        return sorted((line, self.columns.get((line, what), 1), what) for line, what in self.found)

    def within(self, path: Keys) -> bool:
        """Say whether a mistake was noted at a path or below it: of what is left there nothing can be said."""
        return any(wrong[: len(path)] == path for wrong in self.wrong)

    def at(self, path: Keys, what: str) -> None:
        """Note a mistake at the line of a path, or of the nearest of its parents that has one."""
        known = next((path[:end] for end in range(len(path), -1, -1) if path[:end] in self.lines), ())
        place = f"{spelled(path)}: " if path else ""
        self.add(self.lines.get(known, 1), place + what, path, column=self.starts.get(known, 1))


def spelled(path: Keys) -> str:
    """Return a path as a user would write it: `account[0].header`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def read_yaml(data: bytes) -> Node | None:
    """Return the one document in the bytes, None where there is nothing but comments.

    Plain `true`, `false`, `null`, whole and decimal numbers have their type; all else is text: `NO`, `1:30`, `010`.
    Raises YamlMistake for bad YAML and for what a settings file has no use for: aliases, tags, several documents.
    """
    import yaml

    text = _checked(data)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _build(yaml.parse(text, Loader=loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise YamlMistake(place[0], error.problem or "is no YAML", place[1]) from None
    except yaml.YAMLError as error:
        raise YamlMistake(1, f"is no YAML: {str(error).splitlines()[0]}") from None


def _checked(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise YamlMistake(1, f"is larger than 1 MiB ({len(data)} bytes)")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise YamlMistake(1, "is UTF-16: save it as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise YamlMistake(line, f"is no UTF-8 (byte 0x{data[error.start]:02x})") from None
    bad = re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]", text)
    if bad:
        raise YamlMistake(text.count("\n", 0, bad.start()) + 1, f"holds the control character \\x{ord(bad[0]):02x}")
    depth = 0
    for bracket in re.finditer(r"[\[\]{}]", text):
        depth = depth + 1 if bracket[0] in "[{" else max(depth - 1, 0)
        if depth > MAX_BRACKETS:
            raise YamlMistake(text.count("\n", 0, bracket.start()) + 1, f"more than {MAX_BRACKETS} brackets are open")
    return text


def _build(events: typing.Iterable[Any]) -> Node | None:
    """Build nodes from parser events. Not recursive, so depth is ours to limit."""
    import yaml

    root: Node | None = None
    documents = 0
    open_nodes: list[Node] = []
    keys: list[Node | None] = []
    for event in events:
        line, column = event.start_mark.line + 1, event.start_mark.column + 1
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise YamlMistake(line, "a second document begins: one is enough")
        if isinstance(event, yaml.CollectionEndEvent):
            open_nodes.pop()
            keys.pop()
        if not isinstance(event, yaml.NodeEvent):
            continue
        node = _node(event, line)
        node.column = column
        if open_nodes:
            _attach(open_nodes[-1], keys, node)
        else:
            root = node
        if node.kind != "scalar":
            open_nodes.append(node)
            keys.append(None)
            if len(open_nodes) > MAX_DEPTH:
                raise YamlMistake(line, f"nested deeper than {MAX_DEPTH} levels")
    return None if root and root.kind == "scalar" and root.value is None else root


def _node(event: Any, line: int) -> Node:
    import yaml

    if isinstance(event, yaml.AliasEvent) or event.anchor:
        raise YamlMistake(line, "aliases and anchors are not allowed: write the value out")
    if event.tag and event.tag != "!":
        raise YamlMistake(line, f"tags are not allowed: {event.tag}")
    if isinstance(event, yaml.MappingStartEvent):
        return Node(line, "mapping")
    if isinstance(event, yaml.SequenceStartEvent):
        return Node(line, "list")
    return Node(line, "scalar", value=event.value if event.style else _plain(event.value))


def _plain(text: str) -> str | int | float | bool | None:
    if text in ("", "~", "null"):
        return None
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch("-?(0|[1-9][0-9]{0,17})", text):
        return int(text)
    if re.fullmatch(r"-?(0|[1-9][0-9]{0,17})\.[0-9]{1,18}", text):
        return float(text)
    return text


def _attach(parent: Node, keys: list[Node | None], node: Node) -> None:
    if parent.kind == "list":
        parent.items.append(node)
        return
    key = keys[-1]
    if key is None:
        if node.kind != "scalar":
            raise YamlMistake(node.line, "a key must be a word")
        keys[-1] = node
        return
    if any(before.value == key.value for before, _ in parent.pairs):
        raise YamlMistake(key.line, f"`{key.value}` is given twice")
    parent.pairs.append((key, node))
    keys[-1] = None


def typed(node: Node, kind: Any, mistakes: Mistakes, path: Keys = ()) -> Any:
    """Return the node as a value of the type (structs, tuples and dicts of them, plain types), noting every mistake.

    What holds a mistake is left out, so that the rest of the settings can be checked further: see Mistakes.within.
    """
    mistakes.place(path, node)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        wanted = [part for part in arguments if part is not type(None)]
        if node.value is None and node.kind == "scalar":
            return None
        # `store: DIR` or `store: {path: DIR}`: names with values mean the struct among the types.
        structs = [part for part in wanted if isinstance(part, type) and issubclass(part, msgspec.Struct)]
        if structs and node.kind == "mapping":
            return typed(node, structs[0], mistakes, path)
        plain = [part for part in wanted if part not in structs]
        if len(wanted) == 1 or len(plain) == 1:
            return typed(node, (plain or wanted)[0], mistakes, path)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct(node, kind, mistakes, path)
    if origin is tuple and _is(node, "list", "a list, as in `[a, b]`", mistakes, path):
        return tuple(typed(item, arguments[0], mistakes, (*path, at)) for at, item in enumerate(node.items))
    if origin is dict and _is(node, "mapping", "names with values, as in `name: value`", mistakes, path):
        named = [(str(key.value), item) for key, item in node.pairs]
        made = ((name, typed(item, arguments[1], mistakes, (*path, name))) for name, item in named)
        return {name: value for name, value in made if value is not None}
    if origin not in (tuple, dict) and _is(node, "scalar", _expected(kind), mistakes, path):
        return _scalar(node, kind, mistakes, path)
    return None


def _struct(node: Node, kind: type[msgspec.Struct], mistakes: Mistakes, path: Keys) -> Any:
    if not _is(node, "mapping", "names with values, as in `name: value`", mistakes, path):
        return None
    fields = {item.encode_name: item for item in msgspec.structs.fields(kind)}
    values = {}
    for key, item in node.pairs:
        name = str(key.value)
        if name not in fields:
            near = nearest(name, fields)
            hint = f" ({near})" if near else f" (known: {', '.join(fields)})"
            mistakes.add(key.line, f"{spelled((*path, name))}: unknown key{hint}", (*path, name), column=key.column)
            continue
        if item.kind == "scalar" and item.value is None and not fields[name].required:
            # A key whose values are all commented out is as good as none.
            continue
        known = len(mistakes.found)
        value = typed(item, fields[name].type, mistakes, (*path, name))
        if len(mistakes.found) == known or _has_structs(value):
            values[fields[name].name] = value
        mistakes.place((*path, name), key)
    given = {str(key.value) for key, _ in node.pairs}
    for missing in [name for name, item in fields.items() if item.required and name not in given]:
        mistakes.at(path, f"`{missing}` is missing")
    complete = all(item.name in values for item in fields.values() if item.required)
    return kind(**values) if complete else None


def _has_structs(value: Any) -> bool:
    """Say whether a value is one of structs, which stand without the keys that were wrong in them."""
    parts = value if isinstance(value, tuple) else tuple(value.values()) if isinstance(value, dict) else (value,)
    return bool(parts) and all(isinstance(part, msgspec.Struct) for part in parts)


def _is(node: Node, kind: Kind, expected: str, mistakes: Mistakes, path: Keys) -> bool:
    if node.kind == kind:
        return True
    mistakes.at(path, f"expected {expected}, got {_shown(node)}")
    return False


def _scalar(node: Node, kind: Any, mistakes: Mistakes, path: Keys) -> Any:
    try:
        return msgspec.convert(node.value, kind, strict=True)
    except msgspec.ValidationError:
        near = nearest(str(node.value), typing.get_args(kind)) if typing.get_origin(kind) is Literal else None
        mistakes.at(path, f"expected {_expected(kind)}, got {_shown(node)}" + (f" ({near})" if near else ""))
        return None


def _expected(kind: Any) -> str:
    if typing.get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, typing.get_args(kind)))
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return " or ".join(_expected(part) for part in typing.get_args(kind) if part is not type(None))
    return {str: "text", int: "a whole number", float: "a number", bool: "true or false"}.get(kind, "a value")


def _shown(node: Node) -> str:
    if node.kind != "scalar":
        return "a list" if node.kind == "list" else "names with values"
    if node.value is None:
        return "nothing"
    if isinstance(node.value, bool):
        return f"`{str(node.value).lower()}` (put it in quotes to make it text)"
    if isinstance(node.value, int | float):
        return f"the number {node.value} (put it in quotes to make it text)"
    return f"the text {re.sub('://[^ ]+', '://…', node.value)[:60]!r}"  # An address may be a secret.
