"""Dotted paths into JSON objects: the schema that decodes just them, and the expression of each."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import polars as pl

# A tree of path parts; a leaf (empty) is decoded as text.
Tree = dict[str, "Tree"]

# Stands for an escaped quote while backslashes are doubled: text that comes from JSON has no raw control character.
_QUOTE = "\x1e"


class Paths:
    """The dotted paths to decode (`response.body.code`, `errors.0.field`).

    schema: what read_objects needs. A path below another wanted one, or through an array index, is looked up in the
    text of what stands above it. dotted_keys: a top-level key `a.b` is as good as `b` within `a`.
    """

    def __init__(self, paths: Collection[str], *, dotted_keys: bool = False) -> None:
        self._tree: Tree = {}
        self._leaves: set[tuple[str, ...]] = set()
        self._dotted = {path for path in paths if dotted_keys and "." in path}
        for name in sorted(self._dotted):
            self._add((name,))
        # Sorted: the schema, and with it the order in which values are decoded, is the same in every run.
        for path in sorted({parts(path) for path in paths}, key=lambda path: (len(path), path)):
            self._add(_object_parts(path))

    @property
    def schema(self) -> dict[str, pl.DataType]:
        """Name → type of the wanted top-level keys: String, or a Struct down to the wanted leaves."""
        return {name: _dtype(below) for name, below in self._tree.items()}

    def text(self, path: str) -> pl.Expr:
        """Return the value at a path as text: a string as it is, anything else as JSON; null where it is absent."""
        wanted = parts(path)
        leaf = next(wanted[:length] for length in range(1, len(wanted) + 1) if wanted[:length] in self._leaves)
        found = pl.col(leaf[0])
        for name in leaf[1:]:
            found = found.struct.field(name)
        if len(leaf) < len(wanted):
            found = below(found, wanted[len(leaf) :])
        return pl.coalesce(found, pl.col(path)) if path in self._dotted else found

    def _add(self, path: tuple[str, ...]) -> None:
        # Shorter paths come first, so a leaf is never asked to become a branch.
        if any(path[:length] in self._leaves for length in range(1, len(path) + 1)):
            return
        tree = self._tree
        for name in path:
            tree = tree.setdefault(name, {})
        self._leaves.add(path)


def parts(path: str) -> tuple[str, ...]:
    """Split a dotted path; `a[0].b` and `a.0.b` are the same."""
    return tuple(path.replace("[", ".").replace("]", "").split("."))


def below(text: pl.Expr, path: tuple[str, ...]) -> pl.Expr:
    """Return what stands at `path` within JSON text, null where that is no JSON or has no such path."""
    steps = "".join(f"[{name}]" if name.isdigit() else f"['{name}']" for name in path if "'" not in name)
    return json_text(text).str.json_path_match(f"${steps}")


def json_text(text: pl.Expr) -> pl.Expr:
    """Return nested JSON as Polars decodes it, mended: it escapes quotes and newlines, and nothing else."""
    return (
        text.str.replace_all(r"[\x00-\x1f]", " ")
        .str.replace_all('\\"', _QUOTE, literal=True)
        .str.replace_all("\\", "\\\\", literal=True)
        .str.replace_all(_QUOTE, '\\"', literal=True)
    )


def header_values(headers: pl.Series, names: Iterable[str]) -> dict[str, pl.Series]:
    """Return name → value of headers out of texts of headers objects; names in any case, the first of a list."""
    # In such a text each quote within a value has a backslash before it, and nothing else is escaped. So `, "name"` is
    # never part of a value, and a quote that is followed by `, "` ends one, even behind a backslash.
    escaped = headers.str.contains("\\", literal=True).any()
    value = r'"(?s:(.*?))"(?:, "|\}$)' if escaped else '"([^"]*)"'
    found = {}
    for name in names:
        key = rf'[{{,] ?"(?i:{_escape(name)})": '
        values = headers.str.extract(key + value)
        rest = (values.is_null() & headers.is_not_null()).arg_true()
        if len(rest):
            left = pl.col("left")
            listed = left.str.extract(key + r'\["(?s:(.*?))"(?:, "|\])')
            number = left.str.extract(key + r"(-?[0-9][0-9.]*)")
            others = headers.gather(rest).alias("left").to_frame().select(pl.coalesce(listed, number)).to_series()
            values = values.scatter(rest, others) if others.null_count() < len(others) else values
        found[name] = values.str.replace_all('\\"', '"', literal=True) if escaped else values
    return found


def listed_values(
    listed: pl.Series, names: Iterable[str], *, key: str = "name", value: str = "value"
) -> dict[str, pl.Series]:
    """Return name → value out of texts of lists such as `[{"name": "Host", "value": "x"}]`; names in any case."""
    escaped = listed.str.contains("\\", literal=True).any()
    found = {}
    for name in names:
        start = rf'\{{"{key}": "(?i:{_escape(name)})", "{value}": "'
        # As for header_values: a quote that ends a value is followed by `}` or `, "`, even behind a backslash.
        values = listed.str.extract(start + (r'(?s:(.*?))"(?:, "|\})' if escaped else '([^"]*)"'))
        found[name] = values.str.replace_all('\\"', '"', literal=True) if escaped else values
    return found


def attribute_values(attributes: pl.Series, names: Iterable[str]) -> dict[str, pl.Series]:
    """Return name → value out of texts of OpenTelemetry's attributes, as OTLP lists them or as one plain object.

    https://github.com/open-telemetry/opentelemetry-proto: KeyValue is `{"key": "a", "value": {"stringValue": "x"}}`.
    """
    found = {}
    plain = attributes.str.starts_with("{").any()
    for name in names:
        start = rf'\{{"key": "{_escape(name)}", "value": \{{"[A-Za-z]+": '
        text = attributes.str.extract(start + r'"((?:[^"\\]|\\.)*)"')
        rest = text.is_null() & attributes.is_not_null()
        if rest.any():
            number = attributes.str.extract(start + '([^"{}]+)')
            text = text.zip_with(~rest, number)
        if plain:
            text = text.zip_with(text.is_not_null(), header_values(attributes, [name])[name])
        found[name] = text.str.replace_all('\\"', '"', literal=True)
    return found


def _escape(name: str) -> str:
    return "".join(char if char.isalnum() or char in "_-" else f"\\x{{{ord(char):x}}}" for char in name)


def _object_parts(path: tuple[str, ...]) -> tuple[str, ...]:
    """Return the parts up to the first array index."""
    index = next((at for at, name in enumerate(path) if at and name.isdigit()), len(path))
    return path[:index]


def _dtype(tree: Tree) -> pl.DataType:
    return pl.Struct({name: _dtype(below) for name, below in tree.items()}) if tree else pl.String()
