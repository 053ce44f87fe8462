"""What counts as an error, and where bodies of errors name their code and field: `errors` and `error_paths`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from apilens.conditions import event_problem
from apilens.yaml_nodes import Keys

DEFAULT_WHEN = "status >= 400"


class ErrorSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which requests are errors: those for which `when` is true and no condition of `except` is."""

    when: str = DEFAULT_WHEN
    except_: tuple[str, ...] = msgspec.field(default=(), name="except")

    @property
    def condition(self) -> str | None:
        """The whole as one SQL condition; None where it is the default."""
        if not self.except_:
            return None if self.when == DEFAULT_WHEN else self.when
        # IS TRUE: an exception that cannot be judged (NULL) excepts nothing.
        return " AND ".join([f"({self.when})", *(f"NOT (({text}) IS TRUE)" for text in self.except_)])


class ErrorPaths(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Dotted paths in the body of an answer (`fault.id`), tried before those that apilens knows."""

    code: tuple[str, ...] = ()
    field: tuple[str, ...] = ()

    def problems(self) -> Iterator[tuple[Keys, str]]:
        """Give every path that is none."""
        for name in ("code", "field"):
            for at, path in enumerate(getattr(self, name)):
                if not all(path.replace("[", ".").replace("]", "").split(".")):
                    yield (name, at), f"{path!r} is no dotted path such as `fault.id`"


def error_problems(errors: ErrorSettings, columns: Mapping[str, str]) -> Iterator[tuple[Keys, str]]:
    """Give what is wrong with the conditions; columns: name → type name of the configured ones."""
    texts: list[tuple[Keys, str]] = [(("except", at), text) for at, text in enumerate(errors.except_)]
    if errors.when != DEFAULT_WHEN:
        texts.insert(0, (("when",), errors.when))
    for place, text in texts:
        if problem := event_problem(text, columns):
            yield place, problem
