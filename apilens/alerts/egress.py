"""What leaves the machine of a message: accounts, users, addresses and paths as the channel's `egress` wants them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from apilens.alerts.alert import Alert, Message
from apilens.channel_settings import Egress


def leaving(message: Message, egress: Egress, *, names: Mapping[str, str], key: Callable[[], bytes]) -> Message:
    """Return the message as it may be sent. names: account → what `accounts:` calls it. key: gives the hash key.

    Groups that are distinct stay distinct, so that an incident keeps its key.
    """
    swap = _Swap(egress, names, key)
    alerts = tuple(map(swap.alert, message.alerts))
    return replace(message, alerts=alerts, notes=tuple(swap.all(note) for note in message.notes))


class _Swap:
    """What stands for what, over all alerts of one message."""

    def __init__(self, egress: Egress, names: Mapping[str, str], key: Callable[[], bytes]) -> None:
        self.egress = egress
        self.names = names
        self.key = key
        self.known: dict[str, str] = {}

    def alert(self, alert: Alert) -> Alert:
        """Return an alert whose group, and every text that names a value of it, is as it may be sent."""
        shown = {name: None if value is None else self._shown(name, value) for name, value in alert.group.items()}
        swapped = {
            value: instead for name, value in alert.group.items() if value and (instead := shown[name] or "") != value
        }
        if not swapped:
            return alert
        self.known |= swapped
        # A command or a link that names somebody who is not to be named leads nowhere else.
        hidden = any(value in swapped and not self._is_named(name) for name, value in alert.group.items())
        return replace(
            alert,
            group=shown,
            description=swap(alert.description, swapped),
            condition=swap(alert.condition, swapped),
            reading=swap(alert.reading, swapped),
            labels={name: swap(text, swapped) for name, text in alert.labels.items()},
            command="" if hidden else alert.command,
            links={} if hidden else alert.links,
        )

    def all(self, text: str) -> str:
        """Return a text about all of them."""
        return swap(text, self.known)

    def _is_named(self, dimension: str) -> bool:
        """Say whether a value that is not sent as it is has a name in its place, so that nothing is to be hidden."""
        return dimension == "account" and self.egress.account == "name"

    def _shown(self, dimension: str, value: str) -> str:
        match dimension:
            case "account" if self.egress.account == "hash":
                return self._hash(value, "a")
            case "account" if self.egress.account == "name":
                return self.names.get(value, value)
            case "user" if self.egress.user == "hash":
                return self._hash(value, "u")
            case "client_ip" if self.egress.client_ip == "never":
                return self._hash(value, "ip")
            case "path" if self.egress.path == "template":
                return self._template(value)
        return value

    def _hash(self, value: str, prefix: str) -> str:
        from apilens.enrich.keyed_hash import key_id

        return key_id(value, self.key(), prefix)

    def _template(self, path: str) -> str:
        import polars as pl

        from apilens.enrich.path_template import template

        shown = str(template(pl.Series([path]))[0])
        # Two paths of one template are two groups.
        return path if shown == path else f"{shown} {self._hash(path, 'p')}"


def swap(text: str, swapped: Mapping[str, str]) -> str:
    """Return a text with every whole word that is a key replaced by its value; the longest first."""
    if not text or not swapped:
        return text
    words = "|".join(re.escape(value) for value in sorted(swapped, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{words})(?!\w)", lambda found: swapped[found[0]], text)
