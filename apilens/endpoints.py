"""What is known of the endpoints of an API, learned and documented: made by ingest, read by questions.

It lies in STORE/state/endpoints.json: names that stored endpoints have now, and the operations of the descriptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import polars as pl

from apilens.engine import joined, renamed

STATE = "endpoints.json"
# The metric that counts endpoints of the description.
_COVERAGE = "documented_coverage"
DOCUMENTED: Mapping[str, pl.DataType] = {
    "endpoint.documented": pl.Boolean(), "endpoint.deprecated": pl.Boolean(), "endpoint.sunset": pl.String(),
}  # fmt: skip


def name_of_path(endpoint: pl.Expr) -> pl.Expr:
    """Return an endpoint without the operation of GraphQL, which descriptions of paths do not know."""
    return endpoint.str.replace("#.*$", "")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What a store knows of endpoints.

    names: stored endpoint → what it is called. operations: `endpoint` and DOCUMENTED, a row for each that is described.
    learned: the routes, as LearnedRoutes has them in JSON.
    """

    names: Mapping[str, str]
    operations: pl.DataFrame
    learned: Mapping[str, Any]

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Endpoints:
        """Return what `Learning.state` kept."""
        rows = [(name, True, deprecated, sunset) for name, deprecated, sunset in saved.get("documented", ())]
        schema: dict[str, pl.DataType] = {"endpoint": pl.String(), **DOCUMENTED}
        return cls(saved.get("names", {}), pl.DataFrame(rows, schema=schema, orient="row"), saved.get("learned", {}))

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

    def _graphql(self) -> list[str]:
        routes: Mapping[str, Mapping[str, int]] = self.learned.get("routes", {})
        return [f"{method} {path}" for path, calls in routes.items() if "#" in path for method in calls]

    @property
    def is_documented(self) -> bool:
        """Whether the API has a description."""
        return self.operations.height > 0

    def dtypes(self) -> Mapping[str, pl.DataType]:
        """Name → type of the columns `endpoint.NAME`."""
        return DOCUMENTED if self.is_documented else {}

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
        events = joined(events, self.documented.select("endpoint", *named), on="endpoint")
        # What the description does not have is known not to be in it.
        flags = [name for name in named if DOCUMENTED.get(name) == pl.Boolean]
        known = ~nw.col("endpoint").is_null()
        return events.with_columns(
            nw.when(known).then(nw.coalesce(nw.col(name), nw.lit(False))).alias(name) for name in flags
        )
