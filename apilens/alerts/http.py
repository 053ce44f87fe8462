"""One HTTP request, as notifications make it: TLS verified, no redirects, few attempts, and nothing of the answer read.

An answer's body may hold anything, secrets included, and no part of a notification needs it.
"""

from __future__ import annotations

import email.utils
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from socket import gaierror, socket
from typing import Any, Literal

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection

from apilens.alerts.addresses import connected
from apilens.errors import DeliveryError

ATTEMPTS = 3
# The pause after the first attempt; each further one is twice as long.
FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
_RETRIED = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True, slots=True)
class Client:
    """How requests are made. timeout_s: for connecting, and for each answer. pause: waits so many seconds.

    now_s: the time of the wall, in seconds of the epoch.
    """

    timeout_s: float
    allow_private: bool
    pause: Callable[[float], None] = time.sleep
    now_s: Callable[[], float] = time.time

    def request(
        self, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None,
        method: Literal["GET", "POST"] = "POST",
    ) -> None:  # fmt: skip
        """Make a request that is answered with 2xx. Raises DeliveryError, which never holds the address but its host.

        What may pass (429, 5xx, no connection) is tried three times, after 1 s and 2 s or what Retry-After says, 30 s
        at most.
        """
        pool, target, host = self._pool(url)
        for attempt in range(1, ATTEMPTS + 1):
            failure, wait_s = self._attempt(pool, method, target, host, body, headers or {})
            if failure is None:
                return
            if attempt == ATTEMPTS:
                raise DeliveryError(f"{failure}, {ATTEMPTS} attempts")
            self.pause(FIRST_PAUSE_S * 2 ** (attempt - 1) if wait_s is None else wait_s)

    def _pool(self, url: str) -> tuple[urllib3.HTTPConnectionPool, str, str]:
        """Return what connects to the host of an address, the path to ask for, and the host."""
        try:
            parts = urllib3.util.parse_url(url)
        except urllib3.exceptions.LocationParseError:
            raise DeliveryError("its address is no URL") from None
        if not parts.host or parts.scheme not in ("https", "http"):
            raise DeliveryError("its address is no https:// URL")
        if parts.scheme == "http" and not self.allow_private:
            raise DeliveryError(f"{parts.host}: plain http is not used", hint="https, or `allow_private: true`")
        if parts.auth:
            raise DeliveryError(f"{parts.host}: user and password in an address are not sent")
        kind, usual = (_HttpsPool, 443) if parts.scheme == "https" else (_HttpPool, 80)
        host = parts.host.strip("[]")
        # The port is said in any case: without one, the end of an address of IPv6 would be taken for it.
        pool = kind(host, parts.port or usual, timeout=self.timeout_s, allow_private=self.allow_private)
        return pool, parts.request_uri, host

    def _attempt(
        self, pool: urllib3.HTTPConnectionPool, method: str, target: str, host: str, body: bytes | None,
        headers: Mapping[str, str],
    ) -> tuple[str | None, float | None]:  # fmt: skip
        """Try once; return why it failed (None: it did not) and how long the server wants to be left alone."""
        try:
            answer = pool.urlopen(
                method, target, body=body, headers=dict(headers), redirect=False, retries=False, preload_content=False,
                assert_same_host=False,
            )  # fmt: skip
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if isinstance(_cause(error), ssl.SSLCertVerificationError):
                raise DeliveryError(f"{host}: its certificate is not to be trusted") from None
            return f"{host}: {_words(error)}", None
        status, after = answer.status, answer.headers.get("Retry-After")
        answer.close()
        if 200 <= status < 300:
            return None, None
        if 300 <= status < 400:
            raise DeliveryError(f"{host}: answers with a redirect (HTTP {status}), which is not followed")
        if status not in _RETRIED:
            # The address or the key is wrong, or only this message is.
            raise DeliveryError(f"{host}: HTTP {status}", lasting=status in (401, 403, 404, 410))
        return f"{host}: HTTP {status}", self._wait(after)

    def _wait(self, after: str | None) -> float | None:
        """Return what a Retry-After header comes to in seconds, 30 at most; None where it says nothing."""
        if after is None:
            return None
        if after.strip().isdecimal():
            return float(min(int(after.strip()[:9]), LONGEST_PAUSE_S))
        try:
            moment = email.utils.parsedate_to_datetime(after)
        except (TypeError, ValueError):
            return None
        return min(max(moment.timestamp() - self.now_s(), 0.0), LONGEST_PAUSE_S)


def _cause(error: BaseException) -> BaseException:
    """Return what an error of urllib3 comes from."""
    reason = getattr(error, "reason", None) or next((part for part in error.args if isinstance(part, OSError)), None)
    return _cause(reason) if isinstance(reason, BaseException) and reason is not error else error


def _words(error: BaseException) -> str:
    """Return an error in words that hold nothing of the address."""
    match cause := _cause(error):
        case urllib3.exceptions.TimeoutError() | TimeoutError():
            return "no answer in time"
        case gaierror():
            return "its name cannot be resolved"
        case ConnectionRefusedError():
            return "refuses the connection"
        case ssl.SSLError():
            return "no TLS connection"
        case OSError() if cause.strerror:
            return cause.strerror.lower()
    return "the connection broke"


class _Guarded:
    """A connection that goes to addresses that are allowed, and to no others."""

    def __init__(self, *arguments: Any, allow_private: bool, **others: Any) -> None:
        super().__init__(*arguments, **others)
        self.allow_private = allow_private

    def _new_conn(self: Any) -> socket:
        return connected(self.host, self.port, timeout_s=self.timeout, allow_private=self.allow_private)


class _Http(_Guarded, HTTPConnection):
    pass


class _Https(_Guarded, HTTPSConnection):
    pass


class _HttpPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _Https
