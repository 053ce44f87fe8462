"""uWSGI's request log; its times have no zone (--source-tz)."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from apilens.formats.base import Format, Sample
from apilens.formats.fields import TIME, Field, exactly, field_lines
from apilens.formats.pattern import Capture, Tier
from apilens.formats.values import NO_STATUS, NO_TIME

_FRONT = exactly(r"\[pid: [0-9]+\|app: [^|]*\|req: [^\]]*\] ")
_PEER = Field(
    (Capture("peer", "[!-'*-~]+"), r" \(", Capture("user", "[!-'*-~]*"), r"\) \{[0-9]+ vars in [0-9]+ bytes\} "),
    (Capture("peer", "[^ ]*"), r" \(", Capture("user", ".*?"), r"\) \{[^}]*\} "),
)
_REQUEST = Field(
    (Capture("method", "[A-Z]{1,20}"), " ", Capture("target", r"/[!-~]*"), " => "),
    (Capture("request", ".*?"), " => "),
)
_BYTES = Field(("generated ", Capture("bytes", "[0-9]{1,18}"), " bytes"), ("generated ", Capture("bytes", "[^ ]+"),
               " bytes"))  # fmt: skip
_TOOK = exactly(" in ", Capture("took", "-?[0-9]+ [a-z]+"), r"(?: via [a-z]+\(\))?")
_STATUS = Field(
    (r" \(HTTP/", Capture("protocol", "[0-9.]{1,4}"), " ", Capture("status", "[0-9]{3}"), r"\)"),
    (r" \([^ ]* ", Capture("status", "[^ ()]+"), r"\)"),
)


def _with_millis(tier: Tier) -> Tier:
    """Return the tier with durations of either unit."""

    def read(lines: pl.DataFrame, wanted: frozenset[str]) -> pl.DataFrame:
        texts = tier(lines, wanted | {"took"} if "micros" in wanted else wanted)
        if "took" not in texts.columns:
            return texts
        amount = pl.col("took").str.extract("^(-?[0-9]+)")
        is_micros = pl.col("took").str.ends_with("micros")
        amounts = {"micros": pl.when(is_micros).then(amount), "millis": pl.when(~is_micros).then(amount)}
        return texts.with_columns(**amounts).drop("took")

    return read


_LINE = (
    "[pid: 88185|app: 0|req: 1/1] 203.0.113.9 (ann) {38 vars in 696 bytes} [Sun Mar 13 22:49:12 2016]"
    " POST /a?b=1 => generated 47 bytes in 129 msecs (HTTP/1.1 200) 9 headers in 378 bytes (1 switches on core 3)"
)

UWSGI = Format(
    name="uwsgi",
    title="uWSGI",
    time_is="start",
    parse=field_lines(
        (_FRONT, _PEER, TIME, " ", _REQUEST, _BYTES, _TOOK, _STATUS, exactly("(?: .*)?")),
        finish=_with_millis,
        # What the server says of itself.
        other=r"^(?:\*\*\* |spawned |WSGI app |[Rr]espawned |[A-Z][a-z]{2} [A-Z][a-z]{2} [0-9 :]+ - )",
    ),
    samples=(
        Sample(
            _LINE,
            {
                "timestamp": datetime(2016, 3, 13, 22, 49, 12, tzinfo=UTC), "status": 200, "method": "POST",
                "raw_target": "/a?b=1", "protocol": "1.1", "duration_ms": 129.0, "response_bytes": 47,
                "raw_peer": "203.0.113.9", "raw_remote_user": "ann",
            },
        ),
        Sample(_LINE.replace("129 msecs", "68 micros"), {"duration_ms": 0.068}),
        Sample(_LINE.replace("msecs", "msecs via sendfile()").replace("(ann)", "()"), {
            "duration_ms": 129.0, "raw_remote_user": None,
        }),
        Sample(_LINE.replace("/a?b=1", "/a b"), {"raw_target": "/a b", "status": 200}),
        Sample(_LINE[:-46], {"status": 200}),
        Sample(_LINE.replace(" 200)", " 20)"), rejected=NO_STATUS),
        Sample(_LINE.replace("Mar 13", "Mar 32"), rejected=NO_TIME),
    ),
)  # fmt: skip
