"""SQL text to a checked syntax tree: the names and metric calls in it, and every mistake marked in the text."""

from __future__ import annotations

import functools
import re

import sqlglot
from sqlglot import exp

from apilens.errors import UsageError

MAX_CHARACTERS = 10_000
MAX_NODES = 5_000

# Calls that name a metric: count(COND), rate(COND), sum(col), mean(col), max(col), p95(col).
METRIC_CALLS = (exp.Count, exp.Sum, exp.Max, exp.Min, exp.Avg, exp.Anonymous)
_EXAMPLE = "write for example: status >= 400 AND account = 'acme'"


def columns_of(text: str) -> frozenset[str]:
    """Return every column name that the filter reads, inside metric calls too."""
    return frozenset(name_of(column) for column in parse(text).find_all(exp.Column))


def metrics_of(text: str) -> tuple[str, ...]:
    """Return what a condition over metrics reads, in order: plain names, and metric calls in canonical spelling."""
    found: dict[str, None] = {}
    pending: list[exp.Expr] = [parse(text)]
    while pending:
        node = pending.pop()
        if isinstance(node, METRIC_CALLS):
            found[spelled(node)] = None
        elif isinstance(node, exp.Column):
            found[name_of(node)] = None
        else:
            pending.extend(reversed(list(node.iter_expressions())))
    return tuple(found)


def canonical(text: str) -> str:
    """Return the one spelling of a metric call: `count(status=401)` and `COUNT( status = 401 )` become the same."""
    return spelled(parse(text))


def spelled(node: exp.Expr) -> str:
    """Return the canonical text of a parsed call."""
    return node.sql(normalize_functions="lower", comments=False)


def is_version_call(node: exp.Expr) -> bool:
    """Say whether it is `version(…)`, which no SQL dialect has with an argument."""
    return isinstance(node, exp.Anonymous) and node.name.lower() == "version"


def name_of(column: exp.Column) -> str:
    """Return the name as it was written, dots and all: `account.plan` is one column."""
    return ".".join(part.name for part in column.parts)


@functools.lru_cache(maxsize=1024)
def parse(text: str) -> exp.Expr:
    """Return the tree of one SQL expression, the same for the same text: nobody changes it.

    Raises UsageError, with the place marked, for anything else.
    """
    if len(text) > MAX_CHARACTERS:
        raise UsageError(f"the filter is longer than {MAX_CHARACTERS} characters")
    try:
        trees = sqlglot.parse(text)
    except sqlglot.errors.ParseError as error:
        start, end = _place(error, text)
        raise UsageError(marked("the filter is no SQL condition", text, start, end), hint=_EXAMPLE) from error
    except (sqlglot.errors.SqlglotError, RecursionError) as error:
        raise UsageError(marked("the filter is no SQL condition", text, 0, len(text)), hint=_EXAMPLE) from error
    tree = trees[0] if len(trees) == 1 else None
    if tree is None:
        raise UsageError(marked("a filter is one condition", text, 0, len(text)), hint="join several with AND or OR")
    for count, _ in enumerate(tree.walk()):
        if count > MAX_NODES:
            raise UsageError(f"the filter has more than {MAX_NODES} parts", hint="use IN (…) or LIKE")
    return tree


def _place(error: sqlglot.errors.ParseError, text: str) -> tuple[int, int]:
    place = error.errors[0] if error.errors else {}
    lines = text.splitlines(keepends=True)[: int(place.get("line") or 1) - 1]
    # sqlglot's column counts from 1 and names the last character of the token.
    end = min(sum(map(len, lines)) + int(place.get("col") or 0), len(text))
    return max(end - len(str(place.get("highlight") or "")), 0), end


def marked(message: str, text: str, start: int, end: int) -> str:
    """Return the message with the text below it, and carets under the characters from `start` to `end`."""
    line_start = text.rfind("\n", 0, start) + 1
    line_end = (text.find("\n", start) + len(text) + 1) % (len(text) + 1)
    left = max(line_start, start - 60)
    shown = text[left : min(line_end, left + 100)]
    carets = "^" * max(1, min(end, left + len(shown)) - start)
    return f"{message}\n  {shown}\n  {' ' * (start - left)}{carets}"


def like_regex(pattern: str, *, escape: str = "", ignore_case: bool = False) -> str:
    """Return the anchored regex of a LIKE pattern: `%` any text, `_` any one character, all else as it stands.

    What follows the character `escape` stands for itself.
    """
    parts = re.findall(f"{re.escape(escape)}.|%+|." if escape else "%+|.", pattern, re.DOTALL)
    body = "".join(_regex_of(part, escape) for part in parts)
    return f"(?s{'i' if ignore_case else ''})^{body}\\z"


def _regex_of(part: str, escape: str) -> str:
    if part[0] != escape and part[0] in "%_":
        return ".*" if part[0] == "%" else "."
    return f"\\{part[-1]}" if part[-1] in r"\.+*?()|[]{}^$" else part[-1]
