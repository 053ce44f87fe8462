"""Checks of apilens.yaml: that it can be read, and that no secret stands in it."""

from __future__ import annotations

import re

from apilens.doctor.base import Finding, Patient

_SECRETS = re.compile(
    r"https://hooks\.slack\.com/|discord(?:app)?\.com/api/webhooks/|webhook\.office\.com/|events\.pagerduty\.com/integration/"
    r"|\b(?:sk|pk|rk)_(?:live|test)_\w{8}|\bxox[abprs]-\w|\bgh[pousr]_\w{20}|\bAKIA[0-9A-Z]{16}\b|\beyJ[\w-]{8,}\.[\w-]{8,}"
    # 32 characters or more of one word, letters and digits mixed: a key, or a hash as good as one.
    r"|\b(?=\w*[0-9])(?=\w*[A-Za-z])[A-Za-z0-9]{32,}\b"
)


def config(patient: Patient) -> Finding:
    """The settings can be read and have no mistake."""
    if patient.mistake:
        first, *more = patient.mistake.message.split("\n")
        others = f" (and {len(more)} more)" if more else ""
        return Finding("fail", first + others, "`apilens config show` names every mistake")
    if patient.config is None:
        return Finding("ok", "no apilens.yaml: everything is as by default", "`apilens init LOG…` writes one")
    return Finding("ok", f"{patient.config} can be read")


def secrets(patient: Patient) -> Finding:
    """No webhook address and nothing that looks like a key stands in the settings."""
    if patient.config is None:
        return Finding("ok", "no apilens.yaml")
    try:
        lines = patient.config.read_text("utf-8", "replace").splitlines()
    except OSError:
        return Finding("warn", f"{patient.config} cannot be read")
    found = [str(number) for number, line in enumerate(lines, 1) if _SECRETS.search(line)]
    if found:
        what = f"{patient.config}:{', '.join(found)}: looks like a secret"
        return Finding("warn", what, "keep it in the environment or a file of mode 600, and change it if it was shared")
    return Finding("ok", "no secret in the settings")
