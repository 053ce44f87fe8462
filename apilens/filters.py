"""SQL boolean expressions (`status >= 400 AND account = 'acme'`) compiled to Narwhals, from a whitelist of syntax.

The text may come from a rules file in a stranger's pull request: it is parsed, checked and rebuilt from column
references, literals and operators. No part of it ever reaches an engine as SQL.
"""

from __future__ import annotations

import functools
import math
import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, NoReturn

import narwhals as nw
import polars as pl
from sqlglot import exp

from apilens.errors import UsageError
from apilens.filter_forms import ARITHMETIC, COMPARE, HARMLESS, TEXT_FUNCTIONS, TEXT_TESTS, Kind, Term, kind_of
from apilens.spelling import nearest
from apilens.syntax import METRIC_CALLS, is_version_call, like_regex, marked, name_of, parse, spelled
from apilens.versions import is_version, key_column, key_of, version_key
from apilens.window import moment_of

MAX_PATTERN = 500  # `_` may match four bytes: longer patterns outgrow what regex engines accept
_INT64 = 2**63


def compile_filter(
    text: str, columns: Mapping[str, pl.DataType], *, derived: Mapping[str, nw.Expr] | None = None,
    now: datetime | None = None,
) -> nw.Expr:  # fmt: skip
    """Return the expression that is true where the text holds; false and NULL both fall out of `.filter()`.

    `columns` are the names that may stand in it, with their types; a name in `derived` stands for that expression, any
    other for the column itself. A metric call such as `count(status = 401)` may stand where `columns` has its
    canonical name (see `canonical`). `version(sdk_version)` is read from the column of keys where there is one (see
    `key_column`), or made of the text. now: what times such as '7d' (ago) count from; without it there are none.
    Raises UsageError with the place marked.
    """
    tree = parse(text)
    compiler = _Compiler(text, columns, derived or {}, now)
    try:
        term = compiler.build(tree)
    except RecursionError as error:
        raise UsageError("the filter is nested too deeply", hint="use IN (…) in place of long OR chains") from error
    if term.kind != "bool":
        compiler.fail(tree, f"a filter is a condition, and this is a {term.kind}", hint="compare it: status >= 400")
    reads = (node for node in tree.walk() if isinstance(node, (exp.Column, *METRIC_CALLS)))
    if all(is_version_call(node) for node in reads):
        compiler.fail(tree, "the condition reads no column", hint="name one: status >= 400")
    return term.expr


