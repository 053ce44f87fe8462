"""What to add to a log that does not say whose a request is."""

from __future__ import annotations

from dataclasses import dataclass

from apilens.account_candidates import account_variables
from apilens.format_settings import CustomFormat
from apilens.proposal import Proposal

HEADER = "x-account-id"
_VARIABLE = "$http_x_account_id"
_COMBINED = (
    '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"'
    " $request_time"
)
_NAME = "with_account"
# Logs of the servers that are told what to write by a log_format or LogFormat.
_SERVERS = frozenset(
    ["combined", "common", "combined_vhost", "common_vhost", "nginx_timed", "apache_ssl", "nginx_ingress"]
)
_APACHE = r'LogFormat "%h %l %u %t \"%r\" %>s %b \"%{Referer}i\" \"%{User-Agent}i\" \"%{X-Account-Id}i\"" ' + _NAME
# Flat JSON, where every field is one's own choice; account_id is found without a rule.
_FLAT = "json"
# What logs of these say is decided by their maker: they are read as they are.
_JOIN = "join the log of the service that knows the account (join:), or its networks (ip:): docs/accounts.md"


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do, a line each, and the format of the logs that come of it, None where that is known already."""

    words: tuple[str, ...]
    formats: tuple[tuple[str, CustomFormat], ...] = ()


def advice(proposal: Proposal) -> Advice:
    """Say how the account gets into logs like these."""
    written = [(name, custom.log_format) for name, custom in proposal.formats if custom.log_format]
    if empty := [f"${name}" for _, text in written for name in account_variables(text)]:
        return Advice((f"the log_format has {', '.join(empty)}, empty in all requests: have callers send that header",))
    if written:
        longer = [(f"{name}_{_NAME}", f'{text} "{_variable(text)}"') for name, text in written]
        return Advice(_log_formats(longer), _formats(longer))
    if any(custom.fields for _, custom in proposal.formats):
        return Advice((f'add to the log_format: "account_id": "{_VARIABLE}"', "and the field to `fields:` as account"))
    names = {log.format.rpartition(":")[2] for log in proposal.logs}
    if names & _SERVERS:
        longer = [(_NAME, f'{_COMBINED} "{_VARIABLE}"')]
        return Advice((*_log_formats(longer), f"or Apache's: {_APACHE}"), _formats(longer))
    if _FLAT in names:
        return Advice(
            (
                "add a field account_id to the JSON, which is found without a rule; in nginx's log_format:",
                f'  "account_id": "{_VARIABLE}"',
            )
        )
    return Advice((f"have the log hold the header {HEADER} or a field of that kind, or", _JOIN))


def _log_formats(formats: list[tuple[str, str]]) -> tuple[str, ...]:
    words = f"have the server write the header {HEADER} (or whichever says who calls):"
    return (words, *(f"  {_directive(name, text)}" for name, text in formats))


def _variable(text: str) -> str:
    return _VARIABLE if "$" in text else "%{X-Account-Id}i"


def _directive(name: str, text: str) -> str:
    """Return the line of nginx's configuration, or Apache's."""
    escaped = text.replace("\\", "\\\\")
    if "$" in text:
        return f"log_format {name} '" + escaped.replace("'", "\\'") + "';"
    return 'LogFormat "' + escaped.replace('"', '\\"') + f'" {name}'


def _formats(formats: list[tuple[str, str]]) -> tuple[tuple[str, CustomFormat], ...]:
    return tuple((name, CustomFormat(log_format=text)) for name, text in formats)
