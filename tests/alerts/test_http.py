"""One HTTP request against servers that behave and servers that do not; and which addresses may be connected to."""

from __future__ import annotations

import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
import trustme

from apilens.alerts.addresses import is_allowed
from apilens.alerts.http import Client
from apilens.errors import DeliveryError
from tests.alerts.loopback import HANG, Loopback


def failing(server: Loopback, pauses: list[float] | None = None, **others: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as found:
        client(pauses, **others).request(server.url, b"{}")
    assert "hush" not in f"{found.value.message} {found.value.hint}"
    return found.value


def client(pauses: list[float] | None = None, **others: Any) -> Client:
    settings: dict[str, Any] = {"timeout_s": 5.0, "allow_private": True, "pause": (pauses or []).append}
    if pauses is not None:
        settings["pause"] = pauses.append
    return Client(**settings | others)


def test_a_request_arrives_once() -> None:
    with Loopback(200) as server:
        client().request(server.url, b'{"a":1}', {"Content-Type": "application/json"})

    (asked,) = server.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/services/hush?token=hush", b'{"a":1}')


def test_what_may_pass_is_tried_again_after_one_and_two_seconds() -> None:
    pauses: list[float] = []
    with Loopback(500, 503, 200) as server:
        client(pauses).request(server.url)

    assert (len(server.asked), pauses) == (3, [1.0, 2.0])


def test_three_attempts_are_enough() -> None:
    with Loopback(500) as server:
        error = failing(server)

    assert (len(server.asked), error.message) == (3, "127.0.0.1: HTTP 500, 3 attempts")


@pytest.mark.parametrize(
    ("header", "pause"),
    [("7", 7.0), ("86400", 30.0), ("Sun, 22 Nov 2026 15:00:12 GMT", 12.0), ("soon", 1.0), ("-5", 1.0)],
)
def test_retry_after_is_honoured_up_to_half_a_minute(header: str, pause: float) -> None:
    pauses: list[float] = []
    now_s = 1795359600.0  # 2026-11-22 15:00:00 UTC
    with Loopback(429, 200, headers={"Retry-After": header}) as server:
        client(pauses, now_s=lambda: now_s).request(server.url)

    assert pauses == [pause]


def test_a_hanging_server_is_given_up() -> None:
    started = time.monotonic()
    with Loopback(HANG) as server:
        error = failing(server, timeout_s=0.2)

    assert error.message == "127.0.0.1: no answer in time, 3 attempts"
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(status: int) -> None:
    with Loopback(200) as elsewhere, Loopback(status, headers={"Location": elsewhere.url}) as server:
        error = failing(server)

    assert error.message == f"127.0.0.1: answers with a redirect (HTTP {status}), which is not followed"
    assert (len(server.asked), elsewhere.asked) == (1, [])


def test_a_refused_message_is_not_tried_again_and_says_nothing_of_the_next() -> None:
    with Loopback(400) as server:
        error = failing(server)

    assert (len(server.asked), error.message, error.lasting) == (1, "127.0.0.1: HTTP 400", False)


def test_certificates_are_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with Loopback(200, tls=context) as server:
        error = failing(server)
        assert (error.message, server.asked) == ("localhost: its certificate is not to be trusted", [])

        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        client().request(server.url)
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("http://hooks.example.com/hush", "hooks.example.com: plain http is not used"),
        ("file:///etc/hush", "its address is no https:// URL"),
        ("data:,hush", "its address is no https:// URL"),
        ("https://me:hush@hooks.example.com/", "hooks.example.com: user and password in an address are not sent"),
        ("https://169.254.169.254/hush", "169.254.169.254 is an address of the own network, or of no network"),
        ("https://0x7f.1/hush", "0x7f.1 is an address of the own network, or of no network"),
        ("https://2130706433/hush", "2130706433 is an address of the own network, or of no network"),
        ("https://[::ffff:127.0.0.1]/hush", "::ffff:127.0.0.1 is an address of the own network, or of no network"),
        ("https://100.64.0.1/hush", "100.64.0.1 is an address of the own network, or of no network"),
        (f"https://{'a' * 70}.example/hush", f"{'a' * 70}.example: its name cannot be resolved, 3 attempts"),
    ],
)
def test_addresses_that_lead_inside_are_refused(url: str, what: str) -> None:
    with pytest.raises(DeliveryError) as found:
        client(allow_private=False).request(url)

    assert found.value.message == what
    assert "hush" not in str(found.value.hint)


def test_what_is_checked_is_what_is_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that is public when it is looked up first, and leads inside the second time."""
    answers = iter(["93.184.215.14", "127.0.0.1"])
    looked_up: list[str] = []

    def resolve(host: str, port: int, **others: Any) -> list[Any]:
        looked_up.append(next(answers))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (looked_up[-1], port))]

    connected: list[str] = []
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(socket.socket, "connect", lambda self, address: connected.append(address[0]))

    with pytest.raises(DeliveryError):
        client(allow_private=False, timeout_s=0.1).request("https://rebinding.example/")

    assert connected == ["93.184.215.14"]


@pytest.mark.parametrize(
    ("address", "public", "private"),
    [
        ("93.184.215.14", True, True), ("2606:4700::1", True, True), ("64:ff9b::5db8:d70e", True, True),
        ("10.1.2.3", False, True), ("100.64.0.1", False, True), ("127.0.0.1", False, True), ("::1", False, True),
        ("::", False, True), ("::ffff:10.0.0.1", False, True), ("::7f00:1", False, True), ("fc00::1", False, True),
        ("64:ff9b::7f00:1", False, True), ("2002:7f00:1::", False, True), ("2002:a9fe:a9fe::", False, False),
        ("169.254.169.254", False, False), ("::ffff:169.254.169.254", False, False), ("fe80::1%eth0", False, False),
        ("fd00:ec2::254", False, False), ("224.0.0.1", False, False), ("255.255.255.255", False, False),
    ],
)  # fmt: skip
def test_which_addresses_are_allowed(address: str, public: bool, private: bool) -> None:
    assert is_allowed(address, allow_private=False) == public
    assert is_allowed(address, allow_private=True) == private
