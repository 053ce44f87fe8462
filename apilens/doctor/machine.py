"""What runs: versions, for whoever helps from afar."""

from __future__ import annotations

import platform
from importlib.metadata import version

from apilens import __version__
from apilens.doctor.base import Finding, Patient


def versions(patient: Patient) -> Finding:
    """Which apilens this is, and on what it stands."""
    parts = [f"apilens {__version__}", f"python {platform.python_version()}"]
    return Finding("ok", ", ".join([*parts, *(f"{name} {version(name)}" for name in ("polars", "deltalake"))]))