class _Compiler:
    def __init__(
        self, text: str, columns: Mapping[str, pl.DataType], derived: Mapping[str, nw.Expr], now: datetime | None
    ) -> None:
        self.text = text
        self.now = now
        self.columns = columns
        self.derived = derived

    def build(self, node: exp.Expr) -> Term:
        unknown = [name for name, value in node.args.items() if value and name not in HARMLESS]
        # COUNT carries a flag about the width of its result; the call is looked up by name, so nothing depends on it.
        if isinstance(node, exp.Alias):
            self.fail(node.args["alias"], f"`{node.alias}` is not expected here", hint="join conditions with AND or OR")
        if unknown and not isinstance(node, METRIC_CALLS):
            self.fail(node, f"`{unknown[0].upper()}` is not understood here")
        term = self._build(node)
        return Term(~term.expr, "bool") if node.args.get("negate") else term

    def _build(self, node: exp.Expr) -> Term:
        match node:
            case exp.Paren():
                return self.build(node.this)
            case exp.And() | exp.Or():
                return self.logic(node)
            case exp.Not():
                return Term(~self.condition(node.this), "bool")
            case exp.Column():
                return self.column(node)
            case exp.Literal() | exp.Boolean() | exp.Neg():
                return self.constant(node)
            case exp.Is():
                return self.is_(node)
            case exp.In():
                return self.in_(node)
            case exp.Between():
                low = self.compare(node, operator.ge, node.this, node.args["low"])
                return Term(low & self.compare(node, operator.le, node.this, node.args["high"]), "bool")
            case exp.Like() | exp.ILike():
                return self.like(node)
            case exp.Escape(this=exp.Like() | exp.ILike()):
                term = self.like(node.this, escape=self.literal_text(node.expression))
                return Term(~term.expr, "bool") if node.this.args.get("negate") else term
            case exp.Coalesce():
                return self.coalesce(node)
        if type(node) in COMPARE:
            return Term(self.compare(node, COMPARE[type(node)], node.this, node.expression), "bool")
        if type(node) in ARITHMETIC:
            return self.arithmetic(node)
        if type(node) in TEXT_FUNCTIONS:
            return Term(TEXT_FUNCTIONS[type(node)](self.text_of(node.this)), "text")
        if type(node) in TEXT_TESTS:
            part = self.literal_text(node.expression)
            return Term(TEXT_TESTS[type(node)](self.text_of(node.this), part), "bool")
        if is_version_call(node):
            return self.version(node)
        if isinstance(node, METRIC_CALLS):
            return self.metric(node)
        return self.fail(node, f"`{type(node).__name__.upper()}` is not allowed in a filter")

    def logic(self, node: exp.Expr) -> Term:
        # A chain is flattened and joined pairwise: a thousand ORs in a row would nest too deep for an engine.
        join = operator.and_ if isinstance(node, exp.And) else operator.or_
        parts = [self.condition(part) for part in node.flatten()]
        while len(parts) > 1:
            parts = [functools.reduce(join, parts[i : i + 2]) for i in range(0, len(parts), 2)]
        return Term(parts[0], "bool")

    def condition(self, node: exp.Expr) -> nw.Expr:
        term = self.build(node)
        if term.kind != "bool":
            self.fail(node, f"a condition is needed here, and this is a {term.kind}", hint="compare it: status >= 400")
        return term.expr

    def column(self, node: exp.Column) -> Term:
        name = name_of(node)
        if name not in self.columns:
            quoted = any(part.args.get("quoted") for part in node.parts)
            hint = f"text takes single quotes: '{name}'" if quoted else nearest(name, self.columns)
            self.fail(node, f"unknown column `{name}`", hint=hint)
        return Term(self.derived.get(name, nw.col(name)), kind_of(self.columns[name]))

    def metric(self, node: exp.Expr) -> Term:
        name = spelled(node)
        if name not in self.columns:
            self.fail(
                node,
                f"`{name}` is no function of a filter",
                hint="functions: lower, upper, coalesce, starts_with, version, cohort('NAME')",
            )
        return Term(self.derived.get(name, nw.col(name)), kind_of(self.columns[name]))

    def version(self, node: exp.Expr) -> Term:
        if len(node.expressions) != 1:
            self.fail(node, "version() takes one text", hint="version(sdk_version) < version('2.0')")
        [argument] = node.expressions
        term = self.build(argument)
        if isinstance(argument, exp.Column) and term.kind == "text":
            keys = key_column(name_of(argument))
            return Term(nw.col(keys) if keys in self.columns else version_key(term.expr), "version")
        if term.kind != "text":
            hint = None if term.value is None else "quote it: version('2.0')"
            self.fail(argument, f"text is needed here, and this is a {term.kind}", hint=hint)
        return Term(version_key(term.expr), "version") if term.value is None else self.matched("version", term, node)

    def constant(self, node: exp.Expr) -> Term:
        if isinstance(node, exp.Neg):
            term = self.build(node.this)
            if term.kind != "number":
                self.fail(node, f"a {term.kind} has no negative")
            if isinstance(term.value, (int, float)):
                return Term(nw.lit(-term.value), "number", -term.value)
            return Term(-term.expr.cast(nw.Float64), "number")
        if isinstance(node, exp.Boolean):
            return Term(nw.lit(bool(node.this)), "bool", bool(node.this))
        if node.args.get("is_string"):
            return Term(nw.lit(node.name), "text", node.name)
        # Python refuses to read thousands of digits as an integer, and as a float they are too large anyway.
        whole = len(node.name) < 400 and not re.search(r"[.eE]", node.name)
        number = int(node.name) if whole else float(node.name)
        if isinstance(number, int) and number >= _INT64:
            number = float(number)
        if not math.isfinite(number):
            self.fail(node, f"{node.name[:60]} is too large a number")
        return Term(nw.lit(number), "number", number)

    def is_(self, node: exp.Expr) -> Term:
        term = self.build(node.this)
        if isinstance(node.expression, exp.Null):
            return Term(term.expr.is_null(), "bool")
        if isinstance(node.expression, exp.Boolean) and term.kind == "bool":
            wanted = term.expr if node.expression.this else ~term.expr
            return Term(nw.coalesce(wanted, nw.lit(False)), "bool")
        return self.fail(node.expression, "IS takes NULL, NOT NULL, TRUE or FALSE")

    def in_(self, node: exp.Expr) -> Term:
        if not node.expressions:
            self.fail(node, "IN takes a list of values", hint="write status IN (401, 403)")
        tested = self.build(node.this)
        values = [self.matched(tested.kind, self.build(item), item).value for item in node.expressions]
        if any(value is None for value in values):
            self.fail(node, "IN takes literal values only", hint="write status IN (401, 403)")
        if tested.kind in ("time", "date"):
            return Term(functools.reduce(operator.or_, [tested.expr == nw.lit(value) for value in values]), "bool")
        if tested.kind != "number":
            return Term(tested.expr.is_in(values), "bool")
        # One type on both sides: engines differ in how they match 200 with 200.0.
        return Term(tested.expr.cast(nw.Float64).is_in([float(value or 0) for value in values]), "bool")

    def compare(self, node: exp.Expr, how: Callable[[Any, Any], Any], left: exp.Expr, right: exp.Expr) -> nw.Expr:
        for side in (left, right):
            if isinstance(side, exp.Null):
                self.fail(side, "nothing equals NULL", hint="write IS NULL or IS NOT NULL")
        one, two = self.build(left), self.build(right)
        if one.kind != two.kind:
            if one.value is None:
                two = self.matched(one.kind, two, right)
            else:
                one = self.matched(two.kind, one, left)
        if one.kind == "bool" and how not in (operator.eq, operator.ne):
            self.fail(node, "true and false have no order", hint="use = or <>")
        result: nw.Expr = how(one.expr, two.expr)
        return result

    def matched(self, kind: Kind, term: Term, node: exp.Expr) -> Term:
        """Return the term as a value of `kind`: ISO text becomes a time or a date; anything else must match already."""
        if term.kind == kind:
            return term
        if kind == "version" and isinstance(term.value, str):
            if not is_version(term.value):
                self.fail(node, f"`{term.value}` is no version", hint="a version begins with a number: '2.0'")
            key = key_of(term.value)
            return Term(nw.lit(key), kind, key)
        if term.kind == "text" and isinstance(term.value, str) and kind in ("time", "date"):
            moment = self.moment(term.value)
            if moment is None:
                ago = ", '7d' (ago)" if self.now else ""
                words = f"write '2026-11-01'{ago} or '2026-11-01T10:00:00Z' (UTC)"
                self.fail(node, f"`{term.value}` is no {kind}", hint=words)
            stamp = moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
            value: Any = stamp if kind == "time" else date(moment.year, moment.month, moment.day)
            return Term(nw.lit(value), kind, value)
        quoted = kind == "number" and re.fullmatch(r"-?\d+(\.\d+)?", str(term.value))
        hint = f"numbers take no quotes: {term.value}" if quoted else None
        if kind == "text" and term.kind in ("number", "bool") and term.value is not None:
            hint = f"text takes single quotes: '{term.value}'"
        if "version" in (kind, term.kind):
            hint = "write for example version(sdk_version) < version('2.0')"
        return self.fail(node, f"a {kind} cannot be compared with a {term.kind}", hint=hint)

    def moment(self, text: str) -> datetime | None:
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            return moment_of(text, self.now) if self.now else None

    def arithmetic(self, node: exp.Expr) -> Term:
        one, two = self.build(node.this), self.build(node.expression)
        for side, term in ((node.this, one), (node.expression, two)):
            if term.kind != "number":
                self.fail(side, f"a {term.kind} cannot be calculated with")
        # As floats: integers would wrap, and 3 / 2 would be 1 on some engines.
        left, right = one.expr.cast(nw.Float64), two.expr.cast(nw.Float64)
        if isinstance(node, exp.Div):
            # x / 0 is NULL, as in SQL; infinity would be more than any threshold.
            right = nw.when(right != nw.lit(0.0)).then(right)
        return Term(ARITHMETIC[type(node)](left, right), "number")

    def like(self, node: exp.Expr, *, escape: str = "") -> Term:
        pattern = self.literal_text(node.expression)
        if len(pattern) > MAX_PATTERN:
            self.fail(node.expression, f"a pattern has at most {MAX_PATTERN} characters")
        if len(escape) > 1:
            self.fail(node.expression, "ESCAPE takes one character", hint=r"LIKE 'a\_b%' ESCAPE '\'")
        regex = like_regex(pattern, escape=escape, ignore_case=isinstance(node, exp.ILike))
        return Term(self.text_of(node.this).str.contains(regex), "bool")

    def coalesce(self, node: exp.Expr) -> Term:
        first = self.build(node.this)
        rest = [self.matched(first.kind, self.build(item), item).expr for item in node.expressions]
        return Term(nw.coalesce(first.expr, *rest) if rest else first.expr, first.kind)

    def text_of(self, node: exp.Expr) -> nw.Expr:
        term = self.build(node)
        if term.kind != "text":
            self.fail(node, f"text is needed here, and this is a {term.kind}")
        return term.expr

    def literal_text(self, node: exp.Expr) -> str:
        if isinstance(node, exp.Literal) and node.args.get("is_string"):
            return node.name
        return self.fail(node, "a text in single quotes is needed here")

    def fail(self, node: exp.Expr, message: str, *, hint: str | None = None) -> NoReturn:
        places = [part.meta for part in node.walk() if "start" in part.meta]
        start = min((place["start"] for place in places), default=0)
        end = max((place["end"] + 1 for place in places), default=len(self.text))
        raise UsageError(marked(message, self.text, start, end), hint=hint)
