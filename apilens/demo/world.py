"""A made-up API, Lumen, and the traffic of its customers: who calls what, when, with which client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from apilens.demo.chance import below, chance, pick, quantile_of
from apilens.demo.problems import ONE_ENDPOINT, Plan, plant

CHUNK = 500_000

# Customers by how much they call. The biggest makes a few hundred times the requests of the smallest.
ACCOUNTS: dict[str, float] = {
    "globex": 160, "initrode": 120, "hooli": 100, "initech": 90, "stark": 80, "umbrella": 70, "acme": 64, "wonka": 60,
    "soylent": 52, "gringotts": 48, "vandelay": 44, "cyberdyne": 40, "tyrell": 36, "wayne": 34, "oscorp": 30,
    "piedpiper": 28, "dunder": 26, "sterling": 24, "bluth": 22, "monsters": 20, "ollivander": 18, "duff": 16,
    "krusty": 15, "aperture": 14, "blackmesa": 13, "weyland": 12, "nakatomi": 11, "gekko": 10, "prestige": 9,
    "macmillan": 8, "spacely": 7, "cogswell": 6, "kramerica": 5, "entertainment720": 4, "pawnee": 3, "sabre": 2,
}  # fmt: skip

# Endpoint → how often it is called, its usual duration in ms and size of an answer in bytes. {n} becomes a number.
ENDPOINTS: dict[str, tuple[float, float, int]] = {
    "GET /v2/orders": (20, 45, 8_000),
    "GET /v2/orders/{n}": (18, 25, 1_500),
    "POST /v2/orders": (9, 80, 900),
    "GET /v2/customers/{n}": (12, 22, 1_100),
    "PATCH /v2/customers/{n}": (4, 60, 1_100),
    "GET /v2/invoices": (8, 120, 14_000),
    "GET /v2/invoices/{n}": (7, 40, 4_000),
    "POST /v2/data/upload": (6, 150, 300),
    "GET /v2/profile": (6, 15, 700),
    "POST /v2/oauth/token": (4, 30, 400),
    "DELETE /v2/orders/{n}/items/{n}": (2, 50, 0),
    "GET /v2/webhooks": (2, 20, 500),
    "GET /healthz": (2, 2, 20),
}

CLIENTS: dict[str, float] = {
    "lumen-python/2.2.4": 30,
    "lumen-node/1.9.0": 24,
    "lumen-java/3.1.2": 12,
    "python-requests/2.31.0": 10,
    "okhttp/4.12.0": 8,
    "curl/8.5.0": 6,
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36": 10,
}

_NUMBERS = pl.col("account").replace_strict(list(ACCOUNTS), range(len(ACCOUNTS)), return_dtype=pl.Int64)

# How busy the hours of a day are (UTC), and of a weekend day against a weekday.
_HOURS = (3, 2, 2, 2, 3, 4, 6, 9, 13, 16, 17, 17, 16, 17, 18, 17, 16, 14, 11, 9, 8, 6, 5, 4)
_WEEKEND = 0.45


@dataclass(frozen=True, slots=True)
class World:
    """How much traffic, over which days, ending when, from which seed."""

    events: int
    days: int
    end: datetime
    seed: int

    @property
    def start(self) -> datetime:
        """When the first day begins."""
        return self.end - timedelta(days=self.days)


def chunks(world: World, *, problems: bool, scattered: bool = False) -> Iterator[pl.DataFrame]:
    """Give the requests in order of time, a chunk at a time: one row each, with what a log line is made of.

    scattered: out of order, over all days. Columns: index, timestamp, account, method, target, endpoint, status,
    response_bytes, duration_ms, client_ip, user_agent, referrer.
    """
    for first in range(0, world.events, CHUNK):
        last = min(first + CHUNK, world.events)
        yield _requests(world, first, last, problems=problems, scattered=scattered)


def moments(world: World, position: pl.Series) -> pl.Series:
    """Return when the requests at these positions (0 is the first, 1 the end) were made, by the rhythm of days."""
    weights = []
    for hour in range(world.days * 24):
        moment = world.start + timedelta(hours=hour)
        weights.append(_HOURS[moment.hour] * (_WEEKEND if moment.weekday() >= 5 else 1.0))
    hours = quantile_of(position, weights)
    microseconds = (hours * 3_600_000_000).cast(pl.Int64)
    offset = microseconds.cast(pl.Duration("us"))
    base = pl.select(pl.lit(world.start).cast(pl.Datetime("us", "UTC"))).item()
    return pl.Series([base], dtype=pl.Datetime("us", "UTC")).new_from_index(0, len(offset)) + offset


def _requests(world: World, first: int, last: int, *, problems: bool, scattered: bool) -> pl.DataFrame:
    seed = world.seed * 1000
    index = pl.int_range(first, last, dtype=pl.Int64, eager=True).alias("index")
    n = pl.col("index")
    placed = pl.DataFrame({"index": index}).select(
        ((below(n, seed, world.events) if scattered else n) + chance(n, seed + 1)) / world.events
    )
    endpoints = pick(index, seed + 3, {name: weight for name, (weight, _, _) in ENDPOINTS.items()})
    traits = pl.DataFrame(
        {
            "endpoint": list(ENDPOINTS),
            "usual_ms": [ms for _, ms, _ in ENDPOINTS.values()],
            "usual_bytes": [size for _, _, size in ENDPOINTS.values()],
        }
    )
    accounts = pick(index, seed + 2, ACCOUNTS)
    requests = pl.DataFrame(
        {
            "index": index,
            "timestamp": moments(world, placed.to_series()),
            "account": accounts,
            "endpoint": endpoints.set(accounts == ONE_ENDPOINT, "GET /v2/orders") if problems else endpoints,
        }
    ).join(traits, on="endpoint", how="left", maintain_order="left")
    return _told(_with_outcomes(requests, seed), world, seed, problems=problems)


def _with_outcomes(requests: pl.DataFrame, seed: int) -> pl.DataFrame:
    n, luck = pl.col("index"), chance(pl.col("index"), seed + 4)
    account = _NUMBERS
    usual = pl.when(pl.col("endpoint").str.starts_with("POST")).then(201).otherwise(200)
    status = (
        pl.when(luck < 0.003).then(500).when(luck < 0.006).then(404).when(luck < 0.009).then(400)
        .when(luck < 0.011).then(429).when(luck < 0.012).then(401).otherwise(usual)
    )  # fmt: skip
    # Latency has a long tail: -ln(u) is exponential, and a sum of the usual time and a share of it looks like a server.
    tail = -(chance(n, seed + 5) + 1e-9).log()
    agents = pick(requests.select(_NUMBERS * 7 + n % 2).to_series(), seed + 6, CLIENTS)
    return requests.with_columns(
        status.cast(pl.Int16).alias("status"),
        (pl.col("usual_ms") * (0.5 + 0.5 * tail)).round(0).alias("duration_ms"),
        (pl.col("usual_bytes") * (0.5 + chance(n, seed + 7))).cast(pl.Int64).alias("response_bytes"),
        pl.concat_str(pl.lit("198.51."), account % 256, pl.lit("."), below(n, seed + 8, 3) + 10).alias("client_ip"),
        agents.alias("user_agent"),
    )


def _told(requests: pl.DataFrame, world: World, seed: int, *, problems: bool) -> pl.DataFrame:
    n = pl.col("index")
    if problems:
        requests = plant(requests, Plan(world.end, seed))
    template = pl.col("endpoint").str.splitn(" ", 2)
    page = pl.concat_str(pl.lit("?page="), below(n, seed + 9, 40) + 1, pl.lit("&per_page=50"))
    lists = pl.col("endpoint").is_in(["GET /v2/orders", "GET /v2/invoices", "GET /v1/orders"])
    number = (below(n, seed + 10, 90_000) + 10_000).cast(pl.String)
    target = template.struct.field("field_1").str.replace("{n}", number, literal=True)
    target = target.str.replace("{n}", (below(n, seed + 11, 9) + 1).cast(pl.String), literal=True)
    browser = pl.col("user_agent").str.starts_with("Mozilla")
    return requests.with_columns(
        template.struct.field("field_0").alias("method"),
        pl.when(lists).then(target + page).otherwise(target).alias("target"),
        pl.when(browser).then(pl.lit("https://app.lumen.example/dashboard")).otherwise(pl.lit("-")).alias("referrer"),
    )
