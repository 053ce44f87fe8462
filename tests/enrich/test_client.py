"""What software a user agent names, and which requests are crawlers or probes."""

from __future__ import annotations

import re

import polars as pl
import pytest

from apilens.config import SdkRule, Settings
from apilens.enrich import browsers
from apilens.enrich.base import Context
from apilens.enrich.client import CLIENT, HEALTH_CHECK
from apilens.enrich.known_clients import KNOWN

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
        ("@acme/sdk/1.2.0-beta.1", "@acme/sdk", "1.2.0-beta.1"),
        ("Acme App/3.1 (iOS 17.2)", "Acme App", "3.1"),
        ("Faraday v2.7.4", "Faraday", "2.7.4"),
        ("Slackbot 1.0 (+https://api.slack.com/robots)", "Slackbot", "1.0"),
        ("Digg Feed Fetcher 1.0 (Mozilla/5.0)", "Digg Feed Fetcher", "1.0"),
        ("Feedbin - 1 subscribers", "Feedbin", None),
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


# User agents as these clients send them.
@pytest.mark.parametrize(
    ("agent", "sdk", "version"),
    [
        ("Stripe/v1 PythonBindings/5.4.0", "stripe-python", "5.4.0"),
        ("Stripe/v1 .NetBindings/39.1.2", "stripe-net", "39.1.2"),
        ("OpenAI/Python 1.3.5", "openai-python", "1.3.5"),
        ("AsyncOpenAI/Python 1.30.1", "openai-python", "1.30.1"),
        ("OpenAI/JS 4.20.0", "openai-node", "4.20.0"),
        ("OpenAI/NodeJS/3.2.1", "openai-node", "3.2.1"),
        ("Anthropic/Python 0.25.1", "anthropic-python", "0.25.1"),
        ("speakeasy-sdk/python 1.2.3 2.300.1 1.0.0 acme-client", "acme-client", "1.2.3"),
        ("OpenAPI-Generator/1.0.0/python", "openapi-generator-python", "1.0.0"),
        ("Swagger-Codegen/1.0.0/java", "swagger-codegen-java", "1.0.0"),
        (
            "HashiCorp Terraform/1.5.7 Terraform Plugin SDK/2.10.1 terraform-provider-datadog/3.30.0",
            "terraform-provider-datadog",
            "3.30.0",
        ),
        ("HashiCorp Terraform/1.5.7 (+https://www.terraform.io)", "Terraform", "1.5.7"),
        ("APN/1.0 HashiCorp/1.0 Terraform/1.5.0 (+https://www.terraform.io)", "Terraform", "1.5.0"),
        ("EasyPost/v2 PythonClient/7.6.0 Python/3.9", "easypost-python", "7.6.0"),
        ("Plaid Python v9.3.0", "plaid-python", "9.3.0"),
        ("Octokit Ruby Gem 4.22.0", "octokit-ruby", "4.22.0"),
        ("sendgrid/6.9.7;python", "sendgrid-python", "6.9.7"),
        ("gl-python/3.9.1 grpc/1.51 gax/2.11 gapic/3.4.1 gccl/2.7.0", "google-cloud-python", "3.4.1"),
        ("google-cloud-sdk x_Tw5K gcloud/420.0.0 command/gcloud.x", "gcloud", "420.0.0"),
        ("[aws-cli/2.11 Python/3.11]", "aws-cli", "2.11"),
        (
            "Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.19041.1682",
            "PowerShell",
            "5.1.19041.1682",
        ),
        ("Mozilla/5.0 (Windows NT 10.0; Microsoft Windows 10.0.19045; en-US) PowerShell/7.3.4", "PowerShell", "7.3.4"),
        ("LWP::Simple/6.00 libwww-perl/6.05", "libwww-perl", "6.05"),
        ("Go 1.1 package http", "Go-http-client", "1.1"),
        ("IntelliJ HTTP Client/IntelliJ IDEA 2023.1.2", "IntelliJ HTTP Client", "2023.1.2"),
        ("node-fetch/1.0 (+https://github.com/bitinn/node-fetch)", "node-fetch", None),
        ("GitHub-Hookshot/044aadd", "GitHub-Hookshot", None),
        ("Amazon CloudFront", "Amazon CloudFront", None),
        ("Amazon Simple Notification Service Agent", "Amazon SNS", None),
        ("Symfony HttpClient/Curl", "Symfony HttpClient", None),
        ("Thunder Client (https://www.thunderclient.com)", "Thunder Client", None),
        ("ktor-client", "Ktor client", None),
        ("PyGithub/Python", "PyGithub", None),
        ("SAP NetWeaver Application Server (1.0;750)", "SAP NetWeaver", None),
        ("Opera/9.80 (X11; Linux x86_64) Presto/2.12.388 Version/12.16", "Opera", "12.16"),
        ("Python/3.9 aiohttp/3.8.1", "aiohttp", "3.8.1"),
        ("Python/3.8.2 slackclient/2.9.3 Linux/5.4", "slackclient", "2.9.3"),
        ("Python/3.8.2 Linux/5.4", "python", "3.8.2"),
    ],
)
def test_known_clients(agent: str, sdk: str, version: str | None) -> None:
    made = CLIENT.apply(pl.DataFrame({"user_agent": [agent]}), CONTEXT)

    assert made.select("sdk", "sdk_version").row(0) == (sdk, version)


def test_every_known_client_is_met_in_the_table_above() -> None:
    [marks] = [mark.args[1] for mark in test_known_clients.pytestmark]  # type: ignore[attr-defined]
    missing = [name for name, pattern in KNOWN if not any(re.match(pattern, agent) for agent, *_ in marks)]

    assert missing == []


def test_clients_of_ones_own_come_first_and_are_found_anywhere() -> None:
    rule = SdkRule("acme-ios", r"AcmeApp/(?P<version>[0-9.]+) .*iOS")
    context = Context(Settings(sdks=(rule, SdkRule("curl for us", "^curl/"))), b"key")
    agents = ["Shell/1 AcmeApp/3.1 (iOS 17)", "curl/8.1", "okhttp/4.9", None]

    made = CLIENT.apply(pl.DataFrame({"user_agent": agents}), context)

    assert made.select("sdk", "sdk_version").rows() == [
        ("acme-ios", "3.1"),
        ("curl for us", None),
        ("okhttp", "4.9"),
        (None, None),
    ]


SILK = "Mozilla/5.0 (Linux; U; en-us; KFAPWI) AppleWebKit/535.19 (KHTML, like Gecko) Silk/3.13 Safari/535.19"


@pytest.mark.parametrize(("installed", "silk"), [(True, ("Amazon Silk", "3.13")), (False, (None, None))])
def test_ua_parser_names_the_browsers_that_are_left(
    monkeypatch: pytest.MonkeyPatch, installed: bool, silk: tuple[str | None, str | None]
) -> None:
    monkeypatch.setattr(browsers, "_installed", lambda: installed)

    made = CLIENT.apply(pl.DataFrame({"user_agent": [SILK, CHROME, "Mozilla/5.0", None, "acme/dev"]}), CONTEXT)

    assert made.select("sdk", "sdk_version").rows() == [
        silk,
        ("Chrome", "123.0.0.0"),
        (None, None),
        (None, None),
        ("acme", None),
    ]


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
