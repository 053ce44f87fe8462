"""A rules file as typed rules: every mistake at once, each as file:line:column with the nearest known name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from apilens.alerts.kinds import KINDS
from apilens.alerts.rule import Rule, common_problems
from apilens.config import Settings
from apilens.errors import ConfigError
from apilens.spelling import nearest
from apilens.yaml_nodes import Keys, Mistakes, Node, YamlMistake, read_yaml, typed

FILE_NAME = "rules.yaml"
MAX_RULES = 1_000


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a file in its order, and the line that each begins at."""

    file: str
    rules: tuple[Rule, ...]
    lines: Mapping[str, int]

    @property
    def enabled(self) -> tuple[Rule, ...]:
        """The rules that are judged."""
        return tuple(rule for rule in self.rules if rule.enabled)


def load_rules(path: Path, settings: Settings) -> Rules:
    """Return the rules of a file. settings: what apilens.yaml says of columns and cohorts.

    Raises ConfigError with every mistake, one `file:line:column: what` a line.
    """
    name = os.fsencode(path).decode("utf-8", "backslashreplace")
    try:
        data = path.read_bytes()
    except OSError as error:
        hint = "name the file: --rules FILE" if isinstance(error, FileNotFoundError) else None
        raise ConfigError(f"cannot read {name}: {error.strerror}", hint=hint) from None
    return parse_rules(data, name, settings)


def parse_rules(data: bytes, name: str, settings: Settings) -> Rules:
    """Return the rules in the bytes of a file called `name`. Raises ConfigError as `load_rules` does."""
    mistakes = Mistakes()
    try:
        root = read_yaml(data)
    except YamlMistake as mistake:
        raise ConfigError(f"{name}:{mistake.line}:{mistake.column}: {mistake.what}") from None
    nodes = _items(root, mistakes)
    found = [(at, node, _rule(node, at, mistakes, settings)) for at, node in enumerate(nodes)]
    rules = [(at, rule) for at, _, rule in found if rule is not None]
    for place, what in _problems(rules, settings):
        # A key that was wrong already is missing now: nothing more is to be said of it.
        if not mistakes.within(place) or (len(place) == 2 and not _was_given(what, place, mistakes)):
            mistakes.at(place, what)
    if mistakes.found:
        listed = mistakes.listed()
        raise ConfigError("\n".join(f"{name}:{line}:{column}: {what}" for line, column, what in listed))
    lines = {rule.name: node.line for _, node, rule in found if rule is not None}
    return Rules(name, tuple(rule for _, rule in rules), lines)


def _was_given(what: str, place: Keys, mistakes: Mistakes) -> bool:
    """Say whether a key that `what` calls missing stands in the file, with a value that is wrong."""
    return any((*place, name) in mistakes.wrong for name in what.split("`")[1:2])


def refuse_unknown_channels(rules: Rules, channels: Iterable[str]) -> None:
    """Raise ConfigError where rules name channels that apilens.yaml does not have."""
    found = list(channel_problems(rules, channels))
    if found:
        raise ConfigError("\n".join(found), hint="`channels:` in apilens.yaml: docs/notifications.md")


def channel_problems(rules: Rules, channels: Iterable[str]) -> Iterator[str]:
    """Give the channels that rules name and nobody has set up, each as `file:line:column: what`."""
    known = list(channels)
    for rule in rules.rules:
        for channel in rule.notify:
            if channel not in known:
                hint = nearest(channel, known) or (f"one of {', '.join(known)}" if known else "`channels:` has none")
                yield f"{rules.file}:{rules.lines[rule.name]}:1: {rule.name}: unknown channel `{channel}` ({hint})"


def _items(root: Node | None, mistakes: Mistakes) -> Sequence[Node]:
    """Return the nodes of the rules."""
    if root is None or root.kind != "mapping":
        mistakes.add(root.line if root else 1, "expected `rules:` with a list below it")
        return ()
    for key, _ in root.pairs:
        if key.value != "rules":
            near = nearest(str(key.value), ["rules"]) or "known: rules"
            mistakes.add(key.line, f"{key.value}: unknown key ({near})", column=key.column)
    found = [node for key, node in root.pairs if key.value == "rules"]
    if not found:
        if not mistakes.found:
            mistakes.add(root.line, "expected `rules:` with a list below it")
        return ()
    [node] = found
    mistakes.place(("rules",), node)
    if node.kind != "list":
        mistakes.add(node.line, "rules: expected a list, each beginning with `- name: …`", column=node.column)
    elif len(node.items) > MAX_RULES:
        mistakes.add(node.line, f"rules: more than {MAX_RULES} rules", column=node.column)
    else:
        return node.items
    return ()


def _rule(node: Node, at: int, mistakes: Mistakes, settings: Settings) -> Rule | None:
    """Return the rule in a node as its kind has it, None where it cannot stand."""
    place = ("rules", at)
    kind = next((item.value for key, item in node.pairs if key.value == "kind"), "condition")
    if kind not in KINDS:
        mistakes.place(place, node)
        kind_node = next(item for key, item in node.pairs if key.value == "kind")
        near = nearest(str(kind), KINDS) or f"one of {', '.join(KINDS)}"
        mistakes.add(kind_node.line, f"rules[{at}].kind: unknown kind `{kind}` ({near})", column=kind_node.column)
        return None
    rule: Rule | None = typed(node, KINDS[str(kind)], mistakes, place)
    return rule.filled(settings) if rule is not None else None


def _problems(rules: Sequence[tuple[int, Rule]], settings: Settings) -> Iterator[tuple[Keys, str]]:
    columns = settings.asked_types()
    names: set[str] = set()
    for at, rule in rules:
        if rule.name in names:
            yield ("rules", at, "name"), f"`{rule.name}` is the name of an earlier rule"
        names.add(rule.name)
        for place, what in (*common_problems(rule, columns, settings.cohorts), *rule.unknown(settings)):
            yield ("rules", at, *place), what
