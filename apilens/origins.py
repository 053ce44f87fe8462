"""Which source of apilens.yaml a log belongs to, and so by which settings it is read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import msgspec

from apilens.config import ColumnRule, ReadOptions, Settings
from apilens.enrich import needed_columns
from apilens.errors import InputError, UsageError
from apilens.file_pattern import FilePattern, whole_path
from apilens.formats import Format
from apilens.recognition import named
from apilens.source_settings import CHAINS, FIELDS, SourceSettings
from apilens.sources import Nothing, Source, expand


@dataclass(frozen=True, slots=True)
class Origin:
    """How a log is read: `settings` and `options` hold what its source says in the place of what holds for all.

    name: of the source, None for a log that belongs to none. format: None means detection. labels: columns that are the
    same in all its lines. columns: what the format is asked for, None: everything.
    """

    name: str | None
    settings: Settings
    options: ReadOptions
    format: Format | None
    columns: frozenset[str] | None
    labels: Mapping[str, str]

    @property
    def source_tz(self) -> str:
        """The zone of times that do not name theirs."""
        return self.options.source_tz or self.settings.source_tz or "UTC"


class Origins:
    """The sources of the settings, in their order; a log belongs to the first whose path it fits.

    options: from flags, before what any source says. columns: the event columns that the caller wants, None: all.
    Raises UsageError for a format that there is not, or a log_format that cannot be read.
    """

    def __init__(
        self, settings: Settings, options: ReadOptions, formats: Mapping[str, Format], columns: Collection[str] | None
    ) -> None:
        self._columns = columns
        self._other = self._origin(None, settings, options, formats, {})
        self._named: list[tuple[FilePattern, Origin]] = []
        for name, source in settings.sources.items():
            try:
                origin = self._origin(
                    name, _settings_of(source, settings), _options_of(source, options), formats, source.labels()
                )
            except UsageError as error:
                raise UsageError(f"sources.{name}: {error.message}", hint=error.hint) from None
            self._named.append((FilePattern.of(source.path), origin))

    @property
    def globs(self) -> list[str]:
        """The paths of all sources, as globs."""
        return [pattern.glob for pattern, _ in self._named]

    def find(self) -> tuple[list[Source], list[InputError], list[str]]:
        """Return the logs of all sources, what cannot be read, and a line for each source that has none."""
        sources, errors = expand(self.globs)
        found = [item for item in sources if self._match(item) is not None]
        missing = {error.text for error in errors if isinstance(error, Nothing)}
        notes = [
            f"source {origin.name}: no file matches {pattern.glob}"
            for pattern, origin in self._named
            if pattern.glob in missing
        ]
        return found, [error for error in errors if not isinstance(error, Nothing)], notes

    def of(self, source: Source) -> tuple[Source, Origin]:
        """Return a log as it is called wherever it is read from, and its origin.

        The log of a source is called by its whole path, so that it is the same log in every run.
        """
        found = self._match(source)
        if found is None:
            return source, self._other
        origin, path, values = found
        return replace(source, name=path), replace(origin, labels={**origin.labels, **values})

    def _match(self, source: Source) -> tuple[Origin, str, Mapping[str, str]] | None:
        if source.path is None or not self._named:
            return None
        path = whole_path(source.name)
        for pattern, origin in self._named:
            values = pattern.values(path)
            if values is not None:
                return origin, path, values
        return None

    def _origin(
        self, name: str | None, settings: Settings, options: ReadOptions, formats: Mapping[str, Format],
        labels: Mapping[str, str],
    ) -> Origin:  # fmt: skip
        columns = needed_columns(self._columns, settings)
        return Origin(name, settings, options, _fixed_format(settings, options, formats), columns, labels)


def _settings_of(source: SourceSettings, settings: Settings) -> Settings:
    chains = {name: getattr(source, name) or getattr(settings, name) for name in CHAINS}
    filled = {}
    for name, place in source.fields.items():
        rule = settings.columns.get(name)
        filled[name] = ColumnRule(place, rule.type if rule else FIELDS[name])
    return msgspec.structs.replace(
        settings, **chains, columns={**settings.columns, **filled}, source_tz=source.source_tz or settings.source_tz,
        dedupe=source.dedupe or settings.dedupe,
    )  # fmt: skip


def _options_of(source: SourceSettings, options: ReadOptions) -> ReadOptions:
    if options.input_format or options.log_format:
        return options
    return replace(options, input_format=source.format, log_format=source.log_format)


def _fixed_format(settings: Settings, options: ReadOptions, formats: Mapping[str, Format]) -> Format | None:
    text = options.log_format or (None if options.input_format else settings.log_format)
    if text:
        from apilens.formats.log_format import compile_log_format

        return compile_log_format(text)
    return named(options.input_format, formats) if options.input_format else None
