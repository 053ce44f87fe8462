"""What shippers and container platforms wrap around the lines of a log: one file per envelope.

To add an envelope, write a file with an `Envelope` (base.py) and put it into ENVELOPES below; the contract test opens
its samples, and damages them. Other packages register theirs as entry points of the group `apilens.envelopes`.
"""

from __future__ import annotations

from apilens.envelopes.base import LABELS, Envelope, Wrapped
from apilens.envelopes.cloudwatch import CLOUDWATCH, CLOUDWATCH_EVENTS
from apilens.envelopes.compose import COMPOSE
from apilens.envelopes.cri import CRI
from apilens.envelopes.docker_json import DOCKER_JSON
from apilens.envelopes.elastic import ELASTIC
from apilens.envelopes.enclosed import enclosed, joined
from apilens.envelopes.journald import JOURNALD
from apilens.envelopes.kubectl import KUBECTL_PREFIX, TIMESTAMPED
from apilens.envelopes.shipper import SHIPPER
from apilens.envelopes.syslog import SYSLOG_3164, SYSLOG_5424

# Order is detection order: the strictest envelope first.
ENVELOPES: tuple[Envelope, ...] = (
    CRI, KUBECTL_PREFIX, COMPOSE, SYSLOG_5424, SYSLOG_3164, TIMESTAMPED, CLOUDWATCH, JOURNALD, DOCKER_JSON, ELASTIC,
    SHIPPER, CLOUDWATCH_EVENTS,
)  # fmt: skip

__all__ = ["ENVELOPES", "LABELS", "Envelope", "Wrapped", "enclosed", "joined"]
