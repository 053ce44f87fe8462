"""A web server on this machine that answers as a test wants, and remembers what it was asked."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

HANG = 0


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Loopback:
    """Answers with one status after the other, and with the last of them for ever; HANG: not at all."""

    def __init__(self, *answers: int, headers: Mapping[str, str] | None = None, tls: ssl.SSLContext | None = None):
        self.asked: list[Asked] = []
        self.answers, self.headers = list(answers), dict(headers or {})
        self.over = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        scheme, host = ("https", "localhost") if tls else ("http", "127.0.0.1")
        self.url = f"{scheme}://{host}:{self.server.server_port}/services/hush?token=hush"

    def __enter__(self) -> Loopback:
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.over.set()
        self.server.shutdown()
        self.server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                number = len(loopback.asked)
                loopback.asked.append(Asked(self.command, self.path, dict(self.headers), body))
                status = loopback.answers[min(number, len(loopback.answers) - 1)]
                if status == HANG:
                    loopback.over.wait(20)
                    return
                self.send_response(status)
                for name, value in loopback.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"body with a secret: hush")

            do_GET = do_POST = _answer

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler
