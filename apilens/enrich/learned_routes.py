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

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl

from apilens.enrich.route_tree import FEW, ID, Node, holds_values, is_word, joined, literals, merge, parts, walk

NO_ROUTE = "(no route)"
UNANSWERED = (400, 404, 405)
# No API has more routes: beyond, the widest positions become ids.
MOST_ROUTES = 5000
# Paths without a route that are remembered by name.
MOST_UNANSWERED = 2000


class LearnedRoutes:
    """The routes of an API as far as traffic showed them. `learn` changes it, from one thread at a time."""

    def __init__(self) -> None:
        self._root = Node()
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

    def paths(self) -> set[str]:
        """Return the path of every endpoint that events are stored with, as it is called now."""
        return {split(name)[1] for name in (*self._stored, *self._unanswered, *self.aliases.values())}

    def restate(self, templates: Mapping[str, str | None]) -> None:
        """Give stored endpoints the template that is now there for their path: a description was added or changed."""
        for known in [*self._stored, *self._unanswered, *self.aliases]:
            method, path = split(self.aliases.get(known, known))
            if template := templates.get(path):
                self.aliases[known] = f"{method} {template}"
        self._stored -= self.aliases.keys()
        self._unanswered -= self.aliases.keys()

    def forget_stored(self) -> None:
        """Forget the endpoints that events are stored with, but no route."""
        self._stored, self._unanswered, self.aliases = set(), set(), {}

    def names(self) -> dict[str, str]:
        """Return stored endpoint → what it is called, of all that are called otherwise."""
        return {**{known: known[: known.index(")") + 1] for known in self._unanswered}, **self.aliases}

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        routes, variable = {}, []
        for path, node in walk(self._root, ()):
            if node.calls:
                routes[joined(path)] = dict(node.calls)
            if node.variable:
                variable.append(joined(path))
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

    def _node(self, path: str) -> Node:
        node = self._root
        for segment in parts(path):
            node = node.children.setdefault(segment, Node())
        return node

    def _insert(self, path: str, method: str, calls: int) -> bool:
        """Count answered requests of a path; say whether it is a new route."""
        node = self._root
        for segment in parts(path):
            child = node.children.get(segment)
            if child is None:
                if node.variable and not is_word(segment):
                    segment = ID
                child = node.children.get(segment) or node.children.setdefault(segment, Node())
            node = child
        new = not node.calls
        node.calls[method] += calls
        return new

    def resolve(self, path: str) -> tuple[str, bool]:
        """Return the template of a path, and whether it is a route."""
        node: Node | None = self._root
        found = []
        for segment in parts(path):
            child = node.children.get(segment) if node else None
            if node is not None and child is None and node.variable and not is_word(segment):
                segment, child = ID, node.children.get(ID)
            found.append(segment)
            node = child
        return joined(found), bool(node and node.calls)

    def _settle(self, node: Node, path: tuple[str, ...]) -> bool:
        """Merge the values under each parent that has many, from the root down; say whether there were any."""
        merged = False
        if len(node.children) >= FEW and not node.variable and holds_values(node, path):
            merged = merge(node)
        for name, child in list(node.children.items()):
            if child.children:
                merged |= self._settle(child, (*path, name))
        return merged

    def _count(self) -> int:
        return sum(1 for _, node in walk(self._root, ()) if node.calls)

    def _merge_widest(self) -> bool:
        widest = max((node for _, node in walk(self._root, ())), key=lambda node: len(literals(node)))
        return len(literals(widest)) > 1 and merge(widest)

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
