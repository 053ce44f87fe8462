"""What is known of the endpoints of an API, learned and documented: made by ingest, read by questions.

It lies in STORE/state/endpoints.json: names that stored endpoints have now, the operations of the descriptions, and
what headers of responses announce.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import polars as pl

from apilens.announced import from_json, latest
from apilens.engine import joined, renamed

STATE = "endpoints.json"
# The metric that counts endpoints of the description.
_COVERAGE = "documented_coverage"
DOCUMENTED: Mapping[str, pl.DataType] = {
    "endpoint.documented": pl.Boolean(), "endpoint.deprecated": pl.Boolean(), "endpoint.sunset": pl.String(),
}  # fmt: skip

# Those of them that headers of responses state, too.
ANNOUNCED = ("endpoint.deprecated", "endpoint.sunset")
OPENAPI, RESPONSES = "OpenAPI", "response headers"


def name_of_path(endpoint: pl.Expr) -> pl.Expr:
    """Return an endpoint without the operation of GraphQL, which descriptions of paths do not know."""
    return endpoint.str.replace("#.*$", "")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What a store knows of endpoints.

    names: stored endpoint → what it is called. operations: `endpoint` and DOCUMENTED, a row for each that is described.
    learned: the routes, as LearnedRoutes has them in JSON. announced: what responses say, as announced.SCHEMA has it.
    """

    names: Mapping[str, str]
    operations: pl.DataFrame
    learned: Mapping[str, Any]
    announced: pl.DataFrame

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Endpoints:
        """Return what `Learning.state` kept."""
        rows = [(name, True, deprecated, sunset) for name, deprecated, sunset in saved.get("documented", ())]
        schema: dict[str, pl.DataType] = {"endpoint": pl.String(), **DOCUMENTED}
        names = saved.get("names", {})
        said = from_json(saved.get("announced", ())).with_columns(pl.col("endpoint").replace(names))
        described = pl.DataFrame(rows, schema=schema, orient="row")
        return cls(names, described, saved.get("learned", {}), latest([said]))

    @property
    def documented(self) -> pl.DataFrame:
        """The operations, those of GraphQL whose path is described, and HEAD wherever only GET is: RFC 9110 §9.3.2 has
        it answer alike. `#operation` is the endpoint that the description names.
        """
        name = pl.col("endpoint")
        operations = self.operations.with_columns(name.alias("#operation"))
        heads = operations.filter(name.str.starts_with("GET ")).with_columns(name.str.replace("GET", "HEAD"))
        known = pl.concat([operations, heads.join(operations, on="endpoint", how="anti")])
        called = pl.DataFrame({"called": self._graphql()}, schema={"called": pl.String})
        below = called.with_columns(name_of_path(pl.col("called")).alias("endpoint")).join(known, on="endpoint")
        return pl.concat([known, below.drop("endpoint").rename({"called": "endpoint"}).select(known.columns)])

    @property
    def stated(self) -> pl.DataFrame:
        """What is said of endpoints: `documented`, and what responses announce of these and of others.

        A description's sunset goes before a header's. `#since` is what a header says; `#said_by`: who says that an
        endpoint is deprecated, null where it is not.
        """
        said = self.announced.select(
            "endpoint", pl.col("since").alias("#since"), _day_or_time("sunset").alias("#sunset")
        )
        both = self.documented.join(
            said.with_columns(pl.lit(True).alias("#header")), on="endpoint", how="full", coalesce=True
        )
        by_description = pl.col("endpoint.deprecated").fill_null(False)
        by_header = pl.col("#header").fill_null(False)
        return both.with_columns(
            pl.col("endpoint.documented").fill_null(False),
            (by_description | by_header).alias("endpoint.deprecated"),
            pl.coalesce("endpoint.sunset", "#sunset").alias("endpoint.sunset"),
            pl.when(by_description).then(pl.lit(OPENAPI)).when(by_header).then(pl.lit(RESPONSES)).alias("#said_by"),
        ).drop("#header", "#sunset")

    def _graphql(self) -> list[str]:
        routes: Mapping[str, Mapping[str, int]] = self.learned.get("routes", {})
        return [f"{method} {path}" for path, calls in routes.items() if "#" in path for method in calls]

    @property
    def is_documented(self) -> bool:
        """Whether the API has a description."""
        return self.operations.height > 0

    def dtypes(self) -> Mapping[str, pl.DataType]:
        """Name → type of the columns `endpoint.NAME`."""
        if self.is_documented:
            return DOCUMENTED
        return {name: DOCUMENTED[name] for name in ANNOUNCED} if self.announced.height else {}

    def beside(self, events: nw.LazyFrame[Any], texts: Iterable[str]) -> nw.LazyFrame[Any]:
        """Return the events with their endpoints' names of today, and the columns that the texts of a question name."""
        said = " ".join(texts).replace('"', "")
        if "endpoint" not in said and _COVERAGE not in said:
            return events
        if self.names:
            events = renamed(events, "endpoint", self.names)
        named = [name for name in self.dtypes() if name in said]
        if _COVERAGE in said and self.is_documented:
            named.append("#operation")
            events = events.with_columns(nw.lit(self.operations.height).alias("#operations"))
        if not named:
            return events
        events = joined(events, self.stated.select("endpoint", *named), on="endpoint")
        # What nobody says anything of is known to be in no description, and not deprecated.
        flags = [name for name in named if DOCUMENTED.get(name) == pl.Boolean]
        known = ~nw.col("endpoint").is_null()
        return events.with_columns(
            nw.when(known).then(nw.coalesce(nw.col(name), nw.lit(False))).alias(name) for name in flags
        )


def _day_or_time(name: str) -> pl.Expr:
    """Return times as text: midnight as its day, as descriptions have it."""
    time = pl.col(name)
    day = time.dt.strftime("%Y-%m-%d")
    return pl.when(time == time.dt.truncate("1d")).then(day).otherwise(time.dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
