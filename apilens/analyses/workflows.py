"""workflows: in which order endpoints are called within sessions, how regularly, and who does it unlike expected.

To add a view: a function that gives its tables, and a line in VIEWS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import narwhals as nw
import polars as pl

from apilens.analyses import answers, collect
from apilens.analyses.workflow_options import Asked, WorkflowOptions
from apilens.answer import Events
from apilens.cadence import TOO_FEW, gaps_of, judged
from apilens.errors import UsageError
from apilens.heading import attributed
from apilens.query import matching_events
from apilens.result import Better, Field, Result, Table, Unit
from apilens.schema import DTYPES
from apilens.sessions import CALLS, parts_for
from apilens.window import shortest
from apilens.workflow_table import kept_rows, login_rows, tandem_rows, transition_rows, workflow_rows
from apilens.workflows import BIT, MOST_ENDPOINTS, before_login, kept, sets_of, transitions

# A call with credentials that were good.
LOGIN = "auth_scheme IS NOT NULL AND auth_failure IS NULL AND (status IS NULL OR status NOT IN (401, 403))"

_TEXTS = ("account", "endpoint", "other_endpoint", "from_endpoint", "to_endpoint", "workflow", "cadence")
_UNITS: Mapping[str, tuple[Unit, Better]] = {
    **dict.fromkeys(_TEXTS, ("text", "")),
    **dict.fromkeys(("broken_share", "no_login_first_share"), ("ratio", "lower")),
    **dict.fromkeys(("share", "together_share", "regular_share"), ("ratio", "")),
    **dict.fromkeys(("mean_gap_ms", "median_gap_ms"), ("ms", "")),
    "burstiness": ("number", ""),
    "last_request": ("time", ""),
}
_COUNT: tuple[Unit, Better] = ("count", "")

# Name, columns and rows of each table.
Tables = list[tuple[str, tuple[str, ...], pl.DataFrame]]


@dataclass(frozen=True, slots=True)
class View:
    """A way to look at the order of calls: what `--help` says of it, what gives its tables, and what stands
    below them, and where they are empty."""

    help: str
    tables: Callable[[Asked], Tables]
    note: str
    empty: str


def workflows(events: Events, options: WorkflowOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return the tables of the view that is asked for.

    Raises UsageError for an unknown view or workflow, a bad condition, and flags that belong to another view.
    """
    view = VIEWS.get(options.view)
    if view is None:
        raise UsageError(f"--view {options.view!r} is none", hint=f"one of {', '.join(VIEWS)}")
    if options.idle <= timedelta(0):
        raise UsageError("--idle is no pause", hint="for example --idle 30m")
    matching = matching_events(
        events, where=options.where, window=options.window, dtypes=columns, leave=options.leaves(columns)
    )
    [rows] = collect([matching.select(nw.len())])
    [answer] = answers([options.ask(events, columns, metrics=("requests",), where=(CALLS,))])
    asked = Asked(options, events, matching, columns, parts_for(rows.item()))
    tables = view.tables(asked)
    notes = ["no call matches: widen --since, or loosen --where"] if not answer.totals.requests else []
    left_out = tables[0][2].height - (options.limit or tables[0][2].height)
    if left_out > 0:
        notes.append(f"and {left_out:,} more; --limit all shows them")
    if not notes and tables[0][2].is_empty():
        notes.append(view.empty)
    if options.view == "login" and tables[1][2].height and not tables[1][2]["logins"].sum():
        notes.append("no call is a login: say what one is, for example --login 'POST /oauth/token'")
    if words := attributed(answer.totals.attributed_share):
        notes.append(words)
    return Result(
        kind=f"workflows.{options.view}",
        title="Workflows",
        tables=tuple(_table(name, names, frame, options.limit) for name, names, frame in tables),
        query=options.query(),
        header=(*options.header(answer.totals), *_header(options)),
        notes=(*notes, view.note) if tables[0][2].height else tuple(notes),
        command=options.again(),
    )


def _table(name: str, names: tuple[str, ...], rows: pl.DataFrame, limit: int | None) -> Table:
    shown = rows.head(rows.height if limit is None else limit)
    return Table(name, tuple(Field(item, *_UNITS.get(item, _COUNT)) for item in names), shown.select(names))


def _header(options: WorkflowOptions) -> list[str]:
    lines = []
    if options.view not in ("cadence", "never"):
        lines.append(f"within sessions: without a pause of more than {shortest(options.idle)}, or of one token")
    if options.view == "login":
        lines.append(f"login: a successful {options.login}" if options.login else f"login: {LOGIN}")
    return lines


