"""Which traffic counts: `scope` of apilens.yaml. See docs/scope.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from apilens.address_pattern import network_problem
from apilens.conditions import event_problem
from apilens.errors import UsageError
from apilens.yaml_nodes import Keys


class Internal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whose traffic is one's own: accounts by id, with `*`, and networks that it comes from."""

    accounts: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()


class ScopeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Only what one of `include` means, where there is any, and nothing that one of `exclude` does: endpoints
    (`GET /v1/*`, `/internal/*`), actions or SQL conditions. internal: whose traffic is one's own.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    internal: Internal = Internal()

    @property
    def excluded(self) -> str | None:
        """The condition of what is not included, or excluded; None where nothing is."""
        if not self.exclude and not self.include:
            return None
        from apilens.short_filters import event_condition

        parts = [f"({event_condition(text)})" for text in self.exclude]
        if self.include:
            wanted = " OR ".join(f"({event_condition(text)})" for text in self.include)
            # What cannot be judged is not what was asked for.
            parts.append(f"NOT (({wanted}) IS TRUE)")
        return " OR ".join(parts)

    @property
    def staff(self) -> str | None:
        """The condition of internal accounts; None where there are none."""
        if not self.internal.accounts:
            return None
        from apilens.short_filters import condition

        return " OR ".join(f"({condition('account', name)})" for name in self.internal.accounts)

    def texts(self) -> list[str]:
        """Return every condition in it."""
        return [text for text in (self.excluded, self.staff) if text]


def scope_problems(scope: ScopeSettings, columns: Mapping[str, str]) -> Iterator[tuple[Keys, str]]:
    """Give what is wrong with it; columns: name → type name of the configured ones."""
    # Slow to import (it brings Polars), as it is above, and few settings have a scope.
    if scope == ScopeSettings():
        return
    from apilens.short_filters import condition, event_condition

    for field in ("include", "exclude"):
        for at, text in enumerate(getattr(scope, field)):
            if problem := event_problem(event_condition(text), columns):
                yield (field, at), problem
    for at, name in enumerate(scope.internal.accounts):
        try:
            condition("account", name)
        except UsageError:
            yield ("internal", "accounts", at), "is empty"
    for at, network in enumerate(scope.internal.networks):
        if problem := network_problem(network):
            yield ("internal", "networks", at), problem
