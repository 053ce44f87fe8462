"""A proposal as a commented apilens.yaml: what was found is set, what else there is stands there as a comment.

Settings that a reader may want stand behind a `#` without a space: without it they count. Nothing of the log but names
of fields, headers and parameters gets into the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import yaml

from apilens.account_advice import HEADER, Advice, advice
from apilens.account_search import REMOTE_USER, Hit
from apilens.config import IdentityRule
from apilens.format_settings import CustomFormat
from apilens.heading import percent
from apilens.identity_rule import place_of
from apilens.proposal import Proposal

_MOST_OTHERS = 3
_HEAD = """\
# Settings of apilens, as `apilens init` found them. Commands find this file in the current folder or above it.
# What begins with `#` and no space, and the lines indented below it, are settings, too: take the `#` away to use them.

# Where events are kept, from the folder of this file.
store: .apilens
"""
_MORE = """\
# What the API is said to be: names its endpoints, and says which are deprecated.
#openapi: [openapi.yaml]
# Endpoints that no description has.
#endpoints: ["/genre/{name}"]

# What is known of accounts (id, name, plan …): report --by account.plan, and columns beside the account.
#accounts: accounts.csv
#show: [name, plan]

# What an error is: status >= 400 unless said otherwise.
#errors: {when: status >= 400, except: ["status = 404 AND method = 'HEAD'"]}

# Client addresses are kept (keep), or truncate, hash, drop.
#client_ip: truncate

# Who is told of alerts, by `apilens check` (docs/alerts.md, docs/notifications.md). Secrets stand elsewhere.
#channels:
#  oncall: {type: slack, url_env: SLACK_URL}
#routes:
#  - {to: [oncall]}

# What reports show where they are not asked for a time: everything.
#defaults: {since: 7d}
"""


def settings_text(proposal: Proposal) -> str:
    """Return the text of an apilens.yaml."""
    missing = None if proposal.knows_accounts else advice(proposal)
    parts = [_reading(proposal, missing), _accounts(proposal, missing), _keys(proposal)]
    return "\n".join([_HEAD, *("\n".join(lines) + "\n" for part in parts if (lines := list(part))), _MORE])


def found_words(hit: Hit, requests: int, of: str = "accounts") -> str:
    """Return what a rule finds, in words: `header x-account-id (94.0 % of requests, 41 accounts)`."""
    return f"{rule_words(hit.rule)} ({_share(hit, requests, of)})"


def rule_words(rule: IdentityRule | None) -> str:
    """Return a rule in words: `header x-account-id`, `remote user`."""
    if rule is None:
        return "what the format states"
    place = place_of(rule)
    value = getattr(rule, place)
    return place.replace("_", " ") if value is True else f"{place} {value}"


def _reading(proposal: Proposal, missing: Advice | None) -> Iterator[str]:
    """Give how the logs are read."""
    if proposal.source_tz:
        yield "# The zone of times that state none."
        yield f"source_tz: {_scalar(proposal.source_tz)}"
        yield ""
    yield "# How logs are read. Formats are detected" + (
        "; these were:" if proposal.logs else ", those named here, too."
    )
    for title, hits, looks in _titles(proposal):
        yield f"# · {title}: {hits:,} of {looks:,} lines"
    wanted = missing.formats if missing else ()
    if proposal.formats:
        yield "formats:"
    elif wanted:
        yield "#formats:"
    for name, custom in proposal.formats:
        yield from _format_lines(name, custom)
    for name, custom in wanted:
        yield from (f"#{line}" for line in _format_lines(name, custom))


def _titles(proposal: Proposal) -> list[tuple[str, int, int]]:
    """Return each format's title once, with the lines that it read of those looked at."""
    titles = dict.fromkeys(log.title for log in proposal.logs)
    logs = {title: [log for log in proposal.logs if log.title == title] for title in titles}
    return [(title, sum(log.hits for log in some), sum(log.looks for log in some)) for title, some in logs.items()]


def _accounts(proposal: Proposal, missing: Advice | None) -> Iterator[str]:
    """Give the rules that find the account, what else would, or what the log lacks."""
    found = proposal.search
    yield "# Who the account is: the first rule that finds a value wins (docs/accounts.md has all of them)."
    if missing:
        yield "# No account is in these logs. To get it there:"
        yield from (f"# · {words.strip()}" for words in missing.words)
        yield from ("#account:", f"#  - header: {HEADER}")
        return
    rules = found.rules or proposal.guesses
    if proposal.guesses:
        yield "# By the names in the log_format: there was no log to try them on."
    if rules:
        yield "account:"
    for rule in rules:
        hit = next((hit for hit in found.chain if hit.rule == rule), None)
        yield from _rule_lines(rule, _share(hit, found.requests, "accounts") if hit else None)
    for hit in found.chain:
        if hit.rule not in rules:
            yield f"# Without a rule: {found_words(hit, found.requests)}."
    if not rules:
        yield from ("#account:", f"#  - header: {HEADER}")
    for hit in [hit for hit in found.others if hit.rule and hit.rule != REMOTE_USER][:_MOST_OTHERS]:
        yield from (f"#{line}" for line in _rule_lines(hit.rule, _share(hit, found.requests, "accounts")))


def _keys(proposal: Proposal) -> Iterator[str]:
    if keys := proposal.search.keys:
        yield "# Where API keys are: kept as keyed hashes, never as they are. Whose they are a file can say, with"
        yield "# the rule `api_key: keys.csv` under `account:`; without one a key that is an account stays a hash."
        yield "api_key:"
        for hit in keys:
            yield from _rule_lines(hit.rule, _share(hit, proposal.search.requests, "keys"))


def _share(hit: Hit, requests: int, of: str) -> str:
    return f"{percent(hit.requests / requests)} of requests, {hit.accounts:,} {of}"


def _rule_lines(rule: IdentityRule | None, why: str | None) -> Iterator[str]:
    """Give a rule as an item of a list, with why it is there behind it."""
    assert rule is not None
    names = [name for name in ("from_", "regex") if getattr(rule, name)]
    place = place_of(rule)
    yield f"  - {place}: {_scalar(getattr(rule, place))}" + (f"  # {why}" if why else "")
    yield from (f"    {name.rstrip('_')}: {_scalar(getattr(rule, name))}" for name in names)


def _format_lines(name: str, custom: CustomFormat) -> Iterator[str]:
    yield f"  {_scalar(name)}:"
    if custom.log_format:
        yield f"    log_format: {_scalar(custom.log_format)}"
    if custom.fields:
        yield "    fields:"
        yield from (f"      {field}: {_scalar(path)}" for field, path in custom.fields.items())


def _scalar(value: object) -> str:
    """Return a value as YAML of one line."""
    if isinstance(value, str) and not value.isprintable():
        # YAML reads the texts of JSON, and JSON keeps line ends and such out of the text.
        return json.dumps(value)
    text = yaml.safe_dump(value, width=float("inf"), allow_unicode=True).strip()
    return text.removesuffix("...").strip() if text.endswith("\n...") else text
