"""A check that dies at any point: every message arrives, and twice at most, under the same id."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from apilens.alerts import check as checking
from apilens.alerts.alert import Message
from apilens.alerts.memory import one_check
from tests.alerts.making import Channel, check, line, rules_of, stored

RULES = (
    "name: a, by: [account], window: 5m, when: requests >= 1, notify: [ops, mail]\n"
    "name: b, window: 5m, when: requests >= 1, notify: [ops]"
)


class Died(BaseException):
    """What kill -9 is to what is on disk: nothing runs after it."""


class Fragile(Channel):
    """Dies at the n-th effect on the world: keeping what is known, or taking one message."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.left = at

    def effect(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise Died

    def __call__(self, messages: Sequence[Message]) -> list[Message]:
        for message in messages:
            self.effect()
            self.got.append(message)
            self.effect()
        return []


@pytest.mark.parametrize("at", range(1, 12))
def test_nothing_is_lost_wherever_a_check_dies(at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = stored(tmp_path, [line(0)])
    channel = Fragile(at)
    write = checking.write_memory

    def dying(*arguments: Any) -> None:
        channel.effect()
        write(*arguments)
        channel.effect()

    monkeypatch.setattr(checking, "write_memory", dying)
    try:
        check(store, rules_of(RULES), 1, channel)
    except Died:
        check(store, rules_of(RULES), 2, channel)

    sent = Counter((message.rule, message.channel, message.id) for message in channel.got)
    assert {(rule, name) for rule, name, _ in sent} == {("a", "ops"), ("a", "mail"), ("b", "ops")}
    assert len(sent) == 3
    assert max(sent.values()) <= 2


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.alerts.making import check, rules_of
def deliver(messages):
    Path(sys.argv[2]).open("a").write("".join(message.id + "\\n" for message in messages))
    os.kill(os.getpid(), signal.SIGKILL)
check(Path(sys.argv[1]), rules_of(sys.argv[3]), 1, deliver)
"""


def test_kill_9_after_sending_sends_again_and_leaves_no_lock(tmp_path: Path) -> None:
    store, sent = stored(tmp_path, [line(0)]), tmp_path / "sent"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(store), str(sent), RULES], capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    channel = Channel()

    with one_check(store):
        pass
    check(store, rules_of(RULES), 2, channel)

    assert sorted(message.id for message in channel.got) == sorted(sent.read_text().split())
