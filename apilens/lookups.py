"""What identity rules look up outside the log: keys.csv, users.csv, networks.csv, and another log by request id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from apilens.csv_table import shown_name
from apilens.enrich.key_table import read_keys, read_users
from apilens.enrich.network_table import read_networks
from apilens.enrich.text_map import TextMap
from apilens.errors import ConfigError
from apilens.identity_rule import IdentityRule, place_of
from apilens.joined_log import read_join

# Place of a rule → how what it looks up in is read.
_READ: Mapping[str, Callable[[IdentityRule, bytes], TextMap]] = {
    "api_key": lambda rule, hash_key: read_keys(rule.api_key or "", hash_key),
    "users": lambda rule, hash_key: read_users(rule.users or ""),
    "ip": lambda rule, hash_key: read_networks(rule.ip or ""),
    "join": lambda rule, hash_key: read_join(rule.join),  # type: ignore[arg-type] # the rule's place says that it is there
}


def read_lookups(
    rules: Iterable[IdentityRule], hash_key: bytes, *, warn: Callable[[str], None] = lambda line: None
) -> dict[IdentityRule, TextMap]:
    """Return what each of the account rules looks up in; `warn` hears of a joined log that says nothing.

    Raises ConfigError with the mistakes of all files.
    """
    found: dict[IdentityRule, TextMap] = {}
    mistakes: list[ConfigError] = []
    for rule in rules:
        read = _READ.get(place_of(rule))
        if read is None or rule in found:
            continue
        try:
            found[rule] = made = read(rule, hash_key)
            if rule.join and not len(made):
                warn(f"join: no line of {', '.join(map(shown_name, rule.join.files))} has a request id and an account")
        except ConfigError as error:
            mistakes.append(error)
    if mistakes:
        hints = [error.hint for error in mistakes if error.hint]
        raise ConfigError("\n".join(error.message for error in mistakes), hint=hints[0] if hints else None)
    return found
