"""What is wrong with `channels`, `routes` and `heartbeat_url` of apilens.yaml: said without any secret in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta

import msgspec

from apilens.channel_settings import CHANNELS, REFERENCE, SECRETS, Channel, ChannelSettings, Heartbeat, Route
from apilens.errors import UsageError
from apilens.spelling import nearest
from apilens.window import parse_duration
from apilens.yaml_nodes import Keys

_VARIABLE = re.compile("[A-Za-z_][A-Za-z0-9_]*")
_NAME = re.compile("[A-Za-z0-9_.-]{1,64}")
_HOST = re.compile(r"[A-Za-z0-9_.-]+|[0-9A-Fa-f:.]+")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9.-]+")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LONGEST = timedelta(seconds=60)


def channel_problems(
    channels: Mapping[str, ChannelSettings], routes: Collection[Route], heartbeat: str | Heartbeat | None
) -> Iterator[tuple[Keys, str]]:
    """Give what is wrong with `channels`, `routes` and `heartbeat_url` beyond types, never with a secret in it."""
    for name, channel in channels.items():
        if not _NAME.fullmatch(name):
            yield ("channels", name), "a channel is named with letters, digits, `_`, `-` and `.`"
        yield from ((("channels", name, *place), what) for place, what in _problems(channel))
    for at, route in enumerate(routes):
        if not route.to:
            yield ("routes", at, "to"), "names no channel"
        for name in route.to:
            if name not in channels:
                hint = nearest(name, channels) or f"known: {', '.join(channels) or 'none'}"
                yield ("routes", at, "to"), f"no channel `{name}` ({hint})"
    if isinstance(heartbeat, str) and not REFERENCE.fullmatch(heartbeat):
        yield ("heartbeat_url",), _literal("heartbeat_url: {env: NAME}")
    elif isinstance(heartbeat, Heartbeat):
        if (heartbeat.env is None) == (heartbeat.file is None):
            yield ("heartbeat_url",), "needs either `env: NAME` or `file: FILE`"
        yield from ((("heartbeat_url", key), what) for key, what in _reference_problems(heartbeat, "", "env", "file"))
        yield from ((("heartbeat_url", "timeout"), what) for what in _timeout_problems(heartbeat.timeout))


def _problems(channel: ChannelSettings) -> Iterator[tuple[Keys, str]]:
    kind = CHANNELS.get(channel.type)
    if kind is None:
        hint = nearest(channel.type, CHANNELS)
        yield ("type",), f"is none of {', '.join(CHANNELS)}" + (f" ({hint})" if hint else "")
        return
    yield from _keys_problems(channel, kind)
    for secret in SECRETS:
        yield from (((key,), what) for key, what in _secret_problems(channel, secret, needed=secret in kind.needs))
    for key, text in _texts(channel):
        if _CONTROL.search(text):
            yield (key,), "holds a line break or another control character"
    yield from ((("timeout",), what) for what in _timeout_problems(channel.timeout))
    if channel.type == "email":
        yield from (((key,), what) for key, what in _email_problems(channel))


def _keys_problems(channel: ChannelSettings, kind: Channel) -> Iterator[tuple[Keys, str]]:
    """Give the keys that are missing, and those that mean nothing to a channel of this type."""
    plain = set(kind.needs) | set(kind.takes)
    known = {"type", "timeout", "allow_private", "egress", *plain}
    known |= {f"{name}_{place}" for name in plain & set(SECRETS) for place in ("env", "file")}
    given = {
        field.encode_name for field in msgspec.structs.fields(channel) if getattr(channel, field.name) != field.default
    }
    for key in sorted(given - known):
        yield (key,), f"means nothing to `type: {channel.type}` (known: {', '.join(sorted(known))})"
    for key in kind.needs:
        if key not in SECRETS and key not in given:
            yield (), f"`{key}` is missing"


def _secret_problems(channel: ChannelSettings, name: str, *, needed: bool) -> Iterator[tuple[str, str]]:
    keys = [key for key in (name, f"{name}_env", f"{name}_file") if getattr(channel, key) is not None]
    if not keys and needed:
        yield name, f"needs `{name}_env: NAME` or `{name}_file: FILE`"
    if len(keys) > 1:
        yield keys[1], f"goes without `{keys[0]}`: give one of them"
    if name in keys and not REFERENCE.fullmatch(getattr(channel, name)):
        yield name, _literal(f"{name}_env: NAME")
    yield from _reference_problems(channel, name, f"{name}_env", f"{name}_file")


def _reference_problems(
    given: ChannelSettings | Heartbeat, name: str, env: str, file: str
) -> Iterator[tuple[str, str]]:
    variable, path = getattr(given, env), getattr(given, file)
    if variable is not None and not _VARIABLE.fullmatch(variable):
        yield env, f"is the name of an environment variable, such as {name.upper() or 'HEARTBEAT_URL'}, not its value"
    if path is not None and (not path or "://" in path):
        yield file, "is the name of a file that holds it"


def _literal(instead: str) -> str:
    return f"a secret does not stand in settings: write `{instead}`; change it if it was shared"


def _texts(channel: ChannelSettings) -> Iterator[tuple[str, str]]:
    for field in msgspec.structs.fields(channel):
        value = getattr(channel, field.name)
        for text in value if isinstance(value, tuple) else (value,):
            if isinstance(text, str):
                yield field.encode_name, text


def _timeout_problems(text: str) -> Iterator[str]:
    try:
        length = parse_duration(text)
    except UsageError as error:
        yield error.message
        return
    if not timedelta(seconds=1) <= length <= _LONGEST:
        yield f"`{text}`: from 1s to {int(_LONGEST.total_seconds())}s"


def _email_problems(channel: ChannelSettings) -> Iterator[tuple[str, str]]:
    if channel.host is not None and not _HOST.fullmatch(channel.host):
        yield "host", "is the name of a mail server, such as smtp.example.com; its port stands under `port`"
    if channel.port is not None and not 0 < channel.port < 65536:
        yield "port", "is a number from 1 to 65535"
    for key, address in (("from", channel.from_), *(("to", address) for address in channel.to)):
        if address is not None and not _ADDRESS.fullmatch(address):
            yield key, "is no address such as oncall@example.com"
    has_password = any(getattr(channel, key) for key in ("password", "password_env", "password_file"))
    if (channel.user is not None) != has_password:
        yield "user", "goes with a password, and a password with `user`"
    if has_password and channel.tls == "none":
        yield "tls", "a password is not sent in the clear: starttls or tls"
