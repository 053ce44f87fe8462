"""`--help` of a command: examples first, then its own options, then those that commands share, in groups."""

from __future__ import annotations

from collections.abc import Mapping

import click

# Group → names of parameters. `only_*` are the short filters. What is in none of them is a command's own.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "Which events": ("where", "all"),
    "When": ("since", "until", "tz"),
    "Output": ("kind", "output", "no_header", "csv_raw", "color"),
    "Reading": ("engine", "input_format", "log_format", "source_tz"),
    "General": ("store_path", "config_path", "quiet"),
}
_OWN = "Options"


class GroupedCommand(click.Command):
    """A command whose options are listed in groups, below its examples."""

    @classmethod
    def of(cls, command: click.Command) -> GroupedCommand:
        """Return a command like another one, but for its help."""
        return cls(
            command.name, context_settings=command.context_settings, callback=command.callback, params=command.params,
            help=command.help, epilog=command.epilog,
        )  # fmt: skip

    def format_help(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write usage, what it does, examples, options."""
        self.format_usage(context, formatter)
        self.format_help_text(context, formatter)
        self.format_epilog(context, formatter)
        self.format_options(context, formatter)

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, a section for each group that has some."""
        found: dict[str, list[tuple[str, str]]] = {name: [] for name in (_OWN, *GROUPS)}
        for option in self.get_params(context):
            record = option.get_help_record(context) if isinstance(option, click.Option) else None
            if record is not None:
                # Click's own --help has a name that differs from version to version.
                group = "General" if "--help" in option.opts else _group_of(option.name or "")
                found[group].append(record)
        for name, records in found.items():
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)


def _group_of(parameter: str) -> str:
    if parameter.startswith("only_"):
        return "Which events"
    return next((name for name, members in GROUPS.items() if parameter in members), _OWN)
