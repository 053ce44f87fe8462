"""What a user can get wrong, as exceptions that say what happened and what to do next.

    ApilensError
    ├── UsageError     2   a flag, argument, filter or metric that cannot be meant
    │   └── ConfigError    a mistake in apilens.yaml
    ├── InputError     3   a log or store that cannot be read, or no data to judge
    │   └── StoreError     the store is damaged, foreign or cannot be written
    ├── DeliveryError  4   a notification that did not reach its channel
    └── StoreBusy     75   another process writes to the store, or came first

Exit codes, the only list that counts: 0 fine · 1 a rule is firing · 2 usage or configuration · 3 an input was
unreadable · 4 a notification failed · 70 a bug · 75 the store is busy · 130/143 signals.
"""

from __future__ import annotations

EXIT_FINE = 0
EXIT_FIRING = 1
EXIT_USAGE = 2
EXIT_INPUT = 3
EXIT_NOTIFY = 4
EXIT_BUG = 70
EXIT_BUSY = 75


class ApilensError(Exception):
    """A mistake that its user can mend: what happened, and a hint at what to do."""

    exit_code = EXIT_INPUT

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ApilensError):
    """A flag, argument, filter, dimension or metric that cannot be meant."""

    exit_code = EXIT_USAGE


class ConfigError(UsageError):
    """One or more mistakes in a configuration file, each as `file:line: what`."""


class InputError(ApilensError):
    """A log or store that cannot be read."""

    exit_code = EXIT_INPUT


class StoreError(InputError):
    """The store is damaged, foreign, or cannot be written."""


class DeliveryError(ApilensError):
    """A notification did not reach its channel.

    lasting: what comes next on this channel would fare no better. done: how many of the message's groups are through.
    """

    exit_code = EXIT_NOTIFY

    def __init__(self, message: str, *, hint: str | None = None, lasting: bool = True, done: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.lasting = lasting
        self.done = done


class StoreBusy(ApilensError):
    """Another process writes to the store, or came first."""

    exit_code = EXIT_BUSY
