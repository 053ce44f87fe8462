"""What shippers and container platforms wrap around the lines of a log: one file per envelope.

To add an envelope, write a file with an `Envelope` (base.py) and put it into ENVELOPES below; the contract test opens
its samples, and damages them. Other packages register theirs as entry points of the group `apilens.envelopes`.
"""

from __future__ import annotations

from apilens.envelopes.base import LABELS, Envelope, Wrapped
from apilens.envelopes.cri import CRI
from apilens.envelopes.docker_json import DOCKER_JSON
from apilens.envelopes.enclosed import enclosed, joined

# Order is detection order: the strictest envelope first.
ENVELOPES: tuple[Envelope, ...] = (CRI, DOCKER_JSON)

__all__ = ["ENVELOPES", "LABELS", "Envelope", "Wrapped", "enclosed", "joined"]
