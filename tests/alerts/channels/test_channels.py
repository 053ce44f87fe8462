"""What each channel sends: within the limits of its receiver, whatever the data holds."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import smtplib
import stat
import time
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from apilens.alerts.alert import Message
from apilens.alerts.channels import sender
from apilens.alerts.channels.pagerduty import dedup_key
from apilens.alerts.channels.webhook import signature
from apilens.alerts.http import Client
from apilens.alerts.outlet import Outlet, secrets_of
from apilens.channel_settings import CHANNELS, ChannelSettings
from apilens.config import load
from apilens.errors import DeliveryError
from tests.alerts.loopback import Loopback
from tests.alerts.messages import alert, message

HOSTILE = "<!channel> <@U1> <https://evil.example|ok> *b* `c` @here &amp; \x1b[31m\r\nBcc: x@evil.example \u202e"
PLACES: dict[str, dict[str, Any]] = {
    "slack": {"url_env": "URL"},
    "pagerduty": {"key_env": "KEY"},
    "webhook": {"url_env": "URL"},
    "email": {"host": "127.0.0.1", "from_": "apilens@example.com", "to": ("oncall@example.com",)},
    "file": {"path": "/nowhere/alerts.jsonl"},
    "stdout": {},
    "apprise": {"url_env": "URL"},
}
TOLD = {
    "one": message(),
    "resolved": message(alert(state="resolved", until=message().at), reason="resolved"),
    "thousand": message(*(alert(f"account-{n}") for n in range(1000))),
    "hostile": message(*(alert(HOSTILE * 9, description=HOSTILE * 9) for _ in range(1000)), notes=(HOSTILE * 9,) * 50),
    "everything": message(alert(group={}, value=None, unit="odd", state="no_data"), reason="no_data"),
}


def outlet(kind: str, **settings: Any) -> Outlet:
    given = ChannelSettings(type=kind, allow_private=True, **PLACES[kind] | settings)
    secrets = secrets_of(given, {"URL": "https://hooks.example.com/x", "KEY": "k" * 32} | dict(os.environ))
    return Outlet(kind, given, secrets, Client(5.0, allow_private=True))


@pytest.mark.parametrize("told", TOLD.values(), ids=TOLD)
@pytest.mark.parametrize("kind", CHANNELS)
def test_every_channel_has_something_to_say(kind: str, told: Message) -> None:
    text = sender(kind).payload(told, outlet(kind))

    assert told.rule in text or told.reason == "resolved"
    assert "\x1b" not in text and "\u202e" not in text
    assert "\nBcc:" not in text


@pytest.mark.parametrize("told", TOLD.values(), ids=TOLD)
def test_slack_gets_blocks_within_its_limits_and_no_markup(told: Message) -> None:
    made = json.loads(sender("slack").payload(told, outlet("slack")))

    blocks = made["blocks"]
    assert 1 < len(blocks) <= 10
    assert {block["type"] for block in blocks} <= {"header", "section"}
    assert all(0 < len(block["text"]["text"]) <= (150 if block["type"] == "header" else 3000) for block in blocks)
    assert sum(len(block["text"]["text"]) for block in blocks) <= 12_000
    for text in [made["text"], *(block["text"]["text"] for block in blocks)]:
        assert not {"<", ">"} & set(text)
        assert "&" not in text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert {block["text"]["type"] for block in blocks} == {"plain_text"}


def test_slack_gets_the_first_twenty_groups_and_a_count_of_the_others() -> None:
    text = json.loads(sender("slack").payload(TOLD["thousand"], outlet("slack")))["blocks"][1]["text"]["text"]

    assert "account-19:" in text and "account-20:" not in text
    assert text.endswith("and 980 more")


_TEXT = {"type": "string", "minLength": 1}
# The Events API v2, as PagerDuty's documentation has it.
EVENT = {
    "type": "object",
    "additionalProperties": False,
    "required": ["routing_key", "event_action", "dedup_key"],
    "properties": {
        "routing_key": {"type": "string", "pattern": "^[A-Za-z0-9]{32}$"},
        "event_action": {"enum": ["trigger", "acknowledge", "resolve"]},
        "dedup_key": {**_TEXT, "maxLength": 255},
        "client": _TEXT,
        "client_url": {"type": "string", "format": "uri"},
        "links": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["href"],
                "properties": {"href": {"type": "string", "pattern": "^https?://"}, "text": _TEXT},
            },
        },
        "payload": {
            "type": "object",
            "additionalProperties": False,
            "required": ["summary", "source", "severity"],
            "properties": {
                "summary": {**_TEXT, "maxLength": 1024},
                "source": _TEXT,
                "severity": {"enum": ["critical", "error", "warning", "info"]},
                "timestamp": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"},
                "component": _TEXT,
                "group": _TEXT,
                "class": _TEXT,
                "custom_details": {"type": "object"},
            },
        },
    },
    "if": {"properties": {"event_action": {"const": "trigger"}}},
    "then": {"required": ["payload"]},
}


@pytest.mark.parametrize("told", TOLD.values(), ids=TOLD)
def test_pagerduty_gets_events_that_validate(told: Message) -> None:
    with Loopback(202) as server:
        sender("pagerduty").send(told, sending_to(server, "pagerduty"))

    events = [json.loads(asked.body) for asked in server.asked]
    assert len(events) == min(len(told.alerts), 20)
    for event in events:
        jsonschema.validate(event, EVENT)
        assert len(json.dumps(event)) < 512_000


def sending_to(server: Loopback, kind: str, **settings: Any) -> Outlet:
    ready = outlet(kind, **settings)
    return Outlet(kind, ready.settings, {**ready.secrets, "url": server.url}, ready.client)


def test_an_incident_that_began_is_resolved_under_the_same_key() -> None:
    with Loopback(202) as server:
        for told in (TOLD["one"], TOLD["resolved"]):
            sender("pagerduty").send(told, sending_to(server, "pagerduty"))

    began, ended = (json.loads(asked.body) for asked in server.asked)
    assert (began["event_action"], ended["event_action"]) == ("trigger", "resolve")
    assert began["dedup_key"] == ended["dedup_key"] == "expired-tokens|account=initech"


def test_every_group_that_may_have_been_triggered_is_resolved() -> None:
    told = message(*(alert(f"a{n}", state="resolved") for n in range(25)), reason="resolved")
    with Loopback(202) as server:
        sender("pagerduty").send(told, sending_to(server, "pagerduty"))

    assert len({json.loads(asked.body)["dedup_key"] for asked in server.asked}) == 25


def test_long_keys_stay_distinct() -> None:
    first, second = (alert("x" * 400 + end) for end in "ab")

    assert len(dedup_key(first)) == len(dedup_key(second)) == 255
    assert dedup_key(first) != dedup_key(second)


def test_a_webhook_is_signed_with_the_time() -> None:
    with Loopback(200) as server:
        ready = sending_to(server, "webhook")
        signed = Outlet(
            "hook", ready.settings, {**ready.secrets, "secret": "s3"}, Client(5, True, now_s=lambda: 1700.9)
        )
        sender("webhook").send(message(), signed)

    (asked,) = server.asked
    digest = hmac.new(b"s3", b"1700." + asked.body, hashlib.sha256).hexdigest()
    assert asked.headers["X-Apilens-Signature"] == f"t=1700,v1={digest}"
    assert asked.headers["X-Apilens-Message"] == "0123abcd"
    body = json.loads(asked.body)
    assert (body["schema"], body["alerts"][0]["key"]) == ("apilens.message/1", "expired-tokens|account=initech")
    assert (body["alerts"][0]["since"], body["more"]) == ("2026-11-22T14:00:00Z", 0)


def test_a_webhook_can_have_a_template(tmp_path: Path) -> None:
    (tmp_path / "t.j2").write_text('{"text": {{ title | tojson }}, "n": {{ alerts | length }}}')

    made = json.loads(sender("webhook").payload(message(), outlet("webhook", template=str(tmp_path / "t.j2"))))

    assert made == {"text": "[critical] expired-tokens fires: initech", "n": 1}


@pytest.mark.parametrize(
    ("template", "what"),
    [
        ("{\n{% if %}", "t.j2:2: Expected an expression, got 'end of statement block'"),
        ('{"a": {{ b }}}', "t.j2: UndefinedError: 'b' is undefined"),
        ('{"a": {{ title }}}', "t.j2 makes no JSON: Expecting value, line 1"),
        ('{"a": {{ 1 / 0 }}}', "t.j2: ZeroDivisionError: division by zero"),
        ("{{ title.__class__.__mro__ }}", "t.j2: SecurityError: access to attribute '__class__'"),
        ('{% include "/etc/passwd" %}', "t.j2: TypeError: no loader for this environment specified"),
    ],
)
def test_mistakes_in_a_template_are_said(tmp_path: Path, template: str, what: str) -> None:
    (tmp_path / "t.j2").write_text(template)

    with pytest.raises(DeliveryError) as found:
        sender("webhook").payload(message(), outlet("webhook", template=str(tmp_path / "t.j2")))

    assert what in found.value.message


def test_no_header_of_a_mail_begins_in_the_data(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[EmailMessage] = []

    class Server(smtplib.SMTP):
        def __init__(self, *arguments: Any, **others: Any) -> None:
            self.sock = None

        def send_message(self, msg: EmailMessage, *rest: Any, **others: Any) -> dict[str, Any]:
            sent.append(msg)
            return {}

        def __exit__(self, *arguments: object) -> None:
            pass

    monkeypatch.setattr(smtplib, "SMTP", Server)
    told = message(alert(HOSTILE), rule=f"a\r\nBcc: x@evil.example {HOSTILE}")

    sender("email").send(told, outlet("email", tls="none"))

    (mail,) = sent
    assert set(mail.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Type", "Content-Transfer-Encoding",
        "MIME-Version",
    }  # fmt: skip
    assert mail["Message-ID"] == "<0123abcd@apilens.invalid>"
    assert all(len(line) <= 998 for line in mail.as_bytes().split(b"\n"))
    assert b"\nBcc" not in mail.as_bytes()


def test_a_mail_server_that_is_not_there_is_said() -> None:
    with pytest.raises(DeliveryError, match=r"^127\.0\.0\.1: Connection refused$"):
        sender("email").send(message(), outlet("email", port=1))


def test_a_file_gets_a_line_each_and_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "alerts.jsonl"
    for told in (TOLD["one"], TOLD["hostile"]):
        sender("file").send(told, outlet("file", path=str(path)))

    lines = path.read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["0123abcd", "0123abcd"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_pipe_that_nobody_reads_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(DeliveryError, match="No such device or address"):
        sender("file").send(message(), outlet("file", path=str(tmp_path / "pipe")))


def test_apprise_sends_to_what_its_url_says(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("apprise")
    with Loopback(200) as server:
        ready = outlet("apprise")
        url = server.url.replace("http://", "json://")
        sender("apprise").send(message(), Outlet("any", ready.settings, {"url": url}, ready.client))

    body = json.loads(server.asked[0].body)
    assert (body["title"], body["type"]) == ("[critical] expired-tokens fires: initech", "failure")


def test_what_apprise_does_not_know_is_said_without_it() -> None:
    pytest.importorskip("apprise")
    ready = outlet("apprise")
    with pytest.raises(DeliveryError) as found:
        sender("apprise").send(message(), Outlet("any", ready.settings, {"url": "hush://x"}, ready.client))

    assert found.value.message == "Apprise knows no such URL"


def test_what_the_documentation_shows_works(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs/notifications.md").read_text()
    blocks = dict(re.findall(r"^```(\w+)\n(.*?)^```", page, re.DOTALL | re.MULTILINE))
    (tmp_path / "t.j2").write_text(blocks["jinja"])
    (tmp_path / "apilens.yaml").write_text(re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.MULTILINE)[0])
    checks: dict[str, Any] = {}
    exec(blocks["python"], checks)  # noqa: S102

    made = json.loads(sender("webhook").payload(message(), outlet("webhook", template=str(tmp_path / "t.j2"))))
    signed = signature(b"{}", "s3", int(time.time()))

    assert made == {"summary": "[critical] expired-tokens fires: initech", "accounts": ["initech"], "urgent": True}
    assert checks["is_from_apilens"](signed, b"{}", "s3")
    assert not checks["is_from_apilens"](signed, b"{ }", "s3")
    assert set(load(tmp_path / "apilens.yaml").channels) == {"slack-oncall", "pager", "tickets", "mail"}
