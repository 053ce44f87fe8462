"""Who is told of alerts, and how: `channels`, `routes`, `heartbeat_url` of apilens.yaml, and the table of channels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from apilens.window import parse_duration

# What gives access to a channel; in settings each is NAME: ${VAR}, NAME_env: VAR or NAME_file: FILE, never itself.
SECRETS = ("url", "key", "secret", "password")
REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True)
class Channel:
    """A kind of channel: the module that sends, the settings that it needs, and those that it can do without."""

    module: str
    help: str
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


# To add one: a file in alerts/channels/ with `payload` and `send`, and a line here.
CHANNELS: Mapping[str, Channel] = {
    "slack": Channel("apilens.alerts.channels.slack", "an incoming webhook of Slack", ("url",)),
    "pagerduty": Channel("apilens.alerts.channels.pagerduty", "Events v2: an incident per group", ("key",), ("url",)),
    "webhook": Channel("apilens.alerts.channels.webhook", "JSON by POST, signed", ("url",), ("secret", "template")),
    "email": Channel(
        "apilens.alerts.channels.email", "by SMTP", ("host", "from", "to"), ("port", "tls", "user", "password")
    ),
    "file": Channel("apilens.alerts.channels.file", "a line of JSON at the end of a file", ("path",)),
    "stdout": Channel("apilens.alerts.channels.stdout", "lines of text on stdout"),
    "apprise": Channel("apilens.alerts.channels.apprise", "any URL of Apprise (extra `notify`)", ("url",)),
}


class Egress(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of an alert's group leaves the machine as it is.

    account: its id, the `name` that `accounts:` has for it, or a keyed hash. user: the same without names. client_ip:
    never means a keyed hash in its place. path: its template, ids replaced by `{id}`.
    """

    account: Literal["name", "id", "hash"] = "id"
    user: Literal["id", "hash"] = "id"
    client_ip: Literal["never", "keep"] = "never"
    path: Literal["template", "keep"] = "template"


class ChannelSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One channel; docs/notifications.md says what each type needs and takes.

    allow_private: may be an address of the own network, and plain http. timeout: of one attempt.
    """

    type: str
    url: str | None = None
    url_env: str | None = None
    url_file: str | None = None
    key: str | None = None
    key_env: str | None = None
    key_file: str | None = None
    secret: str | None = None
    secret_env: str | None = None
    secret_file: str | None = None
    password: str | None = None
    password_env: str | None = None
    password_file: str | None = None
    template: str | None = None
    path: str | None = None
    host: str | None = None
    port: int | None = None
    tls: Literal["starttls", "tls", "none"] = "starttls"
    from_: str | None = msgspec.field(default=None, name="from")
    to: tuple[str, ...] = ()
    user: str | None = None
    timeout: str = "10s"
    allow_private: bool = False
    egress: Egress = Egress()

    @property
    def timeout_s(self) -> float:
        """How long one attempt may take, in seconds."""
        return parse_duration(self.timeout).total_seconds()

    def placed(self, folder: Path) -> ChannelSettings:
        """Return the channel with its files named from a folder."""
        names = ("path", "template", *(f"{secret}_file" for secret in SECRETS))
        files = {name: str(folder / Path(getattr(self, name)).expanduser()) for name in names if getattr(self, name)}
        return msgspec.structs.replace(self, **files)


class Route(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which alerts go to which channels: those for which everything that is given fits. rule: a name, or a glob."""

    to: tuple[str, ...]
    rule: str | None = None
    severity: Literal["warning", "critical"] | None = None
    labels: dict[str, str] = {}


class Heartbeat(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The address that is called after every complete run: `{env: HEARTBEAT_URL}` or `{file: FILE}`."""

    env: str | None = None
    file: str | None = None
    timeout: str = "10s"
    allow_private: bool = False

    def placed(self, folder: Path) -> Heartbeat:
        """Return it with its file named from a folder."""
        return msgspec.structs.replace(self, file=str(folder / Path(self.file).expanduser())) if self.file else self


def heartbeat_of(given: str | Heartbeat | None) -> Heartbeat | None:
    """Return what `heartbeat_url` says, in its long form."""
    if isinstance(given, str):
        found = REFERENCE.fullmatch(given)
        return Heartbeat(env=found[1]) if found else None
    return given
