"""`--help`: commands by the question they answer, options in groups, examples before both."""

from __future__ import annotations

import re

import click
import pytest
from click.testing import CliRunner

from apilens.cli import cli
from apilens.cli.commands import COMMANDS, GROUPS
from apilens.cli.grouped import GROUPS as OPTION_GROUPS


def shown(*arguments: str) -> str:
    return CliRunner().invoke(cli, [*arguments, "--help"]).stdout


def command_of(name: str) -> click.Command:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    return command


PLAIN = [name for name in COMMANDS if not isinstance(command_of(name), click.Group)]


def test_every_command_stands_once_under_a_question() -> None:
    text = shown()

    for name, (_, group, _) in COMMANDS.items():
        assert group in GROUPS
        assert len(re.findall(rf"^  {name}  ", text, re.MULTILINE)) == 1, name
    used = [group for group in GROUPS if any(group == of for _, of, _ in COMMANDS.values())]
    assert re.findall(r"^ *([A-Z][a-z ]+):$", text, re.MULTILINE) == ["Examples", "Options", *used]


@pytest.mark.parametrize("name", PLAIN)
def test_every_option_stands_once_in_its_group_below_the_examples(name: str) -> None:
    text, command = shown(name), command_of(name)

    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            long = max(option.opts, key=len)
            assert len(re.findall(rf"^  (?:-\w, )?{long}(?:[ ,]|$)", text, re.MULTILINE)) == 1, long
    sections = [line.strip()[:-1] for line in text.splitlines() if line.endswith(":")]
    known = ["Examples", "Options", *OPTION_GROUPS]
    assert [section for section in sections if section in known] == sorted(
        (section for section in sections if section in known), key=known.index
    )


def test_filters_are_told_from_the_rest() -> None:
    text = shown("events")

    filters, _, rest = text.partition("Which events:")[2].partition("When:")
    assert "--account LIST" in filters and "--all" in filters
    assert "--account" not in rest and "--since" in rest
