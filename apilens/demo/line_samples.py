"""The demo's requests as the lines of balancers, proxies and application servers: templates for sample_logs/."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

import polars as pl

from apilens.demo.json_samples import NUMBERS

# File → template; `{…}` is a column of `_values`.
LINE_SAMPLES: Mapping[str, str] = {
    "aws_alb.log": "https {iso}Z app/demo/50dc6c495c0c9188 {client_ip}:40112 10.0.0.5:80 0.000 {seconds} 0.000 {status}"
    ' {status} 412 {response_bytes} "{method} https://api.example.com:443{target} HTTP/1.1" "{user_agent}"'
    " ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2"
    " arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/api/73e2d6bc24d8a067"
    ' "Root=1-58337281-1d84f3d73c47ec4e58577259" "api.example.com" "-" 1 {iso}Z "forward" "-" "-" "10.0.0.5:80"'
    ' "{status}" "-" "-"',
    "aws_elb.log": "{iso}Z demo {client_ip}:40112 10.0.0.5:80 0.000021 {seconds} 0.000018 {status} {status} 120"
    ' {response_bytes} "{method} http://api.example.com:80{target} HTTP/1.1" "{user_agent}" - -',
    "aws_s3.log": "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be demo [{clf}] {client_ip}"
    ' arn:aws:iam::123456789012:user/{account} 3E57427F3EXAMPLE REST.{method}.OBJECT - "{method} {target} HTTP/1.1"'
    ' {status} - {response_bytes} - {millis} {millis} "{referrer}" "{user_agent}" - s9lzHYrFp76ZVxRcpX9= SigV4'
    " ECDHE-RSA-AES128-GCM-SHA256 AuthHeader demo.s3.us-east-2.amazonaws.com TLSv1.2 - -",
    "haproxy.log": "{client_ip}:40112 [{naive}] public~ api/node1 0/0/1/{millis}/{millis} {status} {response_bytes} - -"
    ' ---- 2/1/0/0/0 0/0 {{{user_agent}|{account}}} {{}} "{method} {target} HTTP/1.1"',
    "envoy.log": '[{iso}Z] "{method} {target} HTTP/1.1" {status} - 120 {response_bytes} {millis} {millis} "{client_ip}"'
    ' "{user_agent}" "00bcf1d7-12c4-93b9-b36a-bc0faac8e428" "api.example.com" "10.0.0.5:9080"',
    "istio.log": '[{iso}Z] "{method} {target} HTTP/1.1" {status} - via_upstream - "-" 120 {response_bytes} {millis}'
    ' {millis} "{client_ip}" "{user_agent}" "00bcf1d7-12c4-93b9-b36a-bc0faac8e428" "api.example.com" "10.0.0.5:9080"'
    " inbound|9080|| 127.0.0.6:47203 10.0.0.5:9080 {client_ip}:0"
    " outbound_.9080_._.api.default.svc.cluster.local default",
    "uwsgi.log": "[pid: 88185|app: 0|req: 1/1] {client_ip} ({account}) {{38 vars in 696 bytes}} [{asctime}] {method}"
    " {target} => generated {response_bytes} bytes in {millis} msecs (HTTP/1.1 {status}) 9 headers in 378 bytes"
    " (1 switches on core 3)",
    "squid.log": "{unix} {millis} {client_ip} TCP_MISS/{status} {response_bytes} {method} http://api.example.com{target}"
    " {account} HIER_DIRECT/10.0.0.5 application/json",
    "nginx_proxy_manager.log": '[{clf}] - {status} {status} - {method} https api.example.com "{target}"'
    ' [Client {client_ip}] [Length {response_bytes}] [Gzip -] [Sent-to 10.0.0.5] "{user_agent}" "{referrer}"',
    "apache_ssl.log": "[{clf}] {client_ip} TLSv1.3 TLS_AES_256_GCM_SHA384"
    ' "{method} {target} HTTP/1.1" {response_bytes}',
    "nginx_ingress.log": '{client_ip} - {account} [{clf}] "{method} {target} HTTP/1.1" {status} {response_bytes}'
    ' "{referrer}" "{user_agent}" 412 {seconds} [default-api-80] [] 10.0.0.5:8080 {response_bytes} {seconds} {status}'
    " 3db73c6c673c4256ade033a6ce08c2ab",
    "traefik.log": '{client_ip} - {account} [{clf}] "{method} {target} HTTP/1.1" {status} {response_bytes} "{referrer}"'
    ' "{user_agent}" 1 "api@docker" "http://10.0.0.5:80" {millis}ms',
    "tomcat.log": '{client_ip} - {account} [{clf}] "{method} {target} HTTP/1.1" {status} {response_bytes} 10.0.0.5 +'
    ' {seconds} "{referrer}" "{user_agent}" X-Forwarded-For="-"',
    "tomcat_timed.log": "[{clf}] {client_ip} {method} {target} HTTP/1.1 {status} ({millis} milliseconds)",
    "fastly.log": '{client_ip} "-" "{account}" [{clf}] "{method} {target} HTTP/1.1" {status} {response_bytes}',
}


def filled(requests: pl.DataFrame, template: str) -> pl.DataFrame:
    """Return one column of lines: the template with the values of each request in its places; `{{` is a brace."""
    values = _values(requests)
    parts = [
        pl.lit(text) if text else pl.lit(brace[0]) if brace else values[name].cast(pl.String)
        for name, brace, text in re.findall(r"\{([a-z_]+)\}|(\{\{|\}\})|([^{}]+)", template)
    ]
    return requests.select(pl.concat_str(parts).alias("line"))


def filled_json(requests: pl.DataFrame, sample: Mapping[str, object]) -> pl.DataFrame:
    """Return one column of JSON lines: the object with the values of each request in its places."""
    text = json.dumps(sample, separators=(",", ":")).replace("{", "{{").replace("}", "}}")
    # Places are braces around a name within a text; a number loses the quotes around it.
    text = re.sub(r"\{\{([a-z_]+)\}\}", r"{\1}", text)
    return filled(requests, re.sub(rf'"(\{{(?:{"|".join(NUMBERS)})\}})"', r"\1", text))


def _values(requests: pl.DataFrame) -> dict[str, pl.Expr]:
    time, millis = pl.col("timestamp"), pl.col("duration_ms").cast(pl.Int64)
    seconds = pl.concat_str(millis // 1000, pl.lit("."), (millis % 1000).cast(pl.String).str.zfill(3))
    return {
        **{name: pl.col(name) for name in requests.columns},
        "clf": time.dt.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "naive": time.dt.strftime("%d/%b/%Y:%H:%M:%S.%3f"),
        "iso": time.dt.strftime("%Y-%m-%dT%H:%M:%S.%6f"),
        "asctime": time.dt.strftime("%a %b %e %H:%M:%S %Y"),
        "unix": pl.concat_str(time.dt.epoch("s"), pl.lit("."), time.dt.strftime("%3f")),
        "millis": millis,
        "nanos": millis * 1_000_000,
        "epoch_ms": time.dt.epoch("ms"),
        "end_ms": time.dt.epoch("ms") + millis,
        "unix_number": pl.concat_str(time.dt.epoch("s"), pl.lit("."), time.dt.strftime("%3f")),
        "seconds_number": seconds,
        "path": pl.col("target").str.replace(r"\?.*$", ""),
        "seconds": seconds,
    }
