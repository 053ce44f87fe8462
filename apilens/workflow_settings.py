"""Expected orders of calls that apilens.yaml saves under a name: `workflows:`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from apilens.conditions import event_problem
from apilens.errors import UsageError
from apilens.yaml_nodes import Keys

Workflows = dict[str, tuple[str, ...]]


def workflow_problems(workflows: Workflows, columns: Mapping[str, str]) -> Iterator[tuple[Keys, str]]:
    """Give what is wrong with each; columns: name → type name of the configured ones."""
    # Here and not above: it brings Polars, and few settings have workflows.
    from apilens.short_filters import event_condition

    for name, steps in workflows.items():
        if len(steps) < 2:
            yield (name,), "an order needs two steps: for example `[POST /v2/embeddings, POST /v2/search]`"
        for at, text in enumerate(steps):
            try:
                meant = event_condition(text)
            except UsageError as error:
                yield (name, at), error.message
            else:
                if problem := event_problem(meant, columns):
                    yield (name, at), problem
