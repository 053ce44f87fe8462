"""How a request authenticated, and why that failed, as far as the log says it."""

from __future__ import annotations

import polars as pl

from apilens.enrich.base import Context, Step
from apilens.enrich.identity_rules import asked_by
from apilens.enrich.mapping import map_distinct_python
from apilens.enrich.tokens import claim_of

# Asked of every format: what they say is used here and in the error step, and never stored.
REQUEST_HEADERS = ("authorization",)
RESPONSE_HEADERS = ("www-authenticate", "grpc-status")

_HEADER = "raw_header.authorization"
_CHALLENGE = "raw_response_header.www-authenticate"
# The registered schemes and those in wide use. Any other first word may be the secret itself.
_SCHEMES = (
    "basic", "bearer", "digest", "dpop", "gnap", "hoba", "mutual", "negotiate", "ntlm", "oauth", "privatetoken",
    "scram-sha-1", "scram-sha-256", "vapid", "aws4-hmac-sha256", "hawk", "hmac", "key", "apikey", "api-key", "token",
)  # fmt: skip

# What the code of an error or a challenge says of credentials: failure → words.
_CREDENTIAL = "token|key|credential|auth|jwt|signature|session|login|password|bearer"
_WORDS = (
    ("expired", f"expired.*(?:{_CREDENTIAL})|(?:{_CREDENTIAL}).*expired"),
    (
        "missing",
        f"(?:missing|required|absent|empty).*(?:{_CREDENTIAL})|^no(?:{_CREDENTIAL})"
        f"|(?:{_CREDENTIAL}).*(?:missing|required|absent)",
    ),
    (
        "invalid",
        f"(?:invalid|bad|wrong|incorrect|malformed|unknown|revoked|unrecognized).*(?:{_CREDENTIAL})"
        f"|(?:{_CREDENTIAL}).*(?:invalid|incorrect|malformed|mismatch|unknown|revoked|not(?:match|found|valid))",
    ),
    ("forbidden", "insufficient.*scope"),
)
# Challenges (RFC 9110) that name no error answer a request without credentials, says RFC 6750 of bearer tokens.
_BEARER = r"(?i)^\s*bearer\b"
_ERROR = r'(?i)\berror\s*=\s*"?([a-z_]+)'
_EXPIRED = r"(?i)error_description\s*=\s*\"[^\"]*expired"


def _auth(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    frame = frame.with_columns(_scheme(frame).alias("auth_scheme"))
    if "status" not in frame.columns:
        return frame.with_columns(pl.lit(None, dtype=pl.String).alias("auth_failure"))
    refused = frame["status"].is_in([401, 403]).fill_null(False).arg_true()
    failures = pl.repeat(None, frame.height, dtype=pl.String, eager=True)
    if refused.len():
        failures = failures.scatter(refused, _failures(frame[refused], _places(frame, context)))
    return frame.with_columns(failures.alias("auth_failure"))


def _scheme(frame: pl.DataFrame) -> pl.Expr:
    schemes = []
    if _HEADER in frame.columns:
        first = pl.col(_HEADER).str.extract(r"^\s*([^\s]+)\s").str.to_lowercase()
        other = pl.when(pl.col(_HEADER).str.strip_chars().is_in(["", "-"]).not_()).then(pl.lit("other"))
        schemes.append(pl.when(first.is_in(_SCHEMES)).then(first).otherwise(other))
    if "api_key" in frame.columns:
        schemes.append(pl.when(pl.col("api_key").is_not_null()).then(pl.lit("key")))
    return pl.coalesce(schemes) if schemes else pl.lit(None, dtype=pl.String)


def _failures(refused: pl.DataFrame, places: list[str]) -> pl.Series:
    """Return why each of the refused requests (401, 403) failed, null where nothing says so.

    First what a token says of itself, then what the server says (challenge, error code), then whether there were any
    credentials at all; of 403, without other word, that the credentials were good and did not suffice.
    """
    words: list[pl.Expr] = []
    if _HEADER in refused.columns:
        # Seconds since 1970 as a float: a made-up `exp` is larger than any date.
        expires = map_distinct_python(refused[_HEADER], lambda token: claim_of(token, "exp"))
        expired = pl.col("timestamp").dt.epoch("us") / 1e6 > pl.lit(expires.cast(pl.Float64, strict=False))
        words.append(pl.when((pl.col("status") == 401) & expired).then(pl.lit("expired")))
    if _CHALLENGE in refused.columns:
        words += _of_challenge(pl.col(_CHALLENGE))
    if "error_code" in refused.columns:
        words.append(_of_code(pl.col("error_code")))
    words.append(pl.when(pl.col("status") == 403).then(pl.lit("forbidden")))
    words.append(_of_presence(refused, places))
    return refused.select(pl.coalesce(words).cast(pl.String)).to_series()


def _of_challenge(challenge: pl.Expr) -> list[pl.Expr]:
    error = challenge.str.extract(_ERROR)
    bare = challenge.str.contains(_BEARER) & error.is_null()
    return [
        pl.when(challenge.str.contains(_EXPIRED)).then(pl.lit("expired")),
        _of_code(error),
        pl.when(bare).then(pl.lit("missing")),
    ]


def _of_code(code: pl.Expr) -> pl.Expr:
    plain = code.str.to_lowercase().str.replace_all(r"[^a-z]+", "")
    return pl.coalesce(pl.when(plain.str.contains(words)).then(pl.lit(failure)) for failure, words in _WORDS)


def _places(frame: pl.DataFrame, context: Context) -> list[str]:
    """Return the columns in which this log shows credentials.

    A column that is null throughout a block is none: many logs leave credentials out, and then nothing is missing.
    """
    asked = {header for rule in context.settings.api_key if (header := asked_by(rule)[0])}
    names = (_HEADER, "api_key", *(f"raw_header.{name}" for name in sorted(asked - set(REQUEST_HEADERS))))
    return [name for name in names if name in frame.columns and frame[name].null_count() < frame.height]


def _of_presence(refused: pl.DataFrame, places: list[str]) -> pl.Expr:
    """Return `invalid` where credentials came, `missing` where the log would show them and has none."""
    users = ["raw_remote_user"] if "raw_remote_user" in refused.columns else []
    came = pl.any_horizontal(pl.lit(False), *(~pl.col(name).is_in(["", "-"]) for name in (*places, *users)))
    return pl.when(came).then(pl.lit("invalid")).when(pl.lit(bool(places))).then(pl.lit("missing"))


AUTH = Step(
    "auth",
    reads=("status", "timestamp", "api_key", "error_code", "raw_remote_user"),
    makes=("auth_scheme", "auth_failure"),
    apply=_auth,
)
