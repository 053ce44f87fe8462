"""Cohorts in apilens.yaml: saved sets of accounts (`cohorts: {vip: {file: vip.csv}}`). See docs/cohorts.md."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from apilens.conditions import account_problem, event_problem, metric_problem
from apilens.errors import UsageError
from apilens.window import parse_duration
from apilens.yaml_nodes import Keys

_NAME = re.compile(r"\w[\w-]{0,62}")


class Cohort(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A set of accounts: all that is said holds for each of them.

    accounts, file: those that are listed, else all. where, over: the events that count, and how far back from now.
    when: a condition over what an account did by these. top, by: the first of those that are left.
    """

    accounts: tuple[str, ...] | None = None
    file: str | None = None
    where: str | None = None
    over: str | None = None
    when: str | None = None
    top: int | None = None
    by: str | None = None

    @property
    def is_list(self) -> bool:
        """Whether it is a list and nothing more, whatever its accounts do."""
        return all(part is None for part in (self.where, self.over, self.when, self.top))

    @property
    def condition(self) -> str:
        """What holds for an account by its metrics: unless told, that there is a request of it."""
        return "requests >= 1" if self.when is None else self.when

    @property
    def texts(self) -> tuple[str, ...]:
        """Every name and condition in it."""
        return tuple(text for text in (self.where, self.when, self.by) if text)

    @property
    def meaning(self) -> str:
        """The whole in one line."""
        parts = [
            None if self.accounts is None else ", ".join(self.accounts),
            self.file and f"in {self.file.rpartition('/')[2]}",
            self.when and f"when {self.when}",
            self.top and f"top {self.top} by {self.by}",
            self.where and f"where {self.where}",
            self.over and f"over {self.over}",
        ]
        return " · ".join(part for part in parts if part)


def cohort_problems(
    cohorts: Mapping[str, Cohort], columns: Mapping[str, str], *, has_accounts: bool
) -> Iterator[tuple[Keys, str]]:
    """Give what is wrong with each; columns: name → type name of the configured ones. has_accounts: `accounts:` is
    set, so that there are columns `account.NAME`.
    """
    for name, cohort in cohorts.items():
        if not _NAME.fullmatch(name):
            yield (name,), f"{name!r} cannot name a cohort: letters, digits, `_` and `-`"
        for key, what in _problems(cohort, columns, has_accounts=has_accounts):
            yield (name, *((key,) if key else ())), what


def _problems(cohort: Cohort, columns: Mapping[str, str], *, has_accounts: bool) -> Iterator[tuple[str, str]]:
    if cohort == Cohort():
        yield "", "says nothing: for example `{when: requests >= 10, over: 28d}`, `{file: vip.csv}`"
    if cohort.accounts is not None and cohort.file is not None:
        yield "file", "goes without `accounts`: the list is either here or there"
    if cohort.accounts is not None and not all(cohort.accounts):
        yield "accounts", "an account has a name"
    if cohort.accounts == ():
        yield "accounts", "is empty"
    if cohort.file == "":
        yield "file", "is empty"
    if cohort.where is not None and (problem := event_problem(cohort.where, columns)):
        yield "where", problem
    if cohort.when is not None and (problem := account_problem(cohort.when, columns)):
        yield "when", problem
    if cohort.over is not None and (problem := _over_problem(cohort.over)):
        yield "over", problem
    yield from _rank_problems(cohort, columns)
    if not has_accounts:
        for key in ("where", "when", "by"):
            if "account." in (getattr(cohort, key) or "").replace('"', ""):
                yield key, "reads a column of `accounts: FILE`, and there is none"


def _over_problem(text: str) -> str | None:
    try:
        return None if parse_duration(text) else "is no time at all"
    except UsageError as error:
        return f"{error.message} ({error.hint})"


def _rank_problems(cohort: Cohort, columns: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    if (cohort.top is None) != (cohort.by is None):
        yield ("by", "goes with `top: N`") if cohort.top is None else ("top", "goes with `by: METRIC`")
    if cohort.top is not None and cohort.top < 1:
        yield "top", "is a number of accounts, from 1"
    if cohort.by is not None and not cohort.by.startswith("account."):
        problem = metric_problem(cohort.by, columns)
        if problem:
            yield "by", problem
