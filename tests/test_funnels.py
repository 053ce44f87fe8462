"""The matcher against a slow, obvious one, on thousands of small histories with ties and repeats."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from apilens import funnels
from apilens.funnel_rows import step_column
from apilens.funnel_rules import Rules
from apilens.funnels import Attempts, attempts_of
from tests.funnel_oracle import Event, Funnel, attempts

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)
ORDERS = ("ordered", "strict", "any")
CHOICES = (("first", "units"), ("any", "units"), ("first", "attempts"))
HISTORIES, FRAMES = 250, 8

drawings = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 2**32),
        "steps": st.integers(1, 4),
        "most": st.sampled_from([1, 1, 2, 3]),
        "within": st.sampled_from([0, 1, 4, 10, 30]),
        "ties": st.sampled_from(["file", "either", "strict"]),
        "exclusion": st.sampled_from(["drop", "remove"]),
        "excluded": st.sampled_from([0.0, 0.1]),
        "held": st.sampled_from(["", "", "ab"]),
        "newest": st.sampled_from([12, 20, 60]),
    }
)


def history(chance: random.Random, steps: int, excluded: float, held: str) -> list[Event]:
    """Up to a dozen events in twelve seconds: most match one step, some several, some none."""
    events = []
    for at in range(chance.randrange(12)):
        some = {n for n in range(1, steps + 1) if chance.random() < 0.15} | {chance.randint(1, steps + 1)}
        barred = chance.random() < excluded
        matched = frozenset() if barred else frozenset(some - {steps + 1})
        value = chance.choice(held) if held else ""
        events.append(Event(at, chance.randrange(12), matched, barred, chance.random() < 0.9, value))
    return events


def frame_of(histories: list[list[Event]], funnel: Funnel) -> pl.DataFrame:
    rows = []
    for number, events in enumerate(histories):
        for event in events:
            matches = {step_column(n): n in event.steps for n in range(1, len(funnel.counts) + 1)}
            begins = bool(event.steps) if funnel.order == "any" else 1 in event.steps
            row = {
                "unit": f"u{number}",
                "started_at": NOON + timedelta(seconds=event.t),
                "source": "ab"[event.id // 6 % 2],
            }
            row |= {
                "line": event.id % 6 // 2,
                "item": event.id % 2,
                "id": event.id,
                **matches,
                "excluded": event.excluded,
            }
            rows.append(row | {"entry": begins and event.enters, "hold_1": event.held})
    # Whatever order they come in, the log's own is what counts.
    random.Random(1).shuffle(rows)
    types = {"unit": pl.String, "started_at": pl.Datetime("us", "UTC"), "source": pl.String, "line": pl.Int64}
    types |= {"item": pl.Int32, "id": pl.Int64, "excluded": pl.Boolean, "entry": pl.Boolean, "hold_1": pl.String}
    types |= {step_column(n): pl.Boolean for n in range(1, len(funnel.counts) + 1)}
    return pl.DataFrame(rows, schema=types)


def ids(found: Attempts, steps: int) -> dict[str, list[tuple[Any, ...]]]:
    """Unit → what is known of its attempts, the steps by the ids of their events."""
    named = found.rows.named(found.table)
    columns = [found.rows.frame["id"].gather(named[step_column(n)]) for n in range(1, steps + 1)]
    first = found.rows.frame["id"].gather(named["first"])
    made: dict[str, list[tuple[Any, ...]]] = {}
    for row in pl.DataFrame(
        [
            named["name"],
            named["depth"],
            named["open"],
            first.alias("first"),
            *(column.alias(f"id_{n}") for n, column in enumerate(columns)),
        ]
    ).iter_rows():
        made.setdefault(row[0], []).append(row[1:])
    return {unit: sorted(rows, key=repr) for unit, rows in made.items()}


def expected(events: list[Event], funnel: Funnel) -> list[tuple[Any, ...]]:
    numbers = range(1, len(funnel.counts) + 1)
    return sorted(
        (
            (a.depth, a.open, a.first.id, *(a.steps[n].id if n in a.steps else None for n in numbers))
            for a in attempts(events, funnel)
        ),
        key=repr,
    )


@pytest.mark.parametrize("entry,counting", CHOICES, ids=lambda choice: choice)
@pytest.mark.parametrize("order", ORDERS)
@given(drawn=drawings)
# A seed cannot be made smaller: looking for a smaller failure would take minutes and find none.
@settings(max_examples=FRAMES, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_every_mode_agrees_with_the_oracle(order: str, entry: str, counting: str, drawn: dict[str, Any]) -> None:
    chance = random.Random(drawn["seed"])
    counts = tuple(chance.randint(1, drawn["most"]) for _ in range(drawn["steps"]))
    funnel = Funnel(counts, drawn["within"], order, entry, counting, drawn["ties"], drawn["exclusion"], drawn["newest"])
    histories = [history(chance, drawn["steps"], drawn["excluded"], drawn["held"]) for _ in range(HISTORIES)]
    rules = Rules(
        counts=counts, within=timedelta(seconds=funnel.within), order=order, entry=entry, counting=counting,
        ties=funnel.ties, exclusion=funnel.exclusion, newest=NOON + timedelta(seconds=funnel.newest),
    )  # fmt: skip
    frame = frame_of(histories, funnel)

    frame = frame if drawn["held"] else frame.drop("hold_1")
    attempts = attempts_of(frame, rules, carried=("id",))[0]
    found = ids(attempts, len(counts))

    for number, events in enumerate(histories):
        assert found.get(f"u{number}", []) == expected(events, funnel), (funnel, events)
    # Where nothing is carried along, other code sorts; and so many events would be matched in parts.
    assert summary(attempts_of(frame, rules)) == summary([attempts])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(funnels, "_ROWS", frame.height // 3 + 1)
        assert summary(attempts_of(frame, rules)) == summary([attempts])


def summary(found: list[Attempts]) -> list[tuple[Any, ...]]:
    """Who got how far, and when."""
    made = []
    for part in found:
        named = part.rows.named(part.table)
        steps = [name for name in named.columns if name.startswith("step_")]
        moments = [part.rows.moments(named[name]).alias(name) for name in ("first", "last", *steps)]
        made += named.select("name", "depth", "open").with_columns(moments).rows()
    return sorted(made, key=repr)
