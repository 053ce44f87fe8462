"""What is wrong in the demo, on purpose: each problem has an account, a way to plant it, a command that shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from apilens.demo.chance import below, chance

ONE_ENDPOINT = "soylent"
MISSING_FIELD = "acme"
NEW_ACCOUNTS = ("fresh-ink", "fresh-mint", "fresh-oak", "fresh-tide", "fresh-wind")


@dataclass(frozen=True, slots=True)
class Plan:
    """When the demo ends, and its seed: problems begin so long before the end."""

    end: datetime
    seed: int

    def since(self, **ago: float) -> pl.Expr:
        """Return whether an event is later than so long before the end."""
        return pl.col("timestamp") >= self.end - timedelta(**ago)

    def luck(self, salt: int) -> pl.Expr:
        """Return a number in [0, 1) for each event."""
        return chance(pl.col("index"), self.seed + 500 + salt)


Planting = Callable[[pl.DataFrame, Plan], pl.DataFrame]


@dataclass(frozen=True, slots=True)
class Problem:
    """A planted problem: whose, what, since when, the command whose first row shows it, and what to look at there."""

    account: str
    what: str
    since: str
    command: str
    look: str
    planted: Planting | None = None


def _is(account: str) -> pl.Expr:
    return pl.col("account") == account


def _status(frame: pl.DataFrame, where: pl.Expr, status: int) -> pl.DataFrame:
    return frame.with_columns(pl.when(where).then(pl.lit(status, pl.Int16)).otherwise("status").alias("status"))


def _volume_drop(frame: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    gone = _is("wonka") & plan.since(days=5) & (plan.luck(1) < 0.97)
    return frame.with_columns(pl.when(gone).then(pl.lit("globex")).otherwise("account").alias("account"))


def _retry_storm(frame: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """For 40 minutes a worker asks for the same order again and again."""
    during = plan.since(days=2) & ~plan.since(days=2, minutes=-40)
    storm = during & (plan.luck(2) < 0.7)
    return frame.with_columns(
        pl.when(storm).then(pl.lit("hooli")).otherwise("account").alias("account"),
        pl.when(storm).then(pl.lit("GET /v2/orders/88172")).otherwise("endpoint").alias("endpoint"),
        pl.when(storm).then(pl.lit(503, pl.Int16)).otherwise("status").alias("status"),
        pl.when(storm).then(pl.lit("lumen-java/3.1.2")).otherwise("user_agent").alias("user_agent"),
    )


def _expired_tokens(frame: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    return _status(frame, _is("initech") & plan.since(days=3) & (plan.luck(3) < 0.55), 401)


def _missing_user_id(frame: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    upload = _is(MISSING_FIELD) & plan.since(days=6) & (plan.luck(4) < 0.35)
    moved = frame.with_columns(
        pl.when(upload).then(pl.lit("POST /v2/data/upload")).otherwise("endpoint").alias("endpoint")
    )
    return _status(moved, upload & (plan.luck(5) < 0.85), 422)


def _deprecated(frame: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    old = pl.col("endpoint").str.replace("/v2/", "/v1/", literal=True)
    return frame.with_columns(pl.when(_is("umbrella")).then(old).otherwise("endpoint").alias("endpoint"))


def _many_ips(frame: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    n, seed = pl.col("index"), plan.seed + 600
    spread = pl.concat_str(pl.lit("203.0."), below(n, seed, 24) + 100, pl.lit("."), below(n, seed + 1, 250) + 1)
    many = _is("gringotts") & plan.since(days=4)
    return frame.with_columns(pl.when(many).then(spread).otherwise("client_ip").alias("client_ip"))


def _slow_invoices(frame: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    slow = _is("stark") & (pl.col("endpoint") == "GET /v2/invoices")
    return frame.with_columns(
        pl.when(slow).then(pl.col("duration_ms") * 30 + 1500).otherwise("duration_ms").alias("duration_ms")
    )


def _roll_out(frame: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    new = (pl.col("user_agent") == "lumen-python/2.2.4") & plan.since(hours=34)
    rolled = frame.with_columns(
        pl.when(new).then(pl.lit("lumen-python/2.3.0")).otherwise("user_agent").alias("user_agent")
    )
    return _status(rolled, (pl.col("user_agent") == "lumen-python/2.3.0") & (plan.luck(6) < 0.12), 400)


# In this order they are planted: a later one may build on what an earlier one moved.
PROBLEMS: tuple[Problem, ...] = (
    Problem(
        "wonka", "calls dropped by 97 %", "5 days before the end",
        "apilens report --every 1d --account wonka --metrics requests",
        "the line falls", _volume_drop,
    ),
    Problem(
        "hooli", "a worker retries one order without pause while it gets 503s", "2 days before the end, for 40 minutes",
        "apilens concentration --status 503", "top_account has all of them", _retry_storm,
    ),
    Problem(
        "initech", "more than half of its calls get 401: its tokens expired", "3 days before the end",
        "apilens report --by account --since 3d --metrics auth_errors,requests,error_rate",
        "auth_errors", _expired_tokens,
    ),
    Problem(
        MISSING_FIELD, "uploads and searches without user_id get 422", "6 days before the end",
        "apilens report --status 422 --by account,endpoint --metrics \"requests,count(error_field = 'user_id')\"",
        "all 422s are of one account; where the log has the answer's body, it names the field", _missing_user_id,
    ),
    Problem(
        "umbrella", "still on the deprecated /v1", "always",
        "apilens deprecated",
        "the only account there, at risk: few days are left, and it calls /v1 as much as before", _deprecated,
    ),
    Problem(
        ONE_ENDPOINT, "calls a single endpoint: an integration that was never finished", "always",
        "apilens report --by account --metrics endpoints,requests --sort endpoints:asc --having \"requests > 100\"",
        "endpoints = 1",
    ),
    Problem(
        "gringotts", "calls from thousands of addresses: a leaked key, perhaps", "4 days before the end",
        "apilens report --by account --since 4d --metrics ips,requests",
        "ips", _many_ips,
    ),
    Problem(
        "stark", "GET /v2/invoices takes seconds, for this account alone", "always",
        "apilens latency", "ratio: p95_ms by that of all others on the endpoint", _slow_invoices,
    ),
    Problem(
        "lumen-python", "version 2.3.0 of the SDK raises errors", "34 hours before the end",
        "apilens report --by sdk,sdk_version --where \"sdk = 'lumen-python'\" "
        "--metrics error_rate,requests,first_request",
        "error_rate of 2.3.0 against 2.2.4", _roll_out,
    ),
    Problem(
        "cyberdyne", "sends 20,000 tokens and more per call to a chat endpoint", "always",
        "apilens outliers", "mean(input_tokens): value against median",
    ),
    Problem(
        "fresh-tide", "signed up with four other accounts and never uploaded anything", "4 days before the end",
        "apilens funnel onboarding --dropped 2",
        "four accounts looked at their profile and went no further; without --dropped, how many get to each step",
    ),
    Problem(
        "vandelay", "most webhooks sent to it fail", "7 days before the end",
        "apilens webhooks", "delivered_share and dead_letters",
    ),
)  # fmt: skip


def plant(requests: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Return the requests with the problems of the access log in them; those of the event dump are in `ai`."""
    for problem in PROBLEMS:
        if problem.planted:
            requests = problem.planted(requests, plan)
    return requests
