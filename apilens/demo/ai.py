"""The demo's second source: the Moesif events of Lumen's AI service, its sign-ups and its webhooks."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from apilens.demo.chance import below, chance, pick
from apilens.demo.problems import MISSING_FIELD, NEW_ACCOUNTS, ONE_ENDPOINT
from apilens.demo.world import ACCOUNTS, World, moments

_SHARES = {"POST /v2/embeddings": 50.0, "POST /v2/search": 30.0, "webhook": 12.0, "signed_in": 8.0}
_WITH_BODY = ("POST /v2/embeddings", "POST /v2/search")
_WEBHOOK_SINCE = timedelta(days=7)
_REJECTED_SINCE = timedelta(days=6)
_STAMP = "%Y-%m-%dT%H:%M:%S.%3f"


def events(world: World) -> pl.DataFrame:
    """Return the service's events in order of time: what a Moesif event is made of, one row each."""
    seed = world.seed * 1000 + 900
    index = pl.int_range(world.events, dtype=pl.Int64, eager=True).alias("index")
    n = pl.col("index")
    placed = pl.DataFrame({"index": index}).select((n + chance(n, seed)) / max(world.events, 1)).to_series()
    frame = pl.DataFrame(
        {
            "index": index,
            "timestamp": moments(world, placed),
            "account": pick(
                index, seed + 1, {name: weight for name, weight in ACCOUNTS.items() if name != ONE_ENDPOINT}
            ),
            "what": pick(index, seed + 2, _SHARES),
        }
    )
    return pl.concat([_outcomes(frame, world, seed), _sign_ups(world)]).sort("timestamp", "index", maintain_order=True)


def _outcomes(frame: pl.DataFrame, world: World, seed: int) -> pl.DataFrame:
    n, luck = pl.col("index"), chance(pl.col("index"), seed + 3)
    huge = (pl.col("account") == "cyberdyne") & (pl.col("what") == "POST /v2/embeddings")
    failing = (
        (pl.col("account") == "vandelay")
        & (pl.col("what") == "webhook")
        & (pl.col("timestamp") >= world.end - _WEBHOOK_SINCE)
    )
    rejected = (
        (pl.col("account") == MISSING_FIELD)
        & (pl.col("what") == "POST /v2/search")
        & (pl.col("timestamp") >= world.end - _REJECTED_SINCE)
    )
    status = (
        pl.when(failing & (luck < 0.8)).then(500).when(rejected & (luck < 0.85)).then(422)
        .when(luck < 0.01).then(429).otherwise(200)
    )  # fmt: skip
    return frame.select(
        n,
        "timestamp",
        "account",
        "what",
        pl.concat_str("account", pl.lit("-user-"), below(n, seed + 4, 9) + 1).alias("user"),
        pl.when(pl.col("what") != "signed_in").then(status).cast(pl.Int16).alias("status"),
        (40 - 60 * (chance(n, seed + 5) + 1e-9).log()).round(0).cast(pl.Int64).alias("took_ms"),
        pl.when(huge).then(20_000 + below(n, seed + 6, 9_000)).otherwise(80 + below(n, seed + 6, 600)).alias("tokens"),
    )


def _sign_ups(world: World) -> pl.DataFrame:
    """Five accounts sign up four days before the end; one goes on, the others look at their profile and stop."""
    rows: list[tuple[object, ...]] = []
    for number, account in enumerate(NEW_ACCOUNTS):
        began = world.end - timedelta(days=4) + timedelta(minutes=37 * number)
        steps = ["POST /v2/signup", "GET /v2/profile", "GET /v2/profile"]
        steps += ["POST /v2/data/upload"] * 30 if number == 0 else []
        for step, what in enumerate(steps):
            moment = began + timedelta(minutes=4 * step)
            status = 201 if what.startswith("POST") else 200
            rows.append((world.events + len(rows), moment, account, what, f"{account}-user-1", status, 55, 0))
    schema: dict[str, pl.DataType] = {
        "index": pl.Int64(), "timestamp": pl.Datetime("us", "UTC"), "account": pl.String(), "what": pl.String(),
        "user": pl.String(), "status": pl.Int16(), "took_ms": pl.Int64(), "tokens": pl.Int64(),
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


def to_json_lines(frame: pl.DataFrame) -> bytes:
    """Return the events as Moesif writes them (collector form, snake_case), one per line."""
    n, what = pl.col("index"), pl.col("what")
    webhook, action = what == "webhook", what == "signed_in"
    path = what.str.splitn(" ", 2).struct.field("field_1")
    uri = pl.when(webhook).then(pl.concat_str(pl.lit("https://hooks."), "account", pl.lit(".example/lumen"))).otherwise(
        pl.lit("https://ai.lumen.example") + path
    )  # fmt: skip
    verb = pl.when(webhook).then(pl.lit("POST")).otherwise(what.str.splitn(" ", 2).struct.field("field_0"))
    began = pl.col("timestamp").dt.strftime(_STAMP)
    ended = (pl.col("timestamp") + pl.duration(milliseconds="took_ms")).dt.strftime(_STAMP)
    number = pl.col("account").str.len_bytes().cast(pl.Int64)
    embeddings = what == "POST /v2/embeddings"
    headers = pl.struct(
        pl.when(webhook).then(pl.lit("Lumen-Webhooks/1.0")).otherwise(pl.lit("lumen-python/2.2.4")).alias("User-Agent"),
        pl.concat_str(pl.lit("Bearer not-a-real-token-"), "account").alias("Authorization"),
        pl.lit("application/json").alias("Content-Type"),
    )
    refused = pl.col("status") == 422
    body = pl.struct(pl.lit("a text").alias("input"), pl.when(~refused).then("user").alias("user_id"))
    request = pl.struct(
        began.alias("time"), verb.alias("verb"), uri.alias("uri"), headers.alias("headers"),
        pl.concat_str(pl.lit("198.51."), number, pl.lit("."), n % 3 + 10).alias("ip_address"),
        pl.when(what.is_in(_WITH_BODY)).then(body).alias("body"),
    )  # fmt: skip
    usage = pl.struct(pl.when(embeddings).then("tokens").alias("prompt_tokens")).alias("usage")
    error = pl.struct(
        pl.when(refused).then(pl.lit("missing_field")).alias("code"),
        pl.when(refused).then(pl.lit("user_id")).alias("field"),
    )
    response = pl.struct(ended.alias("time"), pl.col("status"), pl.struct(usage, error.alias("error")).alias("body"))
    lines = frame.select(
        pl.when(~action).then(request).alias("request"),
        pl.when(~action).then(response).alias("response"),
        pl.when(action).then(what).alias("action_name"),
        pl.when(action).then(pl.struct(began.alias("time"))).alias("action_request"),
        pl.col("account").alias("company_id"),
        pl.col("user").alias("user_id"),
        pl.concat_str(pl.lit("token-of-"), "user").alias("session_token"),
        pl.when(webhook).then(pl.lit("Outgoing")).otherwise(pl.lit("Incoming")).alias("direction"),
        pl.concat_str(pl.lit("00000000-0000-4000-8000-"), n.cast(pl.String).str.zfill(12)).alias("transaction_id"),
    )
    # An action has a request too, of which only the time is told.
    text = lines.drop("action_request").filter(pl.col("request").is_not_null()).write_ndjson()
    actions = (
        lines.filter(pl.col("request").is_null()).drop("request", "response").rename({"action_request": "request"})
    )
    # What is refused is refused for a field that is not there at all.
    return (text.replace(',"user_id":null}', "}") + actions.write_ndjson()).encode()
