"""What software called: the product token of the user agent, whether it is a crawler, whether a probe.

A product token is `name/version` at the beginning (RFC 9110 §10.1.5): `acme-python/1.4.2`. Browsers all begin with
`Mozilla/5.0`, so they are known by the token that is theirs alone.
"""

from __future__ import annotations

import polars as pl

from apilens.enrich.base import Context, Step
from apilens.enrich.mapping import pick

_PRODUCT = r"^([A-Za-z0-9][A-Za-z0-9._+@-]{0,63})(?:/v?([0-9][0-9A-Za-z.+_-]{0,31}))?(?:[ ;,(]|$)"
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
    r"(?i)bot\b|bot[/ ;_)-]|spider|crawl|slurp|mediapartners|facebookexternalhit|embedly|preview|feedfetcher|archiver|"
    r"scan(?:ner)?\b|nikto|sqlmap|zgrab|masscan|nuclei|censys|ahrefs|semrush|bingbot|yandex"
)
_PROBE_AGENT = (
    r"(?i)kube-probe|googlehc|elb-healthchecker|health.?check|uptime|pingdom|statuscake|blackbox.exporter|"
    r"consul|traffic.manager|azure.?front.?door.?probe|cloudflare-traffic-manager"
)
_PROBE_PATH = r"/_?(?:healthz?|health[-_]?check|ping|readyz?|livez?|liveness|readiness)/?$"


def _read_agents(agents: pl.Series) -> pl.DataFrame:
    """Return one row for each agent: sdk, sdk_version, is_bot, is_probe."""
    agent = pl.col("agent")
    mozilla = agent.str.starts_with("Mozilla/")
    names = [pl.when(agent.str.contains(regex)).then(pl.lit(name)) for name, regex in _BROWSERS]
    versions = [agent.str.extract(regex) for _, regex in _BROWSERS]
    return pl.DataFrame({"agent": agents}).select(
        agent,
        pl.when(mozilla).then(pl.coalesce(names)).otherwise(agent.str.extract(_PRODUCT, 1)).alias("sdk"),
        pl.when(mozilla).then(pl.coalesce(versions)).otherwise(agent.str.extract(_PRODUCT, 2)).alias("sdk_version"),
        agent.str.contains(_BOT).alias("is_bot"),
        agent.str.contains(_PROBE_AGENT).alias("is_probe"),
    )


def _client(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    if "user_agent" not in frame.columns:
        return frame.with_columns(pl.lit(False).alias("is_bot"))
    agents = frame["user_agent"]
    read = _read_agents(agents.unique())
    given = {name: frame[name] for name in ("sdk", "sdk_version") if name in frame.columns}
    made = {name: pick(agents, read["agent"], read[name]) for name in ("sdk", "sdk_version", "is_bot")}
    return frame.with_columns(
        pl.coalesce([pl.lit(given[name]), pl.lit(made[name])] if name in given else [pl.lit(made[name])]).alias(name)
        for name in ("sdk", "sdk_version")
    ).with_columns(made["is_bot"].fill_null(False).alias("is_bot"))


def _health_check(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    by_agent = by_path = pl.lit(False)
    if "user_agent" in frame.columns:
        distinct = frame["user_agent"].unique()
        by_agent = pl.lit(pick(frame["user_agent"], distinct, distinct.str.contains(_PROBE_AGENT)))
    if "endpoint" in frame.columns:
        distinct = frame["endpoint"].unique()
        by_path = pl.lit(pick(frame["endpoint"], distinct, distinct.str.contains(_PROBE_PATH)))
    is_probe = by_agent.fill_null(False) | by_path.fill_null(False)
    return frame.with_columns(is_probe.alias("is_health_check"))


CLIENT = Step(
    "client", reads=("user_agent", "sdk", "sdk_version"), makes=("sdk", "sdk_version", "is_bot"), apply=_client
)
HEALTH_CHECK = Step("health check", reads=("user_agent", "endpoint"), makes=("is_health_check",), apply=_health_check)