def _transitions(asked: Asked) -> Tables:
    found = pl.concat(collect(transitions(asked.matching, idle=asked.options.idle, parts=asked.parts)))
    return [("transitions", ("from_endpoint", "to_endpoint", "transitions", "share"), transition_rows(found))]


def _tandem(asked: Asked) -> Tables:
    [most] = answers([
        asked.options.ask(
            asked.events, asked.columns, metrics=("requests",), by=("endpoint",),
            where=(CALLS, "endpoint IS NOT NULL"), limit=MOST_ENDPOINTS,
        )
    ])  # fmt: skip
    bits = pl.Series(BIT, [1 << place for place in range(most.rows.height)], dtype=pl.Int64)
    codes = most.rows.select("endpoint").with_columns(bits)
    found = pl.concat(collect(sets_of(asked.matching, codes, idle=asked.options.idle, parts=asked.parts)))
    names = (
        "endpoint", "other_endpoint", "sessions", "together", "together_share", "accounts", "accounts_never",
    )  # fmt: skip
    return [("tandem", names, tandem_rows(found, codes))]


def _never(asked: Asked) -> Tables:
    uses, never = asked.options.uses, asked.options.never
    if not uses or not never:
        raise UsageError("--view never needs --uses and --never", hint="--uses 'POST /v2/a' --never 'POST /v2/b'")
    used, missing = (f"count({asked.where(text)})" for text in (uses, never))
    [answer] = answers([
        asked.options.ask(
            asked.events, asked.columns, metrics=(used, "requests", "last_request"), by=("account",), where=(CALLS,),
            having=f"{used} > 0 AND {missing} = 0",
        )
    ])  # fmt: skip
    return [("never", ("account", "uses", "requests", "last_request"), answer.rows.rename({used: "uses"}))]


def _login(asked: Asked) -> Tables:
    login = asked.options.login
    meant = asked.meant(login) & asked.succeeded if login else asked.meant(LOGIN)
    frames = collect(before_login(asked.matching, meant, idle=asked.options.idle, parts=asked.parts))
    endpoints, accounts = login_rows(pl.concat(frames))
    shown = ("account", "sessions", "login_first", "login_later", "login_never", "no_login_first_share")
    return [("before_login", ("endpoint", "before", "without", "accounts"), endpoints), ("accounts", shown, accounts)]


def _expected(asked: Asked) -> Tables:
    whose = []
    for name, texts in asked.options.steps().items():
        steps = [asked.meant(text) & asked.succeeded for text in texts]
        frames = collect(kept(asked.matching, steps, idle=asked.options.idle, parts=asked.parts))
        whose.append(kept_rows(name, pl.concat(frames)))
    accounts = pl.concat(whose)
    counts = ("sessions", "completed", "unfinished", "broken", "broken_share")
    all_of = ("workflow", *counts, "accounts", "breaking_accounts")
    return [("workflows", all_of, workflow_rows(accounts)), ("accounts", ("workflow", "account", *counts), accounts)]


def _cadence(asked: Asked) -> Tables:
    found = judged(pl.concat(collect(gaps_of(asked.matching, parts=asked.parts))))
    # In the alphabet, the robotic stand between the others.
    order = [pl.col("cadence") != "robotic", pl.col("cadence") == TOO_FEW, "regular_share", "burstiness", "account"]
    rows = found.sort(order, descending=[False, False, True, False, False], nulls_last=True)
    names = ("account", "cadence", "calls", "regular_share", "burstiness", "median_gap_ms", "mean_gap_ms")
    return [("cadence", names, rows)]


VIEWS: Mapping[str, View] = {
    "transitions": View(
        "what is called next",
        _transitions,
        "of one account: apilens workflows --account NAME",
        "no session has two calls: a longer --idle makes longer ones",
    ),
    "tandem": View(
        "what is called in the same sessions",
        _tandem,
        "who never: apilens workflows --view never --uses ENDPOINT --never OTHER",
        "no session calls two endpoints: a longer --idle makes longer ones",
    ),
    "never": View(
        "accounts that call --uses and never --never",
        _never,
        "their sessions: apilens sessions --list --account NAME",
        "no account calls the one and never the other",
    ),
    "login": View(
        "what is called before a login, or without any",
        _login,
        "their sessions: apilens sessions --list --account NAME",
        "every session begins with a login",
    ),
    "expected": View(
        "who keeps the orders of `workflows:` in apilens.yaml",
        _expected,
        "their sessions: apilens sessions --list --account NAME",
        "no step of these workflows was called",
    ),
    "cadence": View(
        "how regularly accounts call",
        _cadence,
        "robotic: half of the gaps within 10 % of the median, or burstiness ≤ -0.5; of 31 calls at least",
        "no call matches: widen --since, or loosen --where",
    ),
}
