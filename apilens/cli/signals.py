"""Signals that end the process: one exception, soon, whatever Polars is doing."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

_ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


class Stopped(BaseException):
    """A signal asked the process to end."""


class _State:
    """The signal that came first, and whether its exception is on its way."""

    number: int | None = None
    raised = False


def listen() -> None:
    """From now on a signal that ends processes raises Stopped, once; those that the parent ignores stay ignored."""
    heeded = [number for number in _ENDING if signal.getsignal(number) not in (signal.SIG_IGN, None)]
    if signal.SIGINT not in heeded:
        # Polars puts its own handler in the place of an inherited SIG_IGN; a blocked signal it never sees.
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    for number in heeded:
        signal.signal(number, _stop)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_hurry_polars, args=(reader,), daemon=True, name="signals").start()


def hold() -> Callable[[float], bool]:
    """From now on signals wait until they are asked for, so that nothing is broken off.

    Returns pause(seconds): it sleeps, less if a signal came, and says whether one did. To be called before any thread
    is started that may take a signal.
    """
    heeded = {number for number in _ENDING if signal.getsignal(number) is _stop}
    signal.pthread_sigmask(signal.SIG_BLOCK, heeded)

    def pause(seconds: float) -> bool:
        until = time.monotonic() + seconds
        while not (came := bool(heeded & signal.sigpending())) and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))
        return came

    return pause


def unheed() -> None:
    """From now on signals are too late: the process is about to end, and says why."""
    _State.raised = True


def exit_code() -> int:
    """Return 128 + the signal that ended the process, as shells have it."""
    return 128 + (_State.number or signal.SIGINT)


def description() -> str:
    """Return what happened, in words for people."""
    number = _State.number or signal.SIGINT
    return "interrupted" if number == signal.SIGINT else f"stopped by {signal.Signals(number).name}"


def _stop(number: int, frame: FrameType | None) -> None:
    # Polars raises KeyboardInterrupt by itself before Python gets to call this. One exception is enough: a second one
    # would break off what the first one cleans up.
    flying = isinstance(sys.exc_info()[1], KeyboardInterrupt)
    first = not _State.raised
    _State.number = _State.number or number
    _State.raised = True
    if first and not flying:
        raise Stopped


def _hurry_polars(reader: int) -> None:
    """Pass SIGTERM and SIGHUP on as SIGINT, the only signal that makes Polars leave a query."""
    # They are for the main thread, which may hold them.
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)
    while True:
        number = os.read(reader, 1)[0]
        if number != signal.SIGINT and "polars" in sys.modules:
            _State.number = _State.number or number
            # Where SIGINT is ignored it is blocked in every thread, so one has to let it in.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
            os.kill(os.getpid(), signal.SIGINT)
