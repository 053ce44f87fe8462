"""The paths of an API as a tree of segments, and which of its positions hold values instead of words.

What the thresholds mean for users is in docs/endpoints.md.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

ID = "{id}"
# Fewer values under one parent are words of the API, until there is more to say against it.
FEW = 25
# So many, of which many were called once or twice, are values, whatever is below them; right below the root of an API
# stand its resources, of which large APIs have hundreds.
MANY, MANY_AT_ROOT = 100, 400
# Operations of GraphQL are named by developers.
MANY_OPERATIONS = 1000
# Deeper paths end in `*`: no route has so many segments.
MOST_SEGMENTS = 30
# Values that may stand beside an id because they are called so often; fewer than FEW.
MOST_FREQUENT = 20
_ROOT = re.compile(
    r"(?i)apis?|rest|rpc|v\d+\w*|\d{4}-\d\d(?:-\d\d)?|public|private|internal|services?|gateway|json|ajax"
)
# Words that REST APIs put where an id could stand.
_TEXT = """
    me self current mine my own all any new edit create list search find query filter lookup suggest suggestions
    autocomplete typeahead count counts total totals stats statistics status state summary overview details info
    meta metadata schema types export exports import imports bulk batch upload uploads download downloads preview
    print copy clone latest recent newest oldest today now next previous prev first last top popular trending hot
    featured recommended related similar random nearby active inactive archived deleted draft drafts pending default
    login logout signin signout signup register registration auth token tokens refresh revoke verify verification
    validate validation confirm check activate deactivate enable disable enabled disabled reset password invite
    invites invitations settings preferences config configuration permissions roles history log logs audit activity
    feed events stream subscribe unsubscribe subscriptions notifications webhook webhooks callback callbacks health
    healthz ping ready live version versions index home help docs sync merge move reorder sort archive restore
    publish unpublish cancel approve reject close open start stop pause resume retry run test avatar image images
    photo photos files attachments comments tags categories favorites favourites likes followers following bookmarks
    cart checkout orders payments invoices usage billing limits quota rates keys report reports analytics metrics
    dashboard
"""
_WORDS = frozenset(_TEXT.split())
_ACTION = re.compile(r"(?i)(?:bulk|batch|reset|forgot|resend|by|mark-all)[-_]\w")


@dataclass(slots=True)
class Node:
    """A segment and what follows it. calls: method → answered requests whose path ends here."""

    calls: Counter[str] = field(default_factory=Counter)
    children: dict[str, Node] = field(default_factory=dict)
    # Whether segments that are not among the children are ids.
    variable: bool = False

    def total(self) -> int:
        """Return the answered requests here and below."""
        return self.calls.total() + sum(child.total() for child in self.children.values())

    def add(self, other: Node) -> None:
        """Take over everything of another node; what is known to be an id in one of them is in both."""
        self.calls += other.calls
        if self.variable != other.variable:
            known, loose = (self, other) if self.variable else (other, self)
            for name in literals(loose).keys() - known.children.keys():
                loose.children.setdefault(ID, Node()).add(loose.children.pop(name))
            self.variable = True
        for name, child in other.children.items():
            self.children.setdefault(name, Node()).add(child)

    def ways(self, depth: int = 0) -> Counter[tuple[str, int]]:
        """Return (method, segments further down) → answered requests."""
        found = Counter({(method, depth): calls for method, calls in self.calls.items()})
        for child in self.children.values():
            found += child.ways(depth + 1)
        return found


def parts(path: str) -> list[str]:
    """Return the segments of a path; the operation of GraphQL (`/graphql#Order`) is one of its own."""
    parts = path.replace("#", "/#").split("/", MOST_SEGMENTS + 1)[1:] if path != "/" else []
    return [*parts[:MOST_SEGMENTS], "*"] if len(parts) > MOST_SEGMENTS else parts


def joined(parts: Sequence[str]) -> str:
    return "/" + "/".join(parts).replace("/#", "#")


def is_word(segment: str) -> bool:
    return segment.lower() in _WORDS or bool(_ACTION.match(segment))


def walk(node: Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Node]]:
    yield path, node
    for name, child in node.children.items():
        yield from walk(child, (*path, name))


def literals(node: Node) -> dict[str, Node]:
    """Return the children that may be values: neither ids by their shape nor words of routes."""
    return {name: child for name, child in node.children.items() if ID not in name and not is_word(name)}


def holds_values(node: Node, path: tuple[str, ...]) -> bool:
    children = literals(node)
    if any(name.startswith("#") for name in children):
        return len(children) >= MANY_OPERATIONS
    totals = [child.total() for child in children.values()]
    at_root = not path or bool(_ROOT.fullmatch(path[-1]))
    many = MANY_AT_ROOT if at_root else MANY
    if len(children) >= many:
        rare = sum(total <= 2 for total in totals)
        if rare >= len(children) // 5 or len(children) >= 4 * many:
            return True
    if at_root or len(children) < FEW or sum(totals) < 10 * len(children):
        return False
    # A closed set of values (countries, categories): all are read in the same way, and no ids are below them.
    common = Counter(way for child in children.values() for way in child.ways())
    way, holders = common.most_common(1)[0]
    collections = sum(any(ID in name for name in child.children) for child in children.values())
    return way[0] in ("GET", "HEAD") and holders >= 0.8 * len(children) and collections < 0.3 * len(children)


def merge(node: Node) -> bool:
    """Make the values under a parent one id; say whether there were any."""
    children = literals(node)
    kept = {} if node.variable else _frequent(children) | _different(children)
    values = children.keys() - kept
    target = node.children.setdefault(ID, Node()) if values else None
    for name in values:
        assert target is not None
        target.add(node.children.pop(name))
    node.variable = True
    return bool(values)


def _frequent(children: Mapping[str, Node]) -> set[str]:
    """Return those called far more often than the rest: before the last fall to a third, among the foremost."""
    ranked = sorted(((child.total(), name) for name, child in children.items()), reverse=True)
    last = 0
    for at in range(min(MOST_FREQUENT, len(ranked) // 2)):
        if ranked[at][0] >= max(20, 3 * ranked[at + 1][0]):
            last = at + 1
    return {name for _, name in ranked[:last]}


def _different(children: Mapping[str, Node]) -> set[str]:
    """Return those that are mostly called in a way in which hardly any other is."""
    ways = {name: child.ways() for name, child in children.items()}
    common = Counter(way for found in ways.values() for way in found)
    kept = set()
    for name, found in ways.items():
        way, calls = max(found.items(), key=lambda item: (item[1], item[0]))
        if calls >= 10 and calls >= 0.8 * found.total() and common[way] <= max(1, 0.02 * len(children)):
            kept.add(name)
    return kept
