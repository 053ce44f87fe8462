"""endpoints: what is called of an API, what its description says of that, and what nobody calls."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from apilens.analyses import answers
from apilens.analyses.scope import Scope
from apilens.answer import Events
from apilens.endpoints import ANNOUNCED, DOCUMENTED, Endpoints, name_of_path
from apilens.enrich.learned_routes import NO_ROUTE, LearnedRoutes
from apilens.enrich.path_template import template
from apilens.enrich.route_table import RouteTable
from apilens.errors import UsageError
from apilens.result import Field, Result, Table
from apilens.route_template import segments_of
from apilens.schema import DTYPES

_METRICS = ("requests", "share", "accounts", "error_rate", "last_request")
LIMIT = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointsOptions(Scope):
    """What is asked. known: what the store knows of endpoints. unused: documented endpoints that nobody calls, instead
    of those that somebody does. why: a path, to be told why it is the endpoint that it is; routes: the templates that
    descriptions and settings state. limit: rows, None for all.
    """

    known: Endpoints
    routes: RouteTable = field(default_factory=RouteTable)
    why: str | None = None
    unused: bool = False
    limit: int | None = LIMIT

    def texts(self) -> list[str]:
        """Return every name and condition in it."""
        return [*Scope.texts(self), "endpoint"]


def endpoints(events: Events, options: EndpointsOptions, *, columns: Mapping[str, pl.DataType] = DTYPES) -> Result:
    """Return each endpoint with its requests, and with what the description says of it where there is one.

    Raises UsageError for a bad condition, and for `unused` without a description.
    """
    known = options.known
    if options.why is not None:
        return _why(options.why, options)
    if options.unused and not known.is_documented:
        raise UsageError(
            "no endpoint is documented", hint="name the description under `openapi:` in apilens.yaml, and ingest"
        )
    # What only probes call is called.
    asked = replace(options, everything=True) if options.unused else options
    [answer] = answers([asked.ask(events, columns, metrics=_METRICS, by=("endpoint",))])
    called = answer.rows.join(
        known.stated.select("endpoint", *DOCUMENTED), on="endpoint", how="left", maintain_order="left"
    )
    called = called.with_columns(pl.col("endpoint.documented", "endpoint.deprecated").fill_null(False))
    if options.unused:
        rows = (
            known.operations.join(_by_path(called), on="endpoint", how="anti")
            .drop("endpoint.documented")
            .sort("endpoint")
        )
        fields: Sequence[Field] = (Field("endpoint", "text"), *map(Field, ANNOUNCED))
    else:
        fields = (*answer.fields, *map(Field, known.dtypes()))
        rows = called.select(field.name for field in fields)
    shown = rows if options.limit is None else rows.head(options.limit)
    return Result(
        kind="endpoints",
        title="Documented endpoints that nobody calls" if options.unused else "Endpoints",
        tables=(Table("endpoints", tuple(fields), shown),),
        query={
            "where": list(options.where),
            "unused": options.unused,
            "limit": "all" if options.limit is None else options.limit,
            **options.query(),
        },
        header=options.header(answer.totals),
        notes=_notes(options, called, left_out=rows.height - shown.height),
        command=_command(options),
    )


def _by_path(called: pl.DataFrame) -> pl.DataFrame:
    return called.with_columns(name_of_path(pl.col("endpoint")).alias("endpoint"))


def _notes(options: EndpointsOptions, called: pl.DataFrame, *, left_out: int) -> tuple[str, ...]:
    notes = [f"and {left_out:,} more; --limit all shows them"] if left_out else []
    known = options.known
    if known.is_documented:
        described = known.operations.height
        used = known.operations.join(_by_path(called), on="endpoint", how="semi").height
        leads_nowhere = pl.col("endpoint").str.ends_with(NO_ROUTE)
        outside = called.filter(~pl.col("endpoint.documented") & ~leads_nowhere).height
        notes.append(f"{used} of {described} documented endpoints are called, and {outside} that are not documented")
    if not called.height:
        notes.append("no request matches: widen --since, or loosen --where")
    return tuple(notes)


def _command(options: EndpointsOptions) -> str:
    command = options.command("endpoints", options.flags(limit=options.limit, usual=LIMIT))
    return f"{command} --unused" if options.unused else command


def _why(path: str, options: EndpointsOptions) -> Result:
    """Return, segment by segment, why a path is the endpoint that it is."""
    # An endpoint may be asked about as tables have it, or a path as a browser has it.
    path = re.sub(r"^[A-Z]+ (?=/)", "", path).partition("?")[0]
    if not path.startswith("/"):
        raise UsageError(f"--why {path!r} is no path", hint="for example --why /genre/rock")
    described = options.routes.find(path)
    shaped = str(template(pl.Series("path", [path])).item())
    learned, is_route = LearnedRoutes.from_json(options.known.learned).resolve(shaped)
    rows = []
    for at, (raw, seen, now) in enumerate(zip(*map(segments_of, (path, shaped, described or learned)), strict=False)):
        reason = "a word of the path"
        if described:
            reason = "a word of the template" if raw == now else "a parameter of the template"
        elif raw != seen:
            reason = "looks like an id"
        elif seen != now:
            reason = f"one of many values under /{'/'.join(segments_of(learned)[:at])}"
        rows.append((raw, now, reason))
    names = ("segment", "becomes", "why")
    name = described or (learned if is_route else NO_ROUTE)
    notes = []
    if described:
        notes.append("it matches a template of `openapi:` or `endpoints:` in apilens.yaml")
    elif not is_route:
        notes.append("no path of this form was answered with anything but 400, 404 or 405")
    return Result(
        kind="endpoints.why",
        title=f"{path} is {name}",
        tables=(
            Table("why", tuple(map(Field, names)), pl.DataFrame(rows, dict.fromkeys(names, pl.String), orient="row")),
        ),
        query={"path": path, "endpoint": name},
        header=(f"{path} is {name}",),
        notes=tuple(notes),
        command=options.command("endpoints", [("--why", path)]),
    )
