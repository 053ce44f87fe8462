"""What software called: the product token of the user agent, whether it is a crawler, whether a probe.

A product token is `name/version` at the beginning (RFC 9110 §10.1.5): `acme-python/1.4.2`. Software that begins with
something else is in the table of known_clients.py. Browsers all begin with `Mozilla/5.0`, so they are known by the
token that is theirs alone (`Chrome` 123.0.0.0), crawlers that pose as browsers by the name behind `compatible;`
(`Googlebot` 2.1); ua-parser, where it is installed, names the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import polars as pl

from apilens.enrich.base import Context, Step
from apilens.enrich.browsers import parsed_browsers
from apilens.enrich.known_clients import KnownClient, known_clients
from apilens.enrich.mapping import map_distinct, memory

_WORD = r"[A-Za-z0-9][A-Za-z0-9._+-]*"
# The name may be scoped or have spaces (`@acme/sdk/1.2`, `Acme App/3.1`), the version may begin with v, and stand
# behind a space if it has a dot (`Faraday v2.7.4`).
_PRODUCT = (
    rf"^(@{_WORD}/{_WORD}|{_WORD}(?: [A-Za-z][A-Za-z0-9._+-]*){{0,3}}?)"
    r"(?:/v?([0-9][0-9A-Za-z._+-]{0,31})| v?([0-9]+\.[0-9][0-9A-Za-z._+-]{0,29}))(?:[ ;,()]|$)"
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
_AGENT = {"sdk": pl.String, "sdk_version": pl.String, "is_bot": pl.Boolean}


def read_agents(agents: pl.Series, own: Sequence[KnownClient] = ()) -> pl.DataFrame:
    """Return a row for each user agent: sdk, sdk_version, is_bot.

    own: clients that settings name, which come before all others.
    """
    agent = pl.col("agent")
    browser = agent.str.starts_with("Mozilla/")
    posing = agent.str.extract(_COMPATIBLE, 1)
    names = [pl.when(agent.str.contains(regex)).then(pl.lit(name)) for name, regex in _BROWSERS]
    versions = [pl.when(agent.str.contains(regex)).then(agent.str.extract(regex)) for _, regex in _BROWSERS]
    known = posing.is_not_null() & ~posing.is_in(["MSIE", "Linux", "Windows", "X11", "Macintosh"])
    plain = agent.str.extract(_PRODUCT, 1)
    version = pl.coalesce(agent.str.extract(_PRODUCT, 2), agent.str.extract(_PRODUCT, 3))
    made = pl.DataFrame({"agent": agents}).select(
        pl.when(browser & known).then(posing)
        .when(browser).then(pl.coalesce(names))
        .otherwise(pl.coalesce(plain, agent.str.extract(_NAME))).alias("sdk"),
        pl.when(browser & known).then(agent.str.extract(_COMPATIBLE, 2))
        .when(browser).then(pl.coalesce(versions))
        .otherwise(version).alias("sdk_version"),
        (agent.str.contains(_BOT) & ~agent.str.contains(_NO_BOT)).alias("is_bot"),
    )  # fmt: skip
    made = _instead(made, known_clients(agents, own))
    # The first names of browsers are the same whether ua-parser is there or not.
    nameless = made["sdk"].is_null() & agents.str.starts_with("Mozilla/").fill_null(False)
    return _instead(made, parsed_browsers(pl.select(pl.when(nameless).then(agents)).to_series()))


def _instead(made: pl.DataFrame, better: pl.DataFrame) -> pl.DataFrame:
    """Return `made` with name and version of `better` where that has a name."""
    named = better["sdk"].is_not_null()
    return made.with_columns(better[name].zip_with(named, made[name]).alias(name) for name in ("sdk", "sdk_version"))


def _client(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    if "user_agent" not in frame.columns:
        return frame.with_columns(pl.lit(False).alias("is_bot"))
    own = tuple(KnownClient(rule.name, rule.agent) for rule in context.settings.sdks)
    read = map_distinct(
        frame["user_agent"], lambda agents: read_agents(agents, own).to_struct(), known=memory("agents", own),
        dtype=pl.Struct(_AGENT),
    )  # fmt: skip
    made = read.struct.unnest()
    stated = [name for name in ("sdk", "sdk_version") if name in frame.columns]
    return frame.with_columns(
        *(pl.coalesce(name, pl.lit(made[name])) if name in stated else made[name] for name in ("sdk", "sdk_version")),
        made["is_bot"].fill_null(False),
    )


def _health_check(frame: pl.DataFrame, context: Context) -> pl.DataFrame:
    probe = pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)
    for name, regex in (("user_agent", _PROBE_AGENT), ("endpoint", _PROBE_PATH)):
        if name in frame.columns:
            probe |= map_distinct(
                frame[name], partial(_contains, regex), known=memory("probes", regex), dtype=pl.Boolean()
            ).fill_null(False)
    return frame.with_columns(probe.alias("is_health_check"))


def _contains(regex: str, texts: pl.Series) -> pl.Series:
    return texts.str.contains(regex)


CLIENT = Step("client", reads=("user_agent", "sdk", "sdk_version"), makes=tuple(_AGENT), apply=_client)
HEALTH_CHECK = Step("health check", reads=("user_agent", "endpoint"), makes=("is_health_check",), apply=_health_check)
