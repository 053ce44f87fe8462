"""Steps of a funnel as people write them: `POST /signup`, `10+ successful calls`, `signed_in`, `status = 429`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from apilens.errors import UsageError

if TYPE_CHECKING:
    import narwhals as nw

_NAMED = re.compile(r"(?P<what>.+?)\s+AS\s+(?P<name>\S.*)", re.DOTALL)
_COUNTED = re.compile(r"(?P<count>\d{1,9})\+\s+(?P<what>.+)", re.DOTALL)
_ANY_STATUS = re.compile(r"(?P<what>.+?)\s*\(any status\)", re.DOTALL | re.IGNORECASE)
_ENDPOINT = re.compile(r"(?:(?P<method>[A-Za-z]+|\*)\s+)?(?P<path>[/*]\S*)")
_CALLS = re.compile(r"(?:successful )?(?:calls?|requests?)", re.IGNORECASE)
# A word or a few, as event dumps name actions; what has operators, quotes or brackets is SQL.
_ACTION = re.compile(r"[\w*][\w .:/*-]*")
_SQL_WORD = re.compile(r"\b(?:AND|OR|NOT|IS|IN|LIKE|ILIKE|BETWEEN)\b")
MAX_COUNT = 1_000_000
# Who names these says himself what succeeds.
_STATUSES = frozenset({"status", "status_class", "upstream_status", "error_code", "auth_failure"})

Kind = Literal["endpoint", "calls", "action", "sql"]
# Compiles a SQL condition to an expression, and the columns that it reads.
Compile = Callable[[str], tuple["nw.Expr", frozenset[str]]]


@dataclass(frozen=True, slots=True)
class Step:
    """A step as it was written: `count` events of the kind that `kind` and `what` say, of any status or successful."""

    name: str
    kind: Kind
    what: str
    count: int = 1
    any_status: bool = False


def parse_step(text: str) -> Step:
    """Return what a text means as a step. Raises UsageError where it can mean none."""
    what = " ".join(text.split())
    named = _NAMED.fullmatch(what)
    if named:
        what = named["what"]
    name = named["name"] if named else what
    counted = _COUNTED.fullmatch(what)
    count = int(counted["count"]) if counted else 1
    what = counted["what"] if counted else what
    if not 1 <= count <= MAX_COUNT:
        raise UsageError(f"step `{text}`: a count is from 1 to {MAX_COUNT:,}")
    any_status = _ANY_STATUS.fullmatch(what)
    what = any_status["what"] if any_status else what
    return Step(name, _kind(what, text), what, count, any_status is not None)


def _kind(what: str, text: str) -> Kind:
    if _CALLS.fullmatch(what):
        return "calls"
    if _ENDPOINT.fullmatch(what):
        return "endpoint"
    if _ACTION.fullmatch(what) and not _SQL_WORD.search(what):
        return "action"
    if not what:
        raise UsageError(f"`{text}` is no step", hint="for example POST /signup, 10+ successful calls, or signed_in")
    return "sql"


def success_of(condition: Compile, errors: str | None) -> nw.Expr:
    """Return whether a request succeeded; errors: the condition of errors where it is not the default."""
    import narwhals as nw

    if not errors:
        return nw.col("status") < 400
    failed, _ = condition(errors)
    return ~nw.col("status").is_null() & ~nw.coalesce(failed, nw.lit(False))


def condition_of(step: Step, condition: Compile, success: nw.Expr) -> tuple[nw.Expr, bool]:
    """Return the expression for the events that a step counts, and whether `success` must be true as well.

    Raises UsageError for bad SQL.
    """
    import narwhals as nw

    is_request = nw.col("kind") == "request"
    if step.kind == "action":
        return (nw.col("kind") == "action") & _glob("action", step.what), False
    if step.kind == "sql":
        found, columns = condition(step.what)
        judged = step.any_status or columns & _STATUSES
        return (found if judged else found & (~is_request | success)), False
    return (is_request if step.kind == "calls" else _endpoint(step.what)), not step.any_status


def _endpoint(text: str) -> nw.Expr:
    found = _ENDPOINT.fullmatch(text)
    assert found
    return _glob("endpoint", f"{(found['method'] or '*').upper()} {found['path']}")


def _glob(column: str, pattern: str) -> nw.Expr:
    """Return whether a text is the pattern, in which `*` stands for any text and all else for itself."""
    import narwhals as nw

    if "*" not in pattern:
        return nw.col(column) == pattern
    # Not re.escape, which escapes what some engines take for a command of their own.
    parts = (re.sub(r"[\\.+?()|\[\]{}^$]", r"\\\g<0>", part) for part in re.split(r"\*+", pattern))
    return nw.col(column).str.contains(f"(?s)^{'.*'.join(parts)}\\z")
