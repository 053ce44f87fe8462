"""GitLab's api_json.log and production_json.log (Rails with lograge).

https://docs.gitlab.com/administration/logs/
"""

from __future__ import annotations

from datetime import UTC, datetime

from apilens.config import IdentityRule
from apilens.formats.base import Format, Sample
from apilens.formats.json_declared import declared

GITLAB: Format = declared(
    "gitlab",
    "GitLab API and production logs (JSON)",
    {
        "timestamp": "time",
        "status": "status",
        "method": "method",
        "raw_target": "path",
        "route": "route",
        "host": "host",
        "raw_peer": "remote_ip",
        "raw_agent": "ua",
        "duration_ms": "duration_s:1000 duration",
        "request_id": "correlation_id",
        "user": "username meta.user user_id",
        "failure_reason": "exception.class",
    },
    time_is="end",
    telling=("duration_ms", "request_id"),
    # Who signs in is who there is.
    account=(IdentityRule(field="username"), IdentityRule(field="meta.user"), IdentityRule(field="user_id")),
    samples=(
        Sample(
            '{"severity":"INFO","duration_s":0.01524,"db_duration_s":0.00314,"status":200,"method":"POST","path":'
            '"/api/v4/projects/9","params":[{"key":"secret_token","value":"[FILTERED]"}],"host":"git.example",'
            '"remote_ip":"203.0.113.9","ua":"Ruby","route":"/api/:version/projects/:id","correlation_id":"r-1",'
            '"meta.user":"ada","time":"2018-10-29T12:49:42.123Z"}',
            gives={
                "timestamp": datetime(2018, 10, 29, 12, 49, 42, 123000, tzinfo=UTC), "status": 200, "method": "POST",
                "raw_target": "/api/v4/projects/9", "route": "/api/:version/projects/:id", "duration_ms": 15.24,
                "user": "ada", "request_id": "r-1", "raw_agent": "Ruby",
            },
        ),
        Sample(
            '{"duration_s":1,"correlation_id":"r","method":"GET","path":"/","status":200}',
            rejected="no readable time",
        ),
    ),
)  # fmt: skip
