"""What is known of the endpoints of an API besides its events: learned and documented. Made by ingest, read by questions.

It lies in STORE/state/endpoints.json: names that stored endpoints have now, and the operations of the descriptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
import narwhals as nw
import polars as pl

from apilens.engine import joined, renamed
from apilens.enrich.learned_routes import UNANSWERED, LearnedRoutes
from apilens.enrich.route_table import RouteTable
from apilens.openapi import Operation

STATE = "endpoints.json"
DOCUMENTED: Mapping[str, pl.DataType] = {
    "endpoint.documented": pl.Boolean(), "endpoint.deprecated": pl.Boolean(), "endpoint.sunset": pl.String(),
}  # fmt: skip

Days = dict[date, pl.DataFrame]


class Learning:
    """Learns endpoints from the batches of a run, in their order, and gives each event the name it has by then."""

    def __init__(self, saved: Mapping[str, Any], operations: Sequence[Operation], routes: RouteTable) -> None:
        self._learned = LearnedRoutes.from_json(saved)
        self._operations = operations
        self._routes = routes
        self._learned.restate(self._endpoint_of)

    def renamed(self, batch: Sequence[Days]) -> list[Days]:
        """Learn from a batch, and return it with its endpoints as they are now."""
        frames = [frame for days in batch for frame in days.values() if "endpoint" in frame.columns]
        if not frames:
            return list(batch)
        names = self._learned.learn(_counted(frames), self._routes.templates | self._routes.stated)
        if not names:
            return list(batch)
        return [
            {
                day: frame.with_columns(pl.col("endpoint").replace(names)) if "endpoint" in frame.columns else frame
                for day, frame in days.items()
            }
            for days in batch
        ]

    def state(self) -> bytes:
        """Return what is known by now, to be kept in the store."""
        documented = [[item.endpoint, item.deprecated, item.sunset] for item in self._operations]
        return msgspec.json.encode({**self._learned.to_json(), "documented": documented}) + b"\n"

    def _endpoint_of(self, path: str) -> str | None:
        return None if path in self._routes.templates else self._routes.find(path)


def _counted(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return endpoint, answered and missed requests."""
    missed = pl.col("status").is_in(UNANSWERED).fill_null(False)
    rows = pl.concat(
        frame.select("endpoint", missed if "status" in frame.columns else pl.lit(False).alias("status"))
        for frame in frames
    )
    return (
        rows.drop_nulls("endpoint")
        .group_by("endpoint", maintain_order=True)
        .agg((~pl.col("status")).sum().alias("answered"), pl.col("status").sum().alias("missed"))
    )


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What a store knows of endpoints. names: stored endpoint → what it is called. documented: `endpoint` and DOCUMENTED;
    of HEAD what is said of GET. learned: the routes.
    """

    names: Mapping[str, str]
    documented: pl.DataFrame
    learned: LearnedRoutes

    @classmethod
    def of(cls, saved: Mapping[str, Any]) -> Endpoints:
        """Return what `Learning.state` kept."""
        learned = LearnedRoutes.from_json(saved)
        rows = {name: (True, deprecated, sunset) for name, deprecated, sunset in saved.get("documented", ())}
        heads = {f"HEAD {name[4:]}": said for name, said in rows.items() if name.startswith("GET ")}
        table = [(name, *said) for name, said in {**heads, **rows}.items()]
        schema: dict[str, pl.DataType] = {"endpoint": pl.String(), **DOCUMENTED}
        return cls(learned.names(), pl.DataFrame(table, schema=schema, orient="row"), learned)

    @property
    def is_documented(self) -> bool:
        """Whether the API has a description."""
        return self.documented.height > 0

    def dtypes(self) -> Mapping[str, pl.DataType]:
        """Name → type of the columns `endpoint.NAME`."""
        return DOCUMENTED if self.is_documented else {}

    def beside(self, events: nw.LazyFrame[Any], texts: Iterable[str]) -> nw.LazyFrame[Any]:
        """Return the events with their endpoints' names of today, and the columns that the texts of a question name."""
        said = " ".join(texts).replace('"', "")
        if "endpoint" not in said:
            return events
        if self.names:
            events = renamed(events, "endpoint", self.names)
        named = [name for name in self.dtypes() if name in said]
        if not named:
            return events
        events = joined(events, self.documented.select("endpoint", *named), on="endpoint")
        # What the description does not have is known not to be in it.
        flags = [name for name in named if DOCUMENTED[name] == pl.Boolean]
        known = ~nw.col("endpoint").is_null()
        return events.with_columns(
            nw.when(known).then(nw.coalesce(nw.col(name), nw.lit(False))).alias(name) for name in flags
        )
