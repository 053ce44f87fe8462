"""From the flags of `apilens funnel`, and the funnel that apilens.yaml saves under a name, to what is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apilens.cli.options import Session, limit_of, listed
from apilens.errors import UsageError
from apilens.spelling import nearest

if TYPE_CHECKING:
    import polars as pl

    from apilens.funnel_settings import FunnelSettings


def options_of(
    here: Session, names: tuple[str, ...], *, steps: tuple[str, ...], actions: str | None, **flags: Any
) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return the files to read and the options of the funnel: flags come before what is saved.

    Without --step the first of `names` is that of a saved funnel. Raises UsageError where it is none.
    """
    from apilens.funnel_rules import Rules
    from apilens.funnel_settings import FunnelSettings
    from apilens.window import parse_duration

    name = None if steps else _name(here, names)
    saved = FunnelSettings(steps=steps) if name is None else here.settings.funnels[name]

    def chosen(flag: str) -> Any:
        return flags[flag] or getattr(saved, flag)

    rules = Rules(
        counts=_counts(saved), within=parse_duration(chosen("within")), order=chosen("order"), entry=chosen("entry"),
        counting=chosen("count"), ties=chosen("ties"), exclusion=chosen("exclusion"),
    )  # fmt: skip
    options = {
        "steps": saved.steps, "rules": rules, "unit": chosen("unit"), "exclude": chosen("exclude"),
        "hold": listed(flags["hold"]) or saved.hold, "by": listed(flags["by"]), "at": flags["at"],
        "dropped": flags["dropped"], "reached": flags["who"], "compare": flags["compare"], "name": name,
        "actions": _actions(here, saved, actions), "actions_file": actions, "limit": limit_of(flags["limit"]),
    }  # fmt: skip
    return (names if name is None else names[1:]), options


def limits_of(texts: tuple[str, ...]) -> dict[str, float]:
    """Return step → the least conversion. Raises UsageError for what is no `step=share`."""
    limits = {}
    for text in texts:
        step, _, share = text.rpartition("=")
        try:
            limits[step.strip()] = float(share)
        except ValueError:
            limits[""] = -1.0
        if not step.strip() or not 0 <= limits.get(step.strip(), -1.0) <= 1:
            raise UsageError(f"--fail-under {text!r} is no share of a step", hint="for example --fail-under 3=0.5")
    return limits


def _name(here: Session, names: tuple[str, ...]) -> str:
    funnels = here.settings.funnels
    known = f"apilens.yaml has {', '.join(funnels)}" if funnels else "or save one under `funnels:` in apilens.yaml"
    if not names:
        raise UsageError("which funnel? Give its --step flags, or the name of a saved one", hint=known)
    if names[0] not in funnels:
        raise UsageError(
            f"no funnel is called {names[0]!r}", hint=nearest(names[0], funnels) or f"give --step; {known}"
        )
    return names[0]


def _counts(saved: FunnelSettings) -> tuple[int, ...]:
    from apilens.funnel_steps import parse_step

    return tuple(parse_step(text).count for text in saved.steps)


def _actions(here: Session, saved: FunnelSettings, path: str | None) -> pl.DataFrame | None:
    """Return the actions of --actions, and when accounts were registered where a step names a column of theirs."""
    from apilens.funnel_steps import parse_step

    found = []
    if path:
        from apilens.actions import read_actions

        found.append(read_actions(path))
    steps = map(parse_step, (*saved.steps, *saved.exclude))
    if named := [step.what for step in steps if step.kind == "action"]:
        from apilens.actions import registrations_in

        found += registrations_in(named, here.accounts())
    if not found:
        return None

    import polars as pl

    actions = pl.concat(found)
    accounts = here.accounts()
    if accounts is None:
        return actions
    return actions.join(accounts.table, on="account", how="left", maintain_order="left")
