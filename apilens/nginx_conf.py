"""What `nginx -T` prints, read for one thing: which access logs are written, where, and in which format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# What nginx writes where no access_log says otherwise.
BUILT_IN = "combined"
_TOKEN = re.compile(
    r"""\s*(?:(?P<comment>\#[^\n]*)|(?P<mark>[;{}])|'(?P<single>(?:[^'\\]|\\.)*)'|"(?P<double>(?:[^"\\]|\\.)*)\""""
    r"""|(?P<word>(?:\$\{\w+\}|\\.|[^\s;{}])+))""",
    re.DOTALL,
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "\\": "\\"}


@dataclass(frozen=True, slots=True)
class AccessLog:
    """An access_log directive: path of the file, its variables as `*`, and the name of its format."""

    path: str
    format: str


@dataclass(frozen=True, slots=True)
class NginxConf:
    """The log_formats by name, each as one string, and the access logs that go to files, each once."""

    formats: dict[str, str]
    logs: tuple[AccessLog, ...]


def read_nginx(text: str) -> NginxConf:
    """Read a configuration of nginx, whole as `nginx -T` prints it or a file of it."""
    formats: dict[str, str] = {}
    logs: dict[AccessLog, None] = {}
    # With 2>&1 its own messages stand before the configuration.
    text = re.sub(r"(?m)^nginx: .*$", "", text)
    for words in _directives(text):
        if words[0] == "log_format" and len(words) > 2:
            formats[words[1]] = "".join(word for word in words[2:] if not word.startswith("escape="))
        elif words[0] == "access_log" and len(words) > 1 and words[1] != "off":
            named = len(words) > 2 and "=" not in words[2]
            if not words[1].startswith(("syslog:", "memory:")):
                logs[AccessLog(re.sub(r"\$(?:\{\w+\}|\w+)", "*", words[1]), words[2] if named else BUILT_IN)] = None
    return NginxConf(formats, tuple(logs))


def _directives(text: str) -> Iterator[list[str]]:
    """Give each directive as its words, unquoted; a block's directive ends where the block begins."""
    words: list[str] = []
    for token in _TOKEN.finditer(text):
        if token["comment"]:
            continue
        if token["mark"]:
            if words:
                yield words
            words = []
        elif token["word"] is not None:
            words.append(token["word"])
        else:
            quoted = token["single"] if token["single"] is not None else token["double"]
            words.append(re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), quoted, flags=re.DOTALL))
