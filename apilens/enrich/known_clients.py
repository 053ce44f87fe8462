"""SDKs and tools whose user agent does not begin with their name and version, and what they are called.

The first pattern that matches counts. `version` is its group of that name, the name may have others in it; a name that
has is written in lower case. To add one: a line here, and what it makes of a real user agent in the table of
tests/enrich/test_client.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

_VERSION = r"v?(?P<version>[0-9][0-9A-Za-z._+-]*)"
_LANGUAGE = r"(?P<language>[A-Za-z]+)"
# First in the user agent by custom, with the client behind them.
_RUNTIMES = r"Python|Node(?:\.js)?|node(?:\.js)?|PHP|Ruby|Java"


class KnownClient(NamedTuple):
    """A client: its name, and the pattern that its user agents match from their beginning."""

    name: str
    pattern: str


KNOWN: tuple[KnownClient, ...] = (
    # Generators of SDKs, by which most of those that companies publish are made.
    KnownClient("${product}-node", rf"(?:Async)?(?P<product>[A-Z]\w*)/(?:JS|NodeJS|Node)[ /]{_VERSION}"),
    KnownClient(
        "${product}-${language}",
        rf"(?:Async)?(?P<product>[A-Z]\w*)/(?P<language>Python|Go|Java|Kotlin|Ruby|PHP|CSharp|Terraform)[ /]{_VERSION}",
    ),
    KnownClient("${package}", rf"speakeasy-sdk/\w+ {_VERSION} (?:\S+ ){{1,2}}(?P<package>\S+)$"),
    KnownClient("openapi-generator-${language}", rf"OpenAPI-Generator/{_VERSION}/(?P<language>[\w-]+)"),
    KnownClient("swagger-codegen-${language}", rf"Swagger-Codegen/{_VERSION}/(?P<language>[\w-]+)"),
    KnownClient("terraform-provider-${product}", rf".*?\bterraform-provider-(?P<product>[\w-]+)/{_VERSION}"),
    # SDKs that name the version of the API first.
    KnownClient(
        "${product}-${language}",
        rf"(?P<product>[A-Za-z]+)/v[0-9]\S* \.?{_LANGUAGE}(?:Bindings|Client|Library)/{_VERSION}",
    ),
    KnownClient(
        "${product}-${language}", rf"(?P<product>[A-Za-z]+) (?P<language>Python|Node|Ruby|Go|Java|PHP) v{_VERSION}$"
    ),
    KnownClient("${product}-ruby", rf"(?P<product>[A-Za-z]+) Ruby Gem {_VERSION}"),
    KnownClient("sendgrid-${language}", rf"sendgrid/{_VERSION};(?P<language>\w+)"),
    KnownClient("google-cloud-${language}", rf"gl-(?P<language>\w+)/.*?\b(?:gccl|gapic)/{_VERSION}"),
    KnownClient("gcloud", rf"google-cloud-sdk .*?\bgcloud/{_VERSION}"),
    KnownClient("Terraform", rf"(?:HashiCorp |APN/.*?)Terraform/{_VERSION}"),
    KnownClient("aws-cli", rf"\[?aws-cli/{_VERSION}"),
    # HTTP libraries and tools.
    KnownClient("PowerShell", rf"Mozilla/5\.0 \(.*?\) (?:Windows)?PowerShell/{_VERSION}"),
    KnownClient("libwww-perl", rf"(?:LWP::Simple/|.*? )libwww-perl/{_VERSION}"),
    KnownClient("libwww-perl", rf"LWP::Simple/{_VERSION}"),
    KnownClient("Go-http-client", rf"Go {_VERSION} package http"),
    KnownClient("IntelliJ HTTP Client", rf"IntelliJ HTTP Client/[A-Za-z ]+ {_VERSION}"),
    # A constant stands there, not the version.
    KnownClient("node-fetch", r"node-fetch/1\.0 \(\+https"),
    KnownClient("GitHub-Hookshot", r"GitHub-Hookshot/"),
    # Names of several words.
    KnownClient("Amazon CloudFront", "Amazon CloudFront"),
    KnownClient("Amazon SNS", "Amazon Simple Notification Service Agent"),
    KnownClient("Symfony HttpClient", "Symfony HttpClient"),
    KnownClient("Thunder Client", "Thunder Client"),
    KnownClient("Ktor client", r"(?i)ktor[ -]client"),
    KnownClient("SAP NetWeaver", "SAP NetWeaver Application Server"),
    KnownClient("PyGithub", "PyGithub/Python"),
    # Opera called itself 9.80 from version 10 on.
    KnownClient("Opera", r"Opera/9\.80 .*?Version/(?P<version>[0-9.]+)"),
    # What runs on a runtime, unless nothing but the operating system follows it.
    KnownClient("${client}", rf"(?P<client>{_RUNTIMES})/{_VERSION} (?:Linux|Darwin|Windows|macOS|FreeBSD)/"),
    KnownClient("${client}", rf"(?:{_RUNTIMES})/\S+ (?P<client>[A-Za-z][\w.-]*)/{_VERSION}"),
)


def known_clients(agents: pl.Series, own: Sequence[KnownClient] = ()) -> pl.DataFrame:
    """Return a row for each user agent: sdk, sdk_version, both null where it is none of `own` nor of KNOWN.

    Patterns of `own` come first and may match anywhere.
    """
    rules = [*(KnownClient(name, f".*?(?:{pattern})") for name, pattern in own), *KNOWN]
    # Most user agents are none of them, which one regex tells for all.
    either = "|".join(re.sub(r"\(\?P<\w+>", "(?:", rule.pattern) for rule in rules)
    some = agents.str.contains(f"^(?:{either})")
    found = _named(agents.filter(some), rules)
    nothing = pl.DataFrame({"sdk": [None], "sdk_version": [None]}, schema=found.schema)
    rows = pl.when(some).then(some.cum_sum()).otherwise(0)
    return pl.concat([nothing, found]).select(pl.all().gather(pl.select(rows).to_series()))


def _named(agents: pl.Series, rules: Sequence[KnownClient]) -> pl.DataFrame:
    agent = pl.col("agent")
    name = version = pl.lit(None, dtype=pl.String)
    for rule in reversed(rules):
        whole = f"(?s)^(?:{rule.pattern}).*$"
        said = agent.str.replace(whole, rule.name).str.to_lowercase() if "$" in rule.name else pl.lit(rule.name)
        its = agent.str.replace(whole, "${version}") if "?P<version>" in rule.pattern else pl.lit("")
        matches = agent.str.contains(whole)
        name = pl.when(matches).then(said).otherwise(name)
        version = pl.when(matches).then(its).otherwise(version)
    return pl.DataFrame({"agent": agents}).select(name.alias("sdk"), version.replace("", None).alias("sdk_version"))
