"""What a run of ingest learns of the endpoints of an API, batch by batch: see enrich/learned_routes.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import msgspec
import polars as pl

from apilens.announced import from_json, latest, nothing, to_json
from apilens.enrich.learned_routes import UNANSWERED, LearnedRoutes
from apilens.enrich.route_table import RouteTable
from apilens.openapi import Operation

Days = dict[date, pl.DataFrame]


class Learning:
    """Learns endpoints from the batches of a run, in their order, and gives each event the name it has by then."""

    def __init__(self, saved: Mapping[str, Any], operations: Sequence[Operation], routes: RouteTable) -> None:
        self._learned = LearnedRoutes.from_json(saved.get("learned", {}))
        self._operations = operations
        self._routes = routes
        self._announced = _renamed(from_json(saved.get("announced", ())), saved.get("names", {}))
        if routes.templates:
            paths = pl.Series(sorted(self._learned.paths() - routes.templates), dtype=pl.String)
            self._learned.restate(dict(zip(paths, routes.match(paths), strict=True)))

    def renamed(self, batch: Sequence[Days], announced: Sequence[pl.DataFrame] = ()) -> list[Days]:
        """Learn from a batch, and return it with its endpoints as they are now. announced: what its responses say."""
        frames = [frame for days in batch for frame in days.values() if "endpoint" in frame.columns]
        if not frames:
            return list(batch)
        names = self._learned.learn(_counted(frames), self._routes.templates | self._routes.stated)
        self.announce(pl.concat([nothing(), *announced]), names)
        if not names:
            return list(batch)
        return [
            {
                day: frame.with_columns(pl.col("endpoint").replace(names)) if "endpoint" in frame.columns else frame
                for day, frame in days.items()
            }
            for days in batch
        ]

    def announce(self, rows: pl.DataFrame, names: Mapping[str, str]) -> None:
        """Take in what responses say of endpoints, whose names are these now."""
        if rows.height:
            self._announced = latest([self._announced, _renamed(rows, names)])

    def named(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return events with their endpoints as they are now, without counting them."""
        counts = _counted([frame]).with_columns(pl.lit(0, pl.UInt32).alias("answered"))
        names = self._learned.learn(counts, self._routes.templates | self._routes.stated)
        return frame.with_columns(pl.col("endpoint").replace(names))

    def anew(self) -> None:
        """Forget what stored endpoints are called: all of them are about to be stored as they are called now."""
        self._learned.forget_stored()

    def state(self) -> bytes:
        """Return what is known by now, to be kept in the store."""
        known = {
            "names": self._learned.names(),
            "documented": [[item.endpoint, item.deprecated, item.sunset] for item in self._operations],
            "learned": self._learned.to_json(),
            "announced": to_json(self._announced),
        }
        return msgspec.json.encode(known) + b"\n"

    def differs(self, saved: Mapping[str, Any]) -> bool:
        """Say whether endpoints are named or documented otherwise than in what was saved before."""
        now = msgspec.json.decode(self.state())
        return any(now[name] != saved.get(name) for name in ("names", "documented"))


def _renamed(rows: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    return latest([rows.with_columns(pl.col("endpoint").replace(dict(names)))])


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
