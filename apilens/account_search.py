"""Which rules find the accounts in a sample of requests: each is tried, and those that find the most make the chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from apilens.account_candidates import KEY_RULES, SUBJECT_RULES, header_of
from apilens.config import IdentityRule
from apilens.enrich.identity_rules import find
from apilens.identity_rule import place_of

# A rule is proposed if it finds the account of so many requests that no rule before it does.
_WORTH = 0.01
# What may be chance in a few lines is told by many: one value for all, or a new one for each.
_MANY = 50
_MOST_DISTINCT = 0.5
# A place in the path, query or host says something of the caller only if most requests have it.
_MOST = 0.5
_NONE = ("", "-")
REMOTE_USER = IdentityRule(remote_user=True)
# What states the account comes before what only goes with it; the format's own rules are among the first.
_TURNS = ("header", "field", "jwt", "query", "path", "column", "remote_user", "basic")
# These name the caller, but not as its team does: only where nothing else does.
_LAST_RESORTS = frozenset((*SUBJECT_RULES, *KEY_RULES))


@dataclass(frozen=True, slots=True)
class Hit:
    """A rule (None: what the log's format states by itself), the requests it finds an account for, and how many."""

    rule: IdentityRule | None
    requests: int
    accounts: int


@dataclass(frozen=True, slots=True)
class Search:
    """What was found in a number of requests.

    rules: those that settings have to name; empty where what formats know by themselves does. chain: what ingest asks
    with these settings, in its order, each with the requests whose account it is the first to find. others: rules
    that find no more than those. keys: where API keys are.
    """

    requests: int
    rules: tuple[IdentityRule, ...] = ()
    chain: tuple[Hit, ...] = ()
    others: tuple[Hit, ...] = ()
    keys: tuple[Hit, ...] = ()

    @property
    def found(self) -> int:
        """Return how many requests have an account."""
        return sum(hit.requests for hit in self.chain)


def search(
    frames: Sequence[pl.DataFrame], rules: Sequence[IdentityRule], *, own: Sequence[IdentityRule] = ()
) -> Search:
    """Try rules on requests as formats give them, with the columns that the rules ask for.

    own: rules that apply where settings name none.
    """
    requests = sum(frame.height for frame in frames)
    tried = sorted(dict.fromkeys([None, *own, *rules, *KEY_RULES, REMOTE_USER]), key=_turn)
    values = {rule: _values(frames, rule) for rule in tried}
    whole = [Hit(rule, found.count(), found.drop_nulls().n_unique()) for rule, found in values.items()]
    believable = [hit for hit in whole if _is_believable(hit, requests)]
    best = _chain(values, [hit.rule for hit in believable], requests, least=max(1, _WORTH * requests))
    chosen = tuple(hit.rule for hit in best if hit.rule and hit.rule != REMOTE_USER)
    named = () if set(own).issuperset(chosen) else chosen
    chain = _chain(values, [*(named or dict.fromkeys(own)), None, REMOTE_USER], requests)
    asked = [hit.rule for hit in chain]
    keys = tuple(hit for hit in believable if hit.rule in KEY_RULES)
    others = tuple(hit for hit in believable if hit.rule not in (*asked, *KEY_RULES) and not _is_same(hit.rule, asked))
    return Search(requests, named, chain, others, keys)


def _chain(
    values: Mapping[IdentityRule | None, pl.Series], rules: Sequence[IdentityRule | None], requests: int, *,
    least: float = 1,
) -> tuple[Hit, ...]:  # fmt: skip
    """Return the rules that find at least so many accounts that none before them does, and what they find."""
    covered = pl.repeat(False, requests, dtype=pl.Boolean, eager=True)
    chain: list[Hit] = []
    for rule in rules:
        first = values[rule].set(covered, None)
        if first.count() >= least and not (chain and rule in _LAST_RESORTS):
            chain.append(Hit(rule, first.count(), first.drop_nulls().n_unique()))
            covered |= first.is_not_null()
    return tuple(chain)


def _is_same(rule: IdentityRule | None, asked: Sequence[IdentityRule | None]) -> bool:
    """Say whether a rule is about the field of a header that another rule has."""
    return rule is not None and rule.field is not None and IdentityRule(header=header_of(rule.field)) in asked


def _values(frames: Sequence[pl.DataFrame], rule: IdentityRule | None) -> pl.Series:
    """Return what a rule finds in every request of every log, null where it finds nothing."""
    parts = [pl.Series([], dtype=pl.String)]
    for frame in frames:
        values = find(frame, rule, {}) if rule else frame["account"] if "account" in frame.columns else None
        if values is None:
            parts.append(pl.repeat(None, frame.height, dtype=pl.String, eager=True))
            continue
        texts = values.cast(pl.String)
        # An object of JSON holds accounts and is none.
        parts.append(texts.set((texts.is_in(_NONE) | texts.str.contains(r"^[{\[]")).fill_null(False), None))
    return pl.concat(parts)


def _is_believable(hit: Hit, requests: int) -> bool:
    if hit.requests < max(1, _WORTH * requests):
        return False
    if hit.rule and (hit.rule.path or hit.rule.query or hit.rule.column) and hit.requests < _MOST * requests:
        return False
    return hit.requests < _MANY or 1 < hit.accounts < _MOST_DISTINCT * hit.requests


def _turn(rule: IdentityRule | None) -> int:
    """Return when a rule's turn comes: what states the account, before what only goes with it."""
    if rule is None:
        return 0
    return 1 + _TURNS.index(place_of(rule)) + (len(_TURNS) if rule in _LAST_RESORTS else 0)
