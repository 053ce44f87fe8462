"""Messages to their channels: each channel on its own, so that one which fails or hangs keeps none of the others."""

from __future__ import annotations

import functools
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from apilens.alerts.alert import Message
from apilens.alerts.channels import sender
from apilens.alerts.egress import leaving
from apilens.alerts.http import Client
from apilens.alerts.outlet import Outlet, masked, secrets_of
from apilens.channel_settings import ChannelSettings
from apilens.errors import ApilensError, DeliveryError
from apilens.store.key import hash_key

# How long all channels together may take, in seconds.
WITHIN_S = 60.0


def deliver(
    messages: Sequence[Message], channels: Mapping[str, ChannelSettings], *,
    environ: Mapping[str, str] = os.environ, names: Mapping[str, str] | None = None, within_s: float = WITHIN_S,
    say: Callable[[str], None] = lambda line: None,
) -> list[Message]:  # fmt: skip
    """Send messages, and return those that could not be delivered, each without the groups that are through.

    Channels are served at the same time, the messages of one in their order. What is not through after `within_s`
    seconds counts as undelivered, though it may still arrive: receivers know it by its id. names: account → what
    `accounts:` calls it, for `egress: {account: name}`. say: takes a line for people about each channel that failed.
    """
    lanes = {name: _Lane(name, channels.get(name), environ, names or {}, say) for name in _channels_of(messages)}
    for message in messages:
        lanes[message.channel].waiting.append(message)
    # Not a pool: what hangs in a look-up of a name cannot be stopped, and is not to keep the process from ending.
    threads = [threading.Thread(target=lane.run, daemon=True) for lane in lanes.values()]
    for thread in threads:
        thread.start()
    end = time.monotonic() + within_s
    for lane, thread in zip(lanes.values(), threads, strict=True):
        thread.join(max(end - time.monotonic(), 0.0))
        if thread.is_alive():
            lane.stop.set()
            say(f"channel {lane.name}: not done after {within_s:g} s")
    return [message for lane in lanes.values() for message in lane.left()]


def shown(message: Message, channel: ChannelSettings, *, environ: Mapping[str, str] = os.environ) -> str:
    """Return what a channel would send, its secrets masked. Nothing is sent."""
    outlet = Outlet(message.channel, channel, masked(channel), Client(channel.timeout_s, channel.allow_private))
    sent = leaving(message, channel.egress, names={}, key=lambda: hash_key(environ))
    return sender(channel.type).payload(sent, outlet)


def _channels_of(messages: Sequence[Message]) -> list[str]:
    return list(dict.fromkeys(message.channel for message in messages))


@dataclass
class _Lane:
    """One channel with its messages. waiting: those that are not through."""

    name: str
    settings: ChannelSettings | None
    environ: Mapping[str, str]
    names: Mapping[str, str]
    say: Callable[[str], None]
    waiting: list[Message] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def left(self) -> list[Message]:
        """Return what is not through."""
        with self.lock:
            return list(self.waiting)

    def run(self) -> None:
        """Send one message after the other, up to the first failure that will last."""
        failures: dict[str, str | None] = {}
        try:
            outlet, key = self._outlet(), functools.cache(lambda: hash_key(self.environ))
            for message in self.left():
                try:
                    self._send(message, outlet, key)
                except DeliveryError as error:
                    self._keep(message, error.done)
                    failures[error.message] = error.hint
                    if error.lasting:
                        break
        except ApilensError as error:
            failures[error.message] = error.hint
        # A bug in one channel, or in a library that it uses, is not to keep other channels from being served. Its text
        # may hold an address.
        except Exception as error:
            failures[f"internal error: {type(error).__name__}"] = None
        for what, hint in failures.items():
            if not self.stop.is_set():
                self.say(f"channel {self.name}: {what}" + (f" ({hint})" if hint else ""))

    def _outlet(self) -> Outlet:
        if self.settings is None:
            raise DeliveryError("is not in apilens.yaml")
        client = Client(self.settings.timeout_s, self.settings.allow_private, self._pause)
        return Outlet(self.name, self.settings, secrets_of(self.settings, self.environ), client, self.say)

    def _send(self, message: Message, outlet: Outlet, key: Callable[[], bytes]) -> None:
        if self.stop.is_set():
            raise DeliveryError("no time is left")
        sent = leaving(message, outlet.settings.egress, names=self.names, key=key)
        sender(outlet.settings.type).send(sent, outlet)
        with self.lock:
            self.waiting.remove(message)

    def _keep(self, message: Message, done: int) -> None:
        """Take off the groups of a message that are through."""
        with self.lock:
            at = self.waiting.index(message)
            self.waiting[at] = replace(message, alerts=message.alerts[done:])

    def _pause(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise DeliveryError("no time is left")
