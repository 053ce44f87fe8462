"""The real logs beside the repository, which nobody here wrote: their tests are skipped where they are not."""

from __future__ import annotations

from pathlib import Path

import pytest

LOGS = Path(__file__).resolve().parents[2] / "shared/logs"
needs_real_logs = pytest.mark.skipif(not LOGS.is_dir(), reason="the real logs are not here")
