"""`sdks:` of apilens.yaml: clients of the user's own."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from apilens.identity_rule import groups_of, regex_problem


class SdkRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A client by its user agent: `{name: acme-ios, agent: 'AcmeApp/(?P<version>[0-9.]+) .*iOS'}`."""

    name: str
    agent: str


def sdk_problems(rule: SdkRule) -> Iterator[str]:
    """Give what is wrong with a rule."""
    if not rule.name or "$" in rule.name:
        yield "`name` is what the SDK is called, without `$`"
    if problem := regex_problem(rule.agent):
        yield f"`agent` {problem}"
    elif set(groups_of(rule.agent)) - {"version"}:
        yield "`agent` has one group at most, `(?P<version>…)`; write others as `(?:…)`"
