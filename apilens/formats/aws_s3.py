"""Server access logs of AWS S3: 17 fields in 2019, 26 with those that came since.

The service is the bucket, the account the requester: the id of an account, or the ARN of who signed the request.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from apilens.config import IdentityRule
from apilens.formats.base import Format, Sample
from apilens.formats.fields import REQUEST, TIME, Field, field_lines, number, quoted, status, token
from apilens.formats.values import NO_STATUS, NO_TIME

# The request line, or `-` where S3 itself did something.
_REQUEST_OR_NONE = Field(REQUEST.strict, ('(?:"', REQUEST.loose[1], REQUEST.loose[2], "|-)"))
_OWNER = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"
_HEAD = f"{_OWNER} examplebucket [06/Feb/2019:00:00:38 +0000] 192.0.2.3 "
_GET = (
    _HEAD + f"{_OWNER} 3E57427F3EXAMPLE REST.GET.VERSIONING -"
    ' "GET /examplebucket?versioning HTTP/1.1" 200 - 113 - 7 5 "-" "S3Console/0.4"'
)
_ROLE = "arn:aws:sts::123456789012:assumed-role/app/session"
_TAIL = (
    " - s9lzHYrFp76ZVxRcpX9+5cjA= SigV4 ECDHE-RSA-AES128-GCM-SHA256 AuthHeader examplebucket.s3.amazonaws.com TLSv1.2"
)

AWS_S3 = Format(
    name="aws_s3",
    title="AWS S3 server access",
    time_is="start",
    settle=timedelta(minutes=60),
    account=(IdentityRule(field="requester"),),
    parse=field_lines(
        (
            "(?:[0-9a-f]{16,}|-) ", token("service"), " ", TIME, " ", token("peer"), " ",
            token("raw_field.requester"), " ", token("request_id"), " ", token("raw_field.operation"), " ",
            token("raw_field.key"), " ", _REQUEST_OR_NONE, " ", status(),
        ),
        (
            token("error_code"), number("bytes"), number("raw_field.object_size"), token("millis"), token(),
            quoted("referrer"), quoted("agent"), token(), token(), token(), token(), token(), token("server"),
        ),
        # What S3 does by itself, and batches: no request line and no status.
        other=r'^[0-9a-f]{16,} [^ ]+ \[[^\[\]]+\] [^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ "?-"? - ',
    ),
    samples=(
        Sample(
            _GET + _TAIL + " - -",
            {
                "timestamp": datetime(2019, 2, 6, 0, 0, 38, tzinfo=UTC), "status": 200, "method": "GET",
                "raw_target": "/examplebucket?versioning", "service": "examplebucket", "response_bytes": 113,
                "duration_ms": 7.0, "raw_peer": "192.0.2.3", "raw_agent": "S3Console/0.4", "error_code": None,
                "host": "examplebucket.s3.amazonaws.com", "request_id": "3E57427F3EXAMPLE",
            },
        ),
        Sample(_GET + " -", {"status": 200, "raw_agent": "S3Console/0.4", "host": None}),
        Sample(
            _HEAD + _ROLE + ' AB12 REST.PUT.OBJECT a%20b.json "PUT /a%2520b.json HTTP/1.1" 403 AccessDenied - 9427'
            ' 138 11 "-" "aws-cli "raw"/1.25"' + _TAIL,
            {"error_code": "AccessDenied", "response_bytes": None, "raw_agent": 'aws-cli "raw"/1.25', "status": 403,
             "raw_target": "/a%2520b.json", "host": "examplebucket.s3.amazonaws.com"},
        ),
        Sample(_HEAD + '- AB12 BATCH.DELETE.OBJECT a.json - 204 - - 5 - - "-" "-" -', {"status": 204, "method": None}),
        Sample(_GET.replace(" 200 ", " OK "), rejected=NO_STATUS),
        Sample(_GET.replace("06/Feb", "06/Xyz"), rejected=NO_TIME),
    ),
)  # fmt: skip
