"""How a line becomes columns: one file per format.

To add a format, write a file with a `Format` (base.py): a name, a parse function, and sample lines with what they give.
Most parse functions come out of a recipe: tiers of regexes (lines.py, as clf.py uses it), a log_format string
(log_format.py) or a map of JSON paths (json_map.py). Then put it into FORMATS below; the contract test reads its
samples, and damages them.
"""

from __future__ import annotations

from apilens.formats.base import Format, Needs, Parsed, ParseOptions, Sample
from apilens.formats.cloudfront import CLOUDFRONT
from apilens.formats.combined import COMBINED, COMBINED_VHOST, NGINX_TIMED
from apilens.formats.common import COMMON, COMMON_VHOST
from apilens.formats.detect import Candidate, choose, detect
from apilens.formats.flat_json import FLAT_JSON
from apilens.formats.json_map import json_format
from apilens.formats.log_format import compile_log_format
from apilens.formats.ltsv import LTSV
from apilens.formats.moesif import MOESIF
from apilens.formats.normalised import APILENS
from apilens.formats.w3c import W3C
from apilens.formats.zeek import ZEEK

# Order is detection order: the strictest format first.
FORMATS: tuple[Format, ...] = (
    APILENS, MOESIF, FLAT_JSON, NGINX_TIMED, COMBINED_VHOST, COMBINED, CLOUDFRONT, W3C, ZEEK, LTSV, COMMON_VHOST,
    COMMON,
)  # fmt: skip

__all__ = [
    "FORMATS",
    "Candidate",
    "Format",
    "Needs",
    "ParseOptions",
    "Parsed",
    "Sample",
    "choose",
    "compile_log_format",
    "detect",
    "json_format",
]
