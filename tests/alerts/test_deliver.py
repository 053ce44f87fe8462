"""Messages to several channels: which fail, which do not, and what is left to send."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apilens.alerts import http
from apilens.alerts.alert import Message
from apilens.alerts.deliver import deliver, shown
from apilens.alerts.heartbeat import heartbeat
from apilens.alerts.routes import channels_for
from apilens.channel_settings import ChannelSettings, Egress, Heartbeat, Route
from apilens.errors import DeliveryError
from tests.alerts.loopback import HANG, Loopback
from tests.alerts.messages import alert, message


@pytest.fixture(autouse=True)
def no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "FIRST_PAUSE_S", 0.01)


def webhook(name: str, **others: Any) -> ChannelSettings:
    settings: dict[str, Any] = {"type": "webhook", "url_env": name, "allow_private": True, "timeout": "1s"}
    return ChannelSettings(**settings | others)


def to(channel: str, id: str = "1", **others: Any) -> Message:
    return message(channel=channel, id=id, **others)


def ids(server: Loopback) -> list[str]:
    return [json.loads(asked.body)["id"] for asked in server.asked]


def test_what_cannot_be_sent_comes_back_and_the_rest_arrives(tmp_path: Path) -> None:
    said: list[str] = []
    messages = [to("good", "1"), to("bad", "2"), to("good", "3"), to("log", "4"), to("gone", "5"), to("unset", "6")]
    channels = {
        "good": webhook("GOOD"), "bad": webhook("BAD"), "unset": webhook("UNSET"),
        "log": ChannelSettings(type="file", path=str(tmp_path / "a.jsonl")),
    }  # fmt: skip
    with Loopback(200) as good, Loopback(500) as bad:
        left = deliver(messages, channels, environ={"GOOD": good.url, "BAD": bad.url}, say=said.append)

    assert sorted(one.id for one in left) == ["2", "5", "6"]
    assert ids(good) == ["1", "3"]
    assert json.loads((tmp_path / "a.jsonl").read_text())["id"] == "4"
    assert sorted(said) == [
        "channel bad: 127.0.0.1: HTTP 500, 3 attempts",
        "channel gone: is not in apilens.yaml",
        "channel unset: $UNSET is not set (it holds the channel's secret)",
    ]


def test_a_channel_that_hangs_keeps_nobody_waiting_for_long() -> None:
    said: list[str] = []
    started = time.monotonic()
    with Loopback(HANG) as slow, Loopback(200) as good:
        left = deliver(
            [to("slow", "1"), to("slow", "2"), to("good", "3")], {"slow": webhook("SLOW"), "good": webhook("GOOD")},
            environ={"SLOW": slow.url, "GOOD": good.url}, within_s=0.5, say=said.append,
        )  # fmt: skip

    assert [one.id for one in left] == ["1", "2"]
    assert ids(good) == ["3"]
    assert said == ["channel slow: not done after 0.5 s"]
    assert time.monotonic() - started < 5


def test_a_receiver_that_is_down_is_not_tried_for_every_message() -> None:
    messages = [to("bad", str(number)) for number in range(20)]
    with Loopback(503) as bad:
        left = deliver(messages, {"bad": webhook("BAD")}, environ={"BAD": bad.url})

    assert (left, len(bad.asked)) == (messages, 3)


def test_one_message_that_is_refused_keeps_none_of_the_next() -> None:
    messages = [to("some", "1"), to("some", "2")]
    with Loopback(400, 200) as some:
        left = deliver(messages, {"some": webhook("SOME")}, environ={"SOME": some.url})

    assert (left, ids(some)) == (messages[:1], ["1", "2"])


def test_groups_that_are_through_are_not_sent_again() -> None:
    told = to("pager", alerts=tuple(alert(f"a{n}") for n in range(3)))
    channels = {"pager": ChannelSettings(type="pagerduty", key_env="KEY", url_env="URL", allow_private=True)}
    with Loopback(202, 400, 202) as pager:
        environ = {"KEY": "k" * 32, "URL": pager.url}
        (left,) = deliver([told], channels, environ=environ)
        assert deliver([left], channels, environ=environ) == []

    assert left == replace(told, alerts=told.alerts[1:])
    keys = [json.loads(asked.body)["dedup_key"] for asked in pager.asked]
    assert [key[-2:] for key in keys] == ["a0", "a1", "a1", "a2"]


def test_a_bug_in_a_channel_is_kept_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    def broken(*arguments: Any) -> None:
        raise KeyError("https://hooks.example.com/hush")

    monkeypatch.setattr("apilens.alerts.channels.stdout.send", broken)
    with Loopback(200) as good:
        left = deliver(
            [to("out"), to("good")], {"out": ChannelSettings(type="stdout"), "good": webhook("GOOD")},
            environ={"GOOD": good.url}, say=said.append,
        )  # fmt: skip

    assert [one.channel for one in left] == ["out"]
    assert said == ["channel out: internal error: KeyError"]


def test_accounts_leave_as_the_channel_wants_them() -> None:
    channels = {name: webhook("URL", egress=Egress(account=name)) for name in ("id", "name", "hash")}  # type: ignore[arg-type]
    with Loopback(200) as server:
        deliver(
            [to(name) for name in channels], channels, environ={"URL": server.url, "APILENS_HASH_KEY": "k"},
            names={"initech": "Initech Inc"},
        )  # fmt: skip

    accounts = {json.loads(asked.body)["alerts"][0]["group"]["account"] for asked in server.asked}
    assert {"initech", "Initech Inc"} < accounts and len(accounts) == 3


def test_no_messages_touch_nothing() -> None:
    assert deliver([], {"a": webhook("A")}, environ={}) == []


def test_what_is_shown_has_no_secret_and_goes_nowhere() -> None:
    text = shown(
        to("pager"), ChannelSettings(type="pagerduty", key_env="KEY"), environ={"KEY": "hush", "APILENS_HASH_KEY": "k"}
    )

    assert '"routing_key": "***"' in text and "hush" not in text


def test_a_process_ends_though_a_channel_hangs(tmp_path: Path) -> None:
    program = """
