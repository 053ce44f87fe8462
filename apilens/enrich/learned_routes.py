"""What the paths of an API are, learned from its traffic: slugs and names as `{id}`, and paths that lead nowhere.

Shapes (path_template.py) find ids that look like ids. A position of many values that do not (`/genre/rock`) is found
by how many there are under one parent; it becomes `{id}`, and the words beside them stay (`/genre/list`):

- words that routes are made of (`search`, `me`, `count` …);
- values called far more than the rest: at least 3 times as often as the next less frequent one;
- values that are called in a way that hardly any of the others is (`POST /users/bulk` beside `GET /users/anna`).

A path has a route once it was answered with anything but 400, 404 or 405. Others are `METHOD (no route)`, with the path
behind it while there are few of them: so they can be found again when the path is answered after all.

What is stored is not rewritten. When more is known, `aliases` says what a stored endpoint is called now.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

ID = "{id}"
NO_ROUTE = "(no route)"
UNANSWERED = (400, 404, 405)

# Fewer values under one parent are words of the API, until there is more to say against it.
FEW = 25
# So many, of which many were called once or twice, are values, whatever is below them; right below the root of an API
# stand its resources, of which large APIs have hundreds.
MANY, MANY_AT_ROOT = 100, 400
# Operations of GraphQL are named by developers.
MANY_OPERATIONS = 1000
# No API has more routes: beyond, the widest positions become ids.
MOST_ROUTES = 5000
# Deeper paths end in `*`: no route has so many segments.
MOST_SEGMENTS = 30
# Values that may stand beside an id because they are called so often; fewer than FEW.
MOST_FREQUENT = 20
# Paths without a route that are remembered by name.
MOST_UNANSWERED = 2000

_ROOT = re.compile(
    r"(?i)apis?|rest|rpc|v\d+\w*|\d{4}-\d\d(?:-\d\d)?|public|private|internal|services?|gateway|json|ajax"
)
# Words that REST APIs put where an id could stand.
_WORDS = frozenset(
    """
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
    """.split()  # noqa: SIM905 - a list of two hundred lines says no more
)
_ACTION = re.compile(r"(?i)(?:bulk|batch|reset|forgot|resend|by|mark-all)[-_]\w")


@dataclass(slots=True)
class _Node:
    """A segment and what follows it. calls: method → answered requests whose path ends here."""

    calls: Counter[str] = field(default_factory=Counter)
    children: dict[str, _Node] = field(default_factory=dict)
    # Whether segments that are not among the children are ids.
    variable: bool = False

    def total(self) -> int:
        """Return the answered requests here and below."""
        return self.calls.total() + sum(child.total() for child in self.children.values())

    def add(self, other: _Node) -> None:
        """Take over everything of another node; what is known to be an id in one of them is in both."""
        self.calls += other.calls
        if self.variable != other.variable:
            known, loose = (self, other) if self.variable else (other, self)
            for name in _literals(loose).keys() - known.children.keys():
                loose.children.setdefault(ID, _Node()).add(loose.children.pop(name))
            self.variable = True
        for name, child in other.children.items():
            self.children.setdefault(name, _Node()).add(child)

    def ways(self, depth: int = 0) -> Counter[tuple[str, int]]:
        """Return (method, segments further down) → answered requests."""
        found = Counter({(method, depth): calls for method, calls in self.calls.items()})
        for child in self.children.values():
            found += child.ways(depth + 1)
        return found


class LearnedRoutes:
    """The routes of an API as far as traffic showed them. `learn` changes it, from one thread at a time."""

    def __init__(self) -> None:
        self._root = _Node()
        self._routes = 0
        # Endpoints as events were stored with them; and those among them without a route, which may yet get one.
        self._stored: set[str] = set()
        self._unanswered: set[str] = set()
        self.aliases: dict[str, str] = {}

    def learn(self, counts: pl.DataFrame, stated: Collection[str] = ()) -> dict[str, str]:
        """Take in a batch; return what its endpoints are called now, those that change (old → new).

        counts: a row per `endpoint` (`GET /genre/rock`) with its requests that were `answered` and that were `missed`.
        stated: routes that a log or a description states; nothing is learned of them.
        """
        news = False
        named = [(*split(endpoint), answered, missed) for endpoint, answered, missed in counts.iter_rows()]
        learned = [row for row in named if row[1].startswith("/") and row[1] not in stated]
        for method, path, answered, _ in learned:
            if answered:
                news |= self._insert(path, method, answered)
        merged = self._settle(self._root, ())
        while self._count() > MOST_ROUTES and self._merge_widest():
            merged = True
        if merged or news:
            self._rename(merged)
        renamed = {}
        for method, path, _, _ in learned:
            known = f"{method} {path}"
            now = self.endpoint(method, path)
            if now.startswith(f"{method} {NO_ROUTE}"):
                if now in self._unanswered or len(self._unanswered) < MOST_UNANSWERED:
                    self._unanswered.add(now)
                else:
                    now = f"{method} {NO_ROUTE}"
            else:
                self._stored.add(now)
            if now != known:
                renamed[known] = now
        return renamed

    def endpoint(self, method: str, path: str) -> str:
        """Return what a request of a path (with `{id}` for what looks like an id) is stored as."""
        template, is_route = self.resolve(path)
        return f"{method} {template}" if is_route else f"{method} {NO_ROUTE} {template}"

    def restate(self, find: Callable[[str], str | None]) -> None:
        """Give stored endpoints the template that find(path) has for theirs: a description was added or changed."""
        for known in [*self._stored, *self._unanswered, *self.aliases]:
            method, path = split(self.aliases.get(known, known))
            if template := find(path):
                self.aliases[known] = f"{method} {template}"
        self._stored -= self.aliases.keys()
        self._unanswered -= self.aliases.keys()

    def names(self) -> dict[str, str]:
        """Return stored endpoint → what it is called, of all that are called otherwise."""
        return {**{known: known[: known.index(")") + 1] for known in self._unanswered}, **self.aliases}

    def values(self, path: str) -> Iterator[tuple[int, str]]:
        """Give (number of the segment from 0, its parent) for each segment of a path that is an id by learning."""
        node: _Node | None = self._root
        above: list[str] = []
        for at, segment in enumerate(_parts(path)):
            if node is not None and node.variable and segment not in node.children and not _is_word(segment):
                yield at, "/" + "/".join(above)
                segment = ID
            node = node.children.get(segment) if node else None
            above.append(segment)

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        routes, variable = {}, []
        for path, node in _walk(self._root, ()):
            if node.calls:
                routes[_joined(path)] = dict(node.calls)
            if node.variable:
                variable.append(_joined(path))
        return {
            "routes": routes,
            "variable": variable,
            "stored": sorted(self._stored),
            "unanswered": sorted(self._unanswered),
            "aliases": self.aliases,
        }

    @classmethod
    def from_json(cls, saved: Mapping[str, Any]) -> LearnedRoutes:
        """Return what `to_json` gave."""
        made = cls()
        for path, calls in saved.get("routes", {}).items():
            made._node(path).calls.update(calls)
        for path in saved.get("variable", ()):
            made._node(path).variable = True
        made._stored = set(saved.get("stored", ()))
        made._unanswered = set(saved.get("unanswered", ()))
        made.aliases = dict(saved.get("aliases", {}))
        return made

    def _node(self, path: str) -> _Node:
        node = self._root
        for segment in _parts(path):
            node = node.children.setdefault(segment, _Node())
        return node

    def _insert(self, path: str, method: str, calls: int) -> bool:
        """Count answered requests of a path; say whether it is a new route."""
        node = self._root
        for segment in _parts(path):
            child = node.children.get(segment)
            if child is None:
                if node.variable and not _is_word(segment):
                    segment = ID
                child = node.children.get(segment) or node.children.setdefault(segment, _Node())
            node = child
        new = not node.calls
        node.calls[method] += calls
        return new

    def resolve(self, path: str) -> tuple[str, bool]:
        """Return the template of a path, and whether it is a route."""
        node: _Node | None = self._root
        found = []
        for segment in _parts(path):
            child = node.children.get(segment) if node else None
            if node is not None and child is None and node.variable and not _is_word(segment):
                segment, child = ID, node.children.get(ID)
            found.append(segment)
            node = child
        return _joined(found), bool(node and node.calls)

    def _settle(self, node: _Node, path: tuple[str, ...]) -> bool:
        """Merge the values under each parent that has many, from the root down; say whether there were any."""
        merged = False
        if len(node.children) >= FEW and not node.variable and _holds_values(node, path):
            merged = _merge(node)
        for name, child in list(node.children.items()):
            if child.children:
                merged |= self._settle(child, (*path, name))
        return merged

    def _count(self) -> int:
        return sum(1 for _, node in _walk(self._root, ()) if node.calls)

    def _merge_widest(self) -> bool:
        widest = max((node for _, node in _walk(self._root, ())), key=lambda node: len(_literals(node)))
        return len(_literals(widest)) > 1 and _merge(widest)

    def _rename(self, merged: bool) -> None:
        """Find what stored endpoints are called now that more is known."""
        for known in [*(self._stored if merged else ()), *self._unanswered]:
            now = self.endpoint(*split(known))
            if now != known and not now.startswith(known.partition(" ")[0] + " " + NO_ROUTE):
                self.aliases[known] = now
        if merged:
            now_named = {known: (name, self.endpoint(*split(name))) for known, name in self.aliases.items()}
            self.aliases = {known: name if NO_ROUTE in now else now for known, (name, now) in now_named.items()}
        self._stored -= self.aliases.keys()
        self._stored |= set(self.aliases.values())
        self._unanswered -= self.aliases.keys()


def split(endpoint: str) -> tuple[str, str]:
    """Return method and path of an endpoint, whether it has a route or not."""
    method, _, path = endpoint.partition(" ")
    return method, path.removeprefix(f"{NO_ROUTE} ")


def _parts(path: str) -> list[str]:
    """Return the segments of a path; the operation of GraphQL (`/graphql#Order`) is one of its own."""
    parts = path.replace("#", "/#").split("/", MOST_SEGMENTS + 1)[1:] if path != "/" else []
    return [*parts[:MOST_SEGMENTS], "*"] if len(parts) > MOST_SEGMENTS else parts


def _joined(parts: Sequence[str]) -> str:
    return "/" + "/".join(parts).replace("/#", "#")


def _is_word(segment: str) -> bool:
    return segment.lower() in _WORDS or bool(_ACTION.match(segment))


def _walk(node: _Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], _Node]]:
    yield path, node
    for name, child in node.children.items():
        yield from _walk(child, (*path, name))


def _literals(node: _Node) -> dict[str, _Node]:
    """Return the children that may be values: neither ids by their shape nor words of routes."""
    return {name: child for name, child in node.children.items() if ID not in name and not _is_word(name)}


def _holds_values(node: _Node, path: tuple[str, ...]) -> bool:
    children = _literals(node)
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


def _merge(node: _Node) -> bool:
    """Make the values under a parent one id; say whether there were any."""
    children = _literals(node)
    kept = {} if node.variable else _frequent(children) | _different(children)
    values = children.keys() - kept
    target = node.children.setdefault(ID, _Node()) if values else None
    for name in values:
        assert target is not None
        target.add(node.children.pop(name))
    node.variable = True
    return bool(values)


def _frequent(children: Mapping[str, _Node]) -> set[str]:
    """Return those called far more often than the rest: before the last fall to a third, among the foremost."""
    ranked = sorted(((child.total(), name) for name, child in children.items()), reverse=True)
    last = 0
    for at in range(min(MOST_FREQUENT, len(ranked) // 2)):
        if ranked[at][0] >= max(20, 3 * ranked[at + 1][0]):
            last = at + 1
    return {name for _, name in ranked[:last]}


def _different(children: Mapping[str, _Node]) -> set[str]:
    """Return those that are mostly called in a way in which hardly any other is."""
    ways = {name: child.ways() for name, child in children.items()}
    common = Counter(way for found in ways.values() for way in found)
    kept = set()
    for name, found in ways.items():
        way, calls = max(found.items(), key=lambda item: (item[1], item[0]))
        if calls >= 10 and calls >= 0.8 * found.total() and common[way] <= max(1, 0.02 * len(children)):
            kept.add(name)
    return kept
