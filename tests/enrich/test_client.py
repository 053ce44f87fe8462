"""What software a user agent names, and which requests are crawlers or probes."""

from __future__ import annotations

import polars as pl
import pytest

from apilens.config import Settings
from apilens.enrich.base import Context
from apilens.enrich.client import CLIENT, HEALTH_CHECK

CONTEXT = Context(Settings(), b"key")
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/123.0.0.0 Safari/537.36"


@pytest.mark.parametrize(
    ("agent", "sdk", "version"),
    [
        ("acme-python/1.4.2", "acme-python", "1.4.2"),
        ("acme-python/1.4.2 (linux; x86_64) requests/2.31", "acme-python", "1.4.2"),
        ("curl/8.1", "curl", "8.1"),
        ("python-requests/2.31.0", "python-requests", "2.31.0"),
        ("okhttp/4.9.3", "okhttp", "4.9.3"),
        ("Go-http-client/1.1", "Go-http-client", "1.1"),
        ("axios/1.6.0", "axios", "1.6.0"),
        ("PostmanRuntime/7.3", "PostmanRuntime", "7.3"),
        ("Java/1.8.0_312", "Java", "1.8.0_312"),
        ("Stripe/v1 PythonBindings/2.4", "Stripe", "1"),
        ("@acme/sdk/1.2.0-beta.1", "@acme/sdk", "1.2.0-beta.1"),
        ("Acme App/3.1 (iOS 17.2)", "Acme App", "3.1"),
        ("node-fetch", "node-fetch", None),
        ("acme/dev", "acme", None),
        (CHROME, "Chrome", "123.0.0.0"),
        (f"{CHROME} Edg/122.0.1", "Edge", "122.0.1"),
        (
            "Mozilla/5.0 (X11; rv:109.0) Gecko/20100101 Firefox/115.0",
            "Firefox",
            "115.0",
        ),
        (
            "Mozilla/5.0 (Macintosh) AppleWebKit/605 (KHTML, like Gecko) Version/17.1 Safari/605",
            "Safari",
            "17.1",
        ),
        (
            "Mozilla/4.0 (compatible; MSIE 9.0; Windows NT 6.1)",
            "Internet Explorer",
            "9.0",
        ),
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Googlebot",
            "2.1",
        ),
        ("Mozilla/5.0", None, None),
        ("[R:token]", None, None),
        ("-", None, None),
        ("", None, None),
        ("\x16\x03", None, None),
    ],
)
def test_product_tokens(agent: str, sdk: str | None, version: str | None) -> None:
    made = CLIENT.apply(pl.DataFrame({"user_agent": [agent]}), CONTEXT)

    assert made.select("sdk", "sdk_version").row(0) == (sdk, version)


@pytest.mark.parametrize(
    ("agent", "is_bot"),
    [
        (
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            True,
        ),
        ("AhrefsBot/7.0", True),
        ("Sogou web spider/4.0", True),
        ("facebookexternalhit/1.1", True),
        ("Mozilla/5.0 zgrab/0.x", True),
        ("Mozilla/5.0 (Linux; Android 9; CUBOT X19) Chrome/80.0 Mobile", False),
        (CHROME, False),
        ("curl/8.1", False),
        ("robotics-sdk/1.0", False),
    ],
)
def test_crawlers_are_labelled(agent: str, is_bot: bool) -> None:
    assert CLIENT.apply(pl.DataFrame({"user_agent": [agent]}), CONTEXT)["is_bot"].to_list() == [is_bot]


def test_every_row_gets_what_its_user_agent_says() -> None:
    agents = ["b/2", None, "a/1", "b/2", "Googlebot/2.1"]

    made = CLIENT.apply(pl.DataFrame({"user_agent": agents}), CONTEXT)

    assert made["sdk"].to_list() == ["b", None, "a", "b", "Googlebot"]
    assert made["is_bot"].to_list() == [False, False, False, False, True]


def test_a_source_that_states_the_sdk_is_believed() -> None:
    frame = pl.DataFrame(
        {
            "user_agent": ["a/1", "a/1"],
            "sdk": ["stated", None],
            "sdk_version": ["9", None],
        }
    )

    made = CLIENT.apply(frame, CONTEXT)

    assert made.select("sdk", "sdk_version").rows() == [("stated", "9"), ("a", "1")]


def test_without_a_user_agent_nothing_is_a_bot() -> None:
    assert CLIENT.apply(pl.DataFrame({"line": [1, 2]}), CONTEXT)["is_bot"].to_list() == [False, False]


@pytest.mark.parametrize(
    ("endpoint", "agent", "probe"),
    [
        ("GET /healthz", None, True),
        ("GET /api/_health", "curl/8.1", True),
        ("HEAD /ping", None, True),
        ("GET /health/ready", None, True),
        ("GET /v1/orders", "kube-probe/1.27", True),
        ("GET /", "ELB-HealthChecker/2.0", True),
        ("GET /v1/orders/{id}/ready", None, False),
        ("GET /healthcare", None, False),
        ("GET /v1/health/plans", None, False),
        ("GET /v1/orders", "consulting-app/1.0", False),
        (None, None, False),
    ],
)
def test_probes_are_labelled(endpoint: str | None, agent: str | None, probe: bool) -> None:
    frame = pl.DataFrame(
        {"endpoint": [endpoint], "user_agent": [agent]},
        schema={"endpoint": pl.String, "user_agent": pl.String},
    )

    assert HEALTH_CHECK.apply(frame, CONTEXT)["is_health_check"].to_list() == [probe]
