"""What software called: the product token of the user agent, whether it is a crawler, whether a probe.

A product token is `name/version` at the beginning (RFC 9110 §10.1.5): `acme-python/1.4.2`. Browsers all begin with
`Mozilla/5.0`, so they are known by the token that is theirs alone (`Chrome` 123.0.0.0), crawlers that pose as
browsers by the name behind `compatible;` (`Googlebot` 2.1).
"""

from __future__ import annotations

import polars as pl

from apilens.enrich.base import Context, Step
from apilens.enrich.mapping import split_distinct

_WORD = r"[A-Za-z0-9][A-Za-z0-9._+-]*"
# The name may be scoped or have spaces (`@acme/sdk/1.2`, `Acme App/3.1`), the version may begin with v.
_PRODUCT = (
    rf"^(@{_WORD}/{_WORD}|{_WORD}(?: [A-Za-z][A-Za-z0-9._+-]*){{0,3}})/v?([0-9][0-9A-Za-z._+-]{{0,31}})(?:[ ;,()]|$)"
)
_NAME = rf"^({_WORD})(?:[ ;,(/]|$)"
_COMPATIBLE = r"\(compatible; ([A-Za-z][A-Za-z0-9._+-]*)(?:/([0-9][0-9A-Za-z._-]*))?"
# The first that matches names the browser: most of them also carry the names of those further down.
_BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/([0-9.]+)"),
    ("Opera", r"(?:OPR|Opera)/([0-9.]+)"),
    ("Samsung Internet", r"SamsungBrowser/([0-9.]+)"),
    ("Firefox", r"(?:Firefox|FxiOS)/([0-9.]+)"),
    ("Chrome", r"(?:Chrome|CriOS)/([0-9.]+)"),
    ("Safari", r"Version/([0-9.]+).*Safari/"),
    ("Internet Explorer", r"(?:MSIE |Trident/.*rv:)([0-9.]+)"),
)
_BOT = (
    r"(?i)bot\b|bot[/_-]|spider|crawl|slurp|mediapartners|facebookexternalhit|embedly|link ?preview|feedfetcher|"
    r"archiver|scanner\b|nikto|sqlmap|zgrab|masscan|nuclei|censys|headlesschrome|phantomjs"
)
# A maker of phones, in the user agents of people.
_NO_BOT = r"(?i)\bcubot\b"
_PROBE_AGENT = (
    r"(?i)kube-probe|googlehc|elb-healthchecker|health.?check|uptime|pingdom|statuscake|blackbox.exporter|"
    r"^consul[ /]|traffic.manager|azure.?front.?door.?probe"
)
# `GET /v1/orders/{id}/ready` is a question about an order, so nothing before the last segment may be an id.
_PROBE_PATH = r"^[A-Z]+ [^{]*/_?(?:healthz?|health[-_]?checks?|ping|ready|readyz|readiness|live|livez|liveness)$"
_AGENT = ("sdk", "sdk_version", "is_bot")


def read_agents(agents: pl.Series) -> pl.DataFrame:
    """Return a row for each user agent: sdk, sdk_version, is_bot, is_probe."""
    agent = pl.col("agent")
    browser = agent.str.starts_with("Mozilla/")
    posing = agent.str.extract(_COMPATIBLE, 1)
    names = [pl.when(agent.str.contains(regex)).then(pl.lit(name)) for name, regex in _BROWSERS]
    versions = [pl.when(agent.str.contains(regex)).then(agent.str.extract(regex)) for _, regex in _BROWSERS]
    known = posing.is_not_null() & (posing != "MSIE")
    plain = agent.str.extract(_PRODUCT, 1)
    return pl.DataFrame({"agent": agents}).select(
        pl.when(browser & known).then(posing)
        .when(browser).then(pl.coalesce(names))
        .otherwise(pl.coalesce(plain, agent.str.extract(_NAME))).alias("sdk"),
        pl.when(browser & known).then(agent.str.extract(_COMPATIBLE, 2))
        .when(browser).then(pl.coalesce(versions))
        .otherwise(agent.str.extract(_PRODUCT, 2)).alias("sdk_version"),
        (agent.str.contains(_BOT) & ~agent.str.contains(_NO_BOT)).alias("is_bot"),
        agent.str.contains(_PROBE_AGENT).alias("is_probe"),
    )  # fmt: skip


def _client(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    if "user_agent" not in frame.columns:
        return frame.with_columns(pl.lit(False).alias("is_bot"))
    distinct, index = split_distinct(frame["user_agent"])
    made = read_agents(distinct).select(pl.col(_AGENT).gather(index))
    stated = [name for name in ("sdk", "sdk_version") if name in frame.columns]
    return frame.with_columns(
        *(pl.coalesce(name, pl.lit(made[name])) if name in stated else made[name] for name in ("sdk", "sdk_version")),
        made["is_bot"].fill_null(False),
    )


def _health_check(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    probe = pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)
    for name, regex in (("user_agent", _PROBE_AGENT), ("endpoint", _PROBE_PATH)):
        if name in frame.columns:
            distinct, index = split_distinct(frame[name])
            probe |= distinct.str.contains(regex).gather(index).fill_null(False)
    return frame.with_columns(probe.alias("is_health_check"))


CLIENT = Step("client", reads=("user_agent", "sdk", "sdk_version"), makes=_AGENT, apply=_client)
HEALTH_CHECK = Step("health check", reads=("user_agent", "endpoint"), makes=("is_health_check",), apply=_health_check)
