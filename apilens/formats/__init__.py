"""How a line becomes columns: one file per format.

To add a format, write a file with a `Format` (base.py): a name, a parse function, and sample lines with what they give.
Most parse functions come out of a recipe: fields of a line (fields.py), tiers of regexes (lines.py, as
clf.py uses it), a log_format string
(log_format.py) or a map of JSON paths (json_map.py). Then put it into FORMATS below; the contract test reads its
samples, and damages them.
"""

from __future__ import annotations

from apilens.formats.apache_ssl import APACHE_SSL
from apilens.formats.aws_api_gateway import AWS_API_GATEWAY
from apilens.formats.aws_elb import AWS_ALB, AWS_ELB
from apilens.formats.aws_s3 import AWS_S3
from apilens.formats.aws_waf import AWS_WAF
from apilens.formats.azure import AZURE_APPLICATION_GATEWAY, AZURE_FRONT_DOOR
from apilens.formats.base import Format, Needs, Parsed, ParseOptions, Sample
from apilens.formats.caddy_json import CADDY_JSON
from apilens.formats.cloudflare import CLOUDFLARE
from apilens.formats.cloudfront import CLOUDFRONT
from apilens.formats.combined import COMBINED, COMBINED_VHOST, NGINX_TIMED
from apilens.formats.common import COMMON, COMMON_VHOST
from apilens.formats.detect import Candidate, choose, detect
from apilens.formats.envoy import ENVOY, ISTIO
from apilens.formats.envoy_json import ENVOY_JSON
from apilens.formats.fastly import FASTLY
from apilens.formats.fastly_json import FASTLY_JSON
from apilens.formats.flat_json import FLAT_JSON
from apilens.formats.gcp_load_balancer import GCP_LOAD_BALANCER
from apilens.formats.gitlab import GITLAB
from apilens.formats.haproxy import HAPROXY
from apilens.formats.har import HAR
from apilens.formats.json_map import json_format
from apilens.formats.kong import KONG
from apilens.formats.log_format import compile_log_format
from apilens.formats.ltsv import LTSV
from apilens.formats.moesif import MOESIF
from apilens.formats.nginx_ingress import NGINX_INGRESS
from apilens.formats.nginx_proxy_manager import NGINX_PROXY_MANAGER
from apilens.formats.normalised import APILENS
from apilens.formats.otlp import OTLP, OTLP_DOCUMENT
from apilens.formats.pino import PINO
from apilens.formats.squid import SQUID
from apilens.formats.tomcat import TOMCAT, TOMCAT_TIMED
from apilens.formats.traefik import TRAEFIK
from apilens.formats.traefik_json import TRAEFIK_JSON
from apilens.formats.tyk import TYK
from apilens.formats.uwsgi import UWSGI
from apilens.formats.w3c import W3C
from apilens.formats.zeek import ZEEK

# Order is detection order: the strictest format first.
FORMATS: tuple[Format, ...] = (
    HAR, OTLP_DOCUMENT, APILENS,
    MOESIF, OTLP, KONG, TYK, AWS_API_GATEWAY, AWS_WAF, CADDY_JSON, TRAEFIK_JSON, CLOUDFLARE, FASTLY_JSON,
    AZURE_APPLICATION_GATEWAY, AZURE_FRONT_DOOR, GCP_LOAD_BALANCER, ENVOY_JSON, PINO, GITLAB, FLAT_JSON,
    AWS_ALB, AWS_ELB, AWS_S3, HAPROXY, ISTIO, ENVOY, UWSGI, SQUID, NGINX_PROXY_MANAGER, APACHE_SSL,
    NGINX_INGRESS, TRAEFIK, TOMCAT, FASTLY,
    NGINX_TIMED, COMBINED_VHOST, COMBINED, CLOUDFRONT, W3C, ZEEK, LTSV, COMMON_VHOST, COMMON,
    TOMCAT_TIMED,
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
