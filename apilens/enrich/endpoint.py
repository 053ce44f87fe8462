"""Paths as endpoints: `GET /v1/users/8817/orders` becomes `GET /v1/users/{id}/orders`.

A segment is an id when it is a number, UUID, ULID, hexadecimal from 16 digits, a prefixed id (`cus_9s6XKzkNRiz8i3`,
`ord-20391`), a date, an e-mail address, 20 or more letters and digits mixed, or something that was redacted. Versions
(`v1`), words, slugs and file names stay. A trailing slash and a query make no other endpoint.
"""

from __future__ import annotations

import polars as pl

from apilens.enrich.base import Context, Step


def _with_digit(length: int) -> str:
    """Return a regex for at least `length` letters and digits, one of them a digit (the engine has no look-ahead)."""
    first_digit_at = [f"[A-Za-z]{{{at}}}[0-9][0-9A-Za-z]{{{length - 1 - at},}}" for at in range(length)]
    return "|".join([*first_digit_at, f"[A-Za-z]{{{length},}}[0-9][0-9A-Za-z]*"])


_ID = "|".join(
    [
        r"[0-9]+",
        r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
        r"[0-9a-fA-F]{16,}",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}",
        rf"[A-Za-z][A-Za-z0-9]{{0,15}}_(?:[0-9]{{3,}}|{_with_digit(10)})",
        r"[A-Za-z]{1,8}-[0-9]{4,}",
        r"[^/@]+(?:@|%40)[^/@]+\.[A-Za-z]{2,}",
        r"[^/]*\[R:[^/]*",
        _with_digit(20),
    ]
)
# A number before a file suffix is an id as well: /invoices/8817.pdf.
_SEGMENT = rf"/(?:{_ID})((?:\.[a-z]{{2,4}})?(?:/|$))"
_TEMPLATE = "/{id}${1}"
_TWO_IDS = r"/\{id\}/[^/]*[0-9@\]]"


def template(paths: pl.Series) -> pl.Series:
    """Return path templates: ids become `{id}`, a trailing slash is dropped."""
    found = paths.str.replace_all(_SEGMENT, _TEMPLATE)
    # Two ids in a row share the slash between them, so a pass finds every second one. Few paths need the other pass.
    again = found.str.contains(_TWO_IDS).fill_null(False).arg_true()
    if again.len():
        found = found.scatter(again, found.gather(again).str.replace_all(_SEGMENT, _TEMPLATE))
    slashed = (found.str.ends_with("/") & (found.str.len_bytes() > 1)).fill_null(False).arg_true()
    if slashed.len():
        found = found.scatter(slashed, found.gather(slashed).str.strip_suffix("/"))
    return found


def _endpoint(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    if "method" not in frame.columns or not {"path", "route"} & set(frame.columns):
        return frame.with_columns(pl.lit(None, dtype=pl.String).alias("endpoint"))
    routes = []
    if "route" in frame.columns:
        routes.append(pl.col("route"))
    if "path" in frame.columns:
        routes.append(pl.lit(template(frame["path"])))
    route = pl.coalesce(routes)
    return frame.with_columns(pl.concat_str([pl.col("method"), route], separator=" ").alias("endpoint"))


ENDPOINT = Step("endpoint", reads=("method", "path", "route"), makes=("endpoint",), apply=_endpoint)
