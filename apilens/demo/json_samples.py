"""The demo's requests as the JSON lines of gateways, balancers and services: templates for sample_logs/."""

from __future__ import annotations

from collections.abc import Mapping

# File → object; `{…}` in a text is a column of the values, and a text that is one alone stays a number where it is one.
JSON_SAMPLES: Mapping[str, Mapping[str, object]] = {
    "aws_api_gateway.jsonl": {
        "requestId": "GQIVriFLIAMEMsA=", "ip": "{client_ip}", "requestTime": "{clf}", "httpMethod": "{method}",
        "path": "{target}", "status": "{status}", "protocol": "HTTP/1.1", "responseLength": "{response_bytes}",
        "responseLatency": "{millis}", "apiKeyId": "{account}", "stage": "prod", "userAgent": "{user_agent}",
    },
    "aws_waf.jsonl": {
        "timestamp": "{epoch_ms}", "action": "ALLOW", "terminatingRuleId": "Default_Action", "httpSourceId": "alb-1",
        "responseCodeSent": "{status}", "httpRequest": {
            "clientIp": "{client_ip}", "headers": [{"name": "user-agent", "value": "{user_agent}"}], "uri": "{target}",
            "httpVersion": "HTTP/1.1", "httpMethod": "{method}", "requestId": "1-5f84c7a0",
        },
    },
    "caddy.jsonl": {
        "level": "info", "ts": "{unix_number}", "logger": "http.log.access", "msg": "handled request", "request": {
            "client_ip": "{client_ip}", "proto": "HTTP/2.0", "method": "{method}", "host": "api.example.com",
            "uri": "{target}", "headers": {"User-Agent": ["{user_agent}"]},
        },
        "user_id": "{account}", "duration": "{seconds_number}", "size": "{response_bytes}", "status": "{status}",
    },
    "traefik_json.jsonl": {
        "ClientHost": "{client_ip}", "ClientUsername": "{account}", "DownstreamContentSize": "{response_bytes}",
        "DownstreamStatus": "{status}", "Duration": "{nanos}", "RequestMethod": "{method}", "RequestPath": "{target}",
        "RequestHost": "api.example.com", "RequestProtocol": "HTTP/1.1", "StartUTC": "{iso}Z",
        "request_User-Agent": "{user_agent}",
    },
    "cloudflare.jsonl": {
        "ClientIP": "{client_ip}", "ClientRequestHost": "api.example.com", "ClientRequestMethod": "{method}",
        "ClientRequestURI": "{target}", "ClientRequestUserAgent": "{user_agent}", "EdgeStartTimestamp": "{iso}Z",
        "EdgeResponseStatus": "{status}", "EdgeResponseBytes": "{response_bytes}", "RayID": "48b371889c489b2c",
        "OriginResponseDurationMs": "{millis}",
    },
    "fastly_json.jsonl": {
        "timestamp": "{iso}Z", "client_ip": "{client_ip}", "host": "api.example.com", "url": "{target}",
        "request_method": "{method}", "request_protocol": "HTTP/2", "request_user_agent": "{user_agent}",
        "response_status": "{status}", "response_body_size": "{response_bytes}", "fastly_server": "cache-fra1",
    },
    "azure_application_gateway.jsonl": {
        "timeStamp": "{iso}Z", "category": "ApplicationGatewayAccessLog", "properties": {
            "instanceId": "appgw_1", "clientIP": "{client_ip}", "httpMethod": "{method}",
            "originalRequestUriWithArgs": "{target}", "httpStatus": "{status}", "httpVersion": "HTTP/1.1",
            "sentBytes": "{response_bytes}", "timeTaken": "{millis}", "userAgent": "{user_agent}",
        },
    },
    "azure_front_door.jsonl": {
        "time": "{iso}Z", "category": "FrontdoorAccessLog", "properties": {
            "trackingReference": "0k1y5YQAAAAA", "clientIp": "{client_ip}", "httpMethod": "{method}",
            "requestUri": "https://api.example.com:443{target}", "httpStatusCode": "{status}", "httpVersion": "2.0.0.0",
            "responseBytes": "{response_bytes}", "timeTaken": "{seconds}", "userAgent": "{user_agent}",
        },
    },
    "gcp_load_balancer.jsonl": {
        "insertId": "1oek5rg3l3fxj7", "timestamp": "{iso}Z", "httpRequest": {
            "requestMethod": "{method}", "requestUrl": "https://api.example.com{target}", "status": "{status}",
            "responseSize": "{response_bytes}", "userAgent": "{user_agent}", "remoteIp": "{client_ip}",
            "latency": "{seconds}s",
        },
    },
    "envoy_json.jsonl": {
        "start_time": "{iso}Z", "method": "{method}", "path": "{target}", "protocol": "HTTP/2",
        "response_code": "{status}", "response_flags": "-", "bytes_sent": "{response_bytes}", "duration": "{millis}",
        "authority": "api.example.com", "user_agent": "{user_agent}", "x_forwarded_for": "{client_ip}",
    },
    "pino.jsonl": {
        "level": 30, "time": "{epoch_ms}", "hostname": "node1", "req": {
            "id": 1, "method": "{method}", "url": "{target}", "headers": {"user-agent": "{user_agent}"},
            "remoteAddress": "{client_ip}",
        },
        "res": {"statusCode": "{status}"}, "responseTime": "{millis}", "msg": "request completed",
    },
    "gitlab.jsonl": {
        "time": "{iso}Z", "severity": "INFO", "duration_s": "{seconds_number}", "status": "{status}",
        "method": "{method}", "path": "{target}", "remote_ip": "{client_ip}", "ua": "{user_agent}",
        "username": "{account}", "correlation_id": "895c51dc-96c8-4f18-8be4-65252b17a324",
    },
    "kong.jsonl": {
        "started_at": "{epoch_ms}", "client_ip": "{client_ip}", "consumer": {"username": "{account}"},
        "request": {
            "method": "{method}", "uri": "{target}", "size": "412", "headers": {"user-agent": "{user_agent}"},
        },
        "response": {"status": "{status}", "size": "{response_bytes}"}, "service": {"name": "api"},
        "latencies": {"request": "{millis}", "proxy": "{millis}", "kong": 1},
    },
    "tyk.jsonl": {
        "timestamp": "{iso}Z", "method": "{method}", "raw_path": "{target}", "path": "{path}", "alias": "{account}",
        "response_code": "{status}", "request_time": "{millis}", "ip_address": "{client_ip}", "api_name": "api",
        "api_version": "Default", "user_agent": "{user_agent}", "org_id": "demo",
    },
    "otlp.jsonl": {
        "resourceSpans": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "api"}}]},
            "scopeSpans": [{"spans": [{
                "traceId": "5b8efff798038103d269b633813fc60c", "kind": 2, "startTimeUnixNano": "{epoch_ms}000000",
                "endTimeUnixNano": "{end_ms}000000", "attributes": [
                    {"key": "http.request.method", "value": {"stringValue": "{method}"}},
                    {"key": "http.response.status_code", "value": {"intValue": "{status}"}},
                    {"key": "url.path", "value": {"stringValue": "{path}"}},
                    {"key": "client.address", "value": {"stringValue": "{client_ip}"}},
                    {"key": "user_agent.original", "value": {"stringValue": "{user_agent}"}},
                ],
            }]}],
        }],
    },
}  # fmt: skip
# Columns that stand in JSON as numbers where a text is one of them alone.
NUMBERS = frozenset({"status", "response_bytes", "millis", "nanos", "epoch_ms", "unix_number", "seconds_number"})