import sys
from apilens.alerts.deliver import deliver
from apilens.channel_settings import ChannelSettings
from tests.alerts.messages import message
settings = ChannelSettings(type="webhook", url_env="URL", allow_private=True, timeout="20s")
print(len(deliver([message()], {"hook": settings}, within_s=0.2)))
"""
    with Loopback(HANG) as slow:
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=Path(__file__).parents[2], env={**os.environ, "URL": slow.url},
            capture_output=True, text=True,
        )  # fmt: skip

    assert (done.stdout, done.returncode) == ("1\n", 0)
    assert time.monotonic() - started < 10


ROUTES = (
    Route(to=("pager", "slack"), severity="critical"),
    Route(to=("security", "slack"), rule="auth-*"),
    Route(to=("api",), labels={"team": "api"}),
)


@pytest.mark.parametrize(
    ("rule", "severity", "labels", "notify", "expected"),
    [
        ("auth-storm", "critical", {}, (), ("pager", "slack", "security")),
        ("auth-storm", "warning", {"team": "api"}, (), ("security", "slack", "api")),
        ("slow", "warning", {"team": "web"}, (), ()),
        ("auth-storm", "critical", {}, ("mail",), ("mail",)),
    ],
)
def test_routes(rule: str, severity: Any, labels: Any, notify: Any, expected: tuple[str, ...]) -> None:
    assert channels_for(rule, severity, labels=labels, notify=notify, routes=ROUTES) == expected


def test_the_heartbeat_is_a_call_to_its_address(tmp_path: Path) -> None:
    with Loopback(200) as server:
        (tmp_path / "url").write_text(f"{server.url}\n")
        heartbeat(Heartbeat(file=str(tmp_path / "url"), allow_private=True))
        heartbeat(None)

    assert [(asked.method, asked.body) for asked in server.asked] == [("GET", b"")]


def test_a_heartbeat_that_fails_is_said_without_its_address() -> None:
    with Loopback(404) as server, pytest.raises(DeliveryError) as found:
        heartbeat(Heartbeat(env="URL", allow_private=True), environ={"URL": server.url})

    assert (found.value.message, found.value.exit_code) == ("heartbeat_url: 127.0.0.1: HTTP 404", 4)
