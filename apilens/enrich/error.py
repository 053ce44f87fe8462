"""The error step: the code of an error and the field it is about, as the format, the body or gRPC states them."""

from __future__ import annotations

import polars as pl

from apilens.enrich.base import Context, Step
from apilens.enrich.error_body import GRPC, error_in

_GRPC_STATUS = "raw_response_header.grpc-status"
BODY = "raw_error_body"
_GRPC_NAMES = {number: name for number, name in enumerate(GRPC) if number}


def _error(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    found = {name: [pl.col(name)] if name in frame.columns else [] for name in ("error_code", "error_field")}
    if BODY in frame.columns and frame[BODY].null_count() < frame.height:
        for name, said in zip(found, _in_bodies(frame, context), strict=True):
            found[name].append(pl.lit(said))
    if _GRPC_STATUS in frame.columns:
        number = pl.col(_GRPC_STATUS).cast(pl.Int8, strict=False)
        found["error_code"].append(number.replace_strict(_GRPC_NAMES, default=None, return_dtype=pl.String))
    return frame.with_columns(pl.coalesce(exprs).alias(name) for name, exprs in found.items() if exprs)


def _in_bodies(frame: pl.DataFrame, context: Context) -> tuple[pl.Series, pl.Series]:
    """Return code and field out of the bodies, which only failed requests have.

    In Python, once per distinct body: keys that name fields, and paths that are lists of names and numbers, are nothing
    that Polars could decode by a schema.
    """
    rows = frame.select(pl.col(BODY).alias("body"), "status")
    told = rows.drop_nulls("body").unique()
    named = [error_in(body, status=status, paths=context.settings.error_paths) for body, status in told.iter_rows()]
    schema = {"code": pl.String, "field": pl.String}
    said = told.hstack(pl.DataFrame(named, schema=schema, orient="row"))
    joined = rows.join(said, on=["body", "status"], how="left", nulls_equal=True, maintain_order="left")
    return joined["code"], joined["field"]


ERROR = Step(
    "error", reads=("error_code", "error_field", "status", BODY), makes=("error_code", "error_field"), apply=_error
)
