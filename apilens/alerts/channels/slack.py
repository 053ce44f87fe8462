"""Slack: blocks through an incoming webhook, within Slack's limits and without markup from the data."""

from __future__ import annotations

import bisect
import itertools
import json
from collections.abc import Sequence
from typing import Any

from apilens.alerts import words
from apilens.alerts.alert import Message
from apilens.alerts.outlet import Outlet
from apilens.render.json import dumps

# Slack takes 150 characters in a header, 3,000 in a section, 50 blocks; and refuses more than some 13,000 in all.
_HEADER, _SECTION, _LINE = 150, 2_500, 350
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def payload(message: Message, outlet: Outlet) -> str:
    """Return the JSON that Slack gets."""
    return dumps(_document(message), indent=2)


def send(message: Message, outlet: Outlet) -> None:
    """Post it to the webhook."""
    body = json.dumps(_document(message)).encode()
    outlet.client.request(outlet.secrets["url"], body, {"Content-Type": "application/json"})


def _document(message: Message) -> dict[str, Any]:
    title = words.title(message)
    blocks = [{"type": "header", "text": _plain(_escaped(title, _HEADER))}]
    texts = [*_sections(words.lines(message)), *_sections(words.more(message))]
    blocks += [{"type": "section", "text": _plain(text)} for text in texts]
    # `text` is what a phone's notification shows. Nothing in it is to become a mention or a preview.
    return {"text": _escaped(title, _LINE), "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def _sections(lines: Sequence[str]) -> list[str]:
    """Return the lines, escaped, in as few sections as hold them."""
    made: list[str] = []
    for line in (_escaped(line, _LINE) for line in lines):
        if made and len(made[-1]) + 1 + len(line) <= _SECTION:
            made[-1] += f"\n{line}"
        else:
            made.append(line)
    return made


def _plain(text: str) -> dict[str, Any]:
    """Return a text object without markup: `plain_text` knows neither mentions nor links nor code."""
    return {"type": "plain_text", "text": text, "emoji": False}


def _escaped(text: str, most: int) -> str:
    """Return the text escaped as Slack asks, cut to a length between two escapes."""
    letters = [_ESCAPES.get(letter, letter) for letter in text]
    if sum(map(len, letters)) <= most:
        return "".join(letters)
    ends = list(itertools.accumulate(map(len, letters)))
    return "".join(letters[: bisect.bisect_left(ends, most)]) + "…"
