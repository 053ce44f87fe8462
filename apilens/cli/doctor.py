"""apilens doctor: whether everything is as it should be."""

from __future__ import annotations

from typing import Any

import click

from apilens.cli.options import clock, common_options, output_options, store_place


@click.command()
@output_options
@common_options
def doctor(store_path: str | None, config_path: str | None, now: str | None, quiet: bool, **output: Any) -> int:
    """Check settings, store, hash key, and what was read. Exits with 1 when a check fails."""
    import os
    from pathlib import Path

    from apilens.cli.output import show
    from apilens.config import Settings, find, resolve
    from apilens.doctor import examine
    from apilens.doctor.base import Patient
    from apilens.errors import EXIT_FIRING, ConfigError
    from apilens.recognition import declared_problems

    settings, mistake = None, None
    config = Path(config_path) if config_path else find(Path.cwd())
    try:
        settings, config = resolve(config, os.environ, declared_problems)
    except ConfigError as error:
        mistake = error
    place = store_place(store_path or (settings.place.path if settings else None))
    result = examine(Patient(config, mistake, place, os.environ, clock(now), settings or Settings()))
    show(result, quiet=quiet, **output)
    return EXIT_FIRING if "fail" in result.tables[0].rows["state"].to_list() else 0
