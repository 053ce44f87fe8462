"""apilens config: the settings in force and where each comes from, and their JSON Schema for editors."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.group()
def config() -> None:
    """Look at the settings: show, schema."""


@config.command()
@click.option("--config", "config_path", metavar="FILE", envvar="APILENS_CONFIG", help="Settings.  [apilens.yaml]")
@click.option("--origin", is_flag=True, help="Say where each comes from: file:line, an environment variable, default.")
def show(config_path: str | None, origin: bool) -> None:
    """Print the settings in force, as YAML values; with --origin also where each comes from."""
    import msgspec

    from apilens.config import lines_of, resolve
    from apilens.csv_table import shown_name
    from apilens.recognition import declared_problems

    settings, path = resolve(Path(config_path) if config_path else None, os.environ, declared_problems)
    lines = lines_of(path) if path else {}
    values = msgspec.to_builtins(settings)
    origins = {name: f"{shown_name(path)}:{lines[name]}" if path and name in lines else "default" for name in values}
    if os.environ.get("APILENS_STORE"):
        values["store"], origins["store"] = os.environ["APILENS_STORE"], "env APILENS_STORE"
    rows = [(name, msgspec.json.encode(value).decode(), origins[name]) for name, value in values.items()]
    if not origin:
        for name, value, _ in rows:
            click.echo(f"{name}: {value}")
        return
    widths = [max(len(row[at]) for row in rows) for at in (0, 2)]
    for name, value, place in rows:
        click.echo(f"{name:<{widths[0]}}  {place:<{widths[1]}}  {value}")


@config.command()
def schema() -> None:
    """Print the JSON Schema of apilens.yaml, for editors that check YAML by one."""
    import msgspec

    from apilens.config import Settings

    text = msgspec.json.encode(msgspec.json.schema(Settings))
    click.echo(msgspec.json.format(text, indent=2).decode())
