"""apilens init proposes what is true: the file loads, and ingest finds with it what was promised."""

from __future__ import annotations

import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from apilens.account_candidates import account_variables, is_account_name
from apilens.account_search import REMOTE_USER
from apilens.cli import init as command
from apilens.config import CustomFormat, IdentityRule, ReadOptions, load
from apilens.nginx_conf import AccessLog, read_nginx
from apilens.nginx_formats import nginx_formats
from apilens.pipeline import Pipeline
from apilens.proposal import Proposal, propose
from apilens.settings_text import settings_text

NOW = datetime(2027, 1, 1, tzinfo=UTC)
SAMPLES = Path(__file__).parent.parent / "sample_logs"
COMBINED = '192.0.2.1 - - [20/Nov/2026:10:00:00 +0000] "{} HTTP/1.1" 200 5 "-" "curl/8"'
JSON = '{{"time":"2026-11-20T10:00:00Z","method":"GET","uri":"/v1/a","status":200,{}}}'


def written(folder: Path, lines: list[str], name: str = "a.log") -> str:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def rules_found(path: str) -> tuple[IdentityRule, ...]:
    return propose([path], now=NOW).search.rules


def ingested(proposal: Proposal, folder: Path, *, text: str | None = None) -> Counter[str | None]:
    """Return account_source → requests, with the settings that the proposal writes."""
    file = folder / "apilens.yaml"
    file.write_text(text or settings_text(proposal))
    pipeline = Pipeline(load(file), ReadOptions(), key=b"k", now=NOW)
    found: Counter[str | None] = Counter()
    for log, block in pipeline.blocks(proposal.inputs, final=True):
        found.update(pipeline.parse(log, block).sources())
    return found


@pytest.mark.parametrize(
    "name",
    ["combined.log", "iis.log", "cloudfront.log", "aws_alb.log", "moesif.jsonl", "kong.jsonl", "gitlab.jsonl",
     "aws_api_gateway.jsonl", "tyk.jsonl", "nginx.jsonl", "otlp.jsonl", "caddy.jsonl"],
)  # fmt: skip
def test_ingest_finds_what_was_promised(name: str, tmp_path: Path) -> None:
    proposal = propose([str(SAMPLES / name)], now=NOW)

    sources = ingested(proposal, tmp_path)

    assert proposal.search.requests == sources.total() > 0
    assert proposal.search.found == sources.total() - sources[None]


def with_comments_in_force(text: str) -> str:
    return re.sub(r"(?m)^#(?=\S|  )", "", text)


def test_every_setting_that_is_commented_out_is_one(tmp_path: Path) -> None:
    for number, inputs in enumerate(
        [["combined.log"], ["aws_alb.log"], ["kong.jsonl"], ["moesif.jsonl", "nginx.jsonl"]]
    ):
        text = settings_text(propose([str(SAMPLES / name) for name in inputs], now=NOW))
        file = tmp_path / f"{number}.yaml"
        file.write_text(with_comments_in_force(text))

        assert load(file).client_ip == "truncate"


def test_a_header_that_names_the_account_is_found_and_its_values_are_not_written(tmp_path: Path) -> None:
    accounts = [f"acme{at % 3}" if at % 10 else "-" for at in range(100)]
    path = written(tmp_path, [JSON.format(f'"http_x_account_id":"{account}"') for account in accounts])

    proposal = propose([path], now=NOW)

    assert proposal.search.rules == (IdentityRule(header="x-account-id"),)
    assert [(hit.requests, hit.accounts) for hit in proposal.search.chain] == [(90, 3)]
    assert ingested(proposal, tmp_path) == {"header:x-account-id": 90, None: 10}
    assert "acme" not in (tmp_path / "apilens.yaml").read_text()


@pytest.mark.parametrize(
    "field",
    ['"org_id":"all"', '"customer_ref":"{at}"', '"request_body":{{"account_ref":"a{few}"}}', '"plan":"a{few}"'],
    ids=["one for all", "a new one each time", "asked for, not who asked", "another thing"],
)
def test_what_may_be_chance_or_something_else_is_not_proposed(field: str, tmp_path: Path) -> None:
    path = written(tmp_path, [JSON.format(field.format(at=at, few=at % 3)) for at in range(100)])

    assert rules_found(path) == ()


@pytest.mark.parametrize(
    ("target", "rule"),
    [
        ("GET /v1/tenants/t{}/x", IdentityRule(path="/v1/tenants/{account}/*")),
        ("GET /v1/9/tenants/t{}/x", IdentityRule(path="/v1/*/tenants/{account}/*")),
        ("GET /v1/x?a=1&tenant=t{}", IdentityRule(query="tenant")),
        ("GET /v1/x?api_key=t{}", IdentityRule(query="api_key")),
    ],
)
def test_places_in_the_target_are_found_where_most_requests_have_them(
    target: str, rule: IdentityRule, tmp_path: Path
) -> None:
    most = [COMBINED.format(target.format(at % 4) if at % 10 else "GET /healthz") for at in range(100)]
    few = [COMBINED.format("GET /v1/other" if at % 10 else target.format(at % 4)) for at in range(100)]

    assert rules_found(written(tmp_path, most)) == (rule,)
    assert rules_found(written(tmp_path, few)) == ()


def test_a_remote_user_needs_no_rule(tmp_path: Path) -> None:
    lines = [COMBINED.format("GET /a").replace("- -", f"- u{at % 3}", 1) for at in range(60)]

    proposal = propose([written(tmp_path, lines)], now=NOW)

    assert proposal.search.rules == ()
    assert [(hit.rule, hit.requests) for hit in proposal.search.chain] == [(REMOTE_USER, 60)]
    assert "account:" not in re.findall(r"(?m)^\w+:", settings_text(proposal))


def test_what_is_advised_for_a_log_without_accounts_works(tmp_path: Path) -> None:
    line = COMBINED.format("GET /a")
    text = settings_text(propose([written(tmp_path, [line])], now=NOW))
    later = written(tmp_path, [f'{line} 0.012 "acme"', f'{line} 0.5 "-"'], "later.log")
    plain = Proposal((later,), (), propose([later], now=NOW).search)

    # No description is there to be read.
    in_force = with_comments_in_force(text.replace("#openapi", "# openapi"))
    assert ingested(plain, tmp_path, text=in_force) == {"header:x-account-id": 1, None: 1}


CONF = """
nginx: configuration file /etc/nginx/nginx.conf test is successful
# log_format commented '$x';
http {
  log_format main '$remote_addr [$time_local] "$request" $status'
                  ' "$http_x_tenant_id"'; # the end;
  log_format short '$remote_addr [$time_local] "$request" $status';
  log_format bad '$remote_addr';
  log_format unused "$status";
  log_format js escape=json '{"at":"$time_iso8601","m":"$request_method","u":"$request_uri","code":$status,'
    '"ctx":{"who":"$http_x_org"}}';
  server { access_log A/api.log main buffer=32k; access_log off; access_log A/js.log js if=$loggable; }
  server { access_log A/short.log short; access_log "A/$host.log"; access_log syslog:server=[::1]:514 bad; }
  access_log A/bad.log bad;
}
"""


def test_the_access_logs_of_nginx_are_read_with_their_formats(tmp_path: Path) -> None:
    conf = read_nginx(CONF.replace("A/", f"{tmp_path}/"))
    formats, unread = nginx_formats(conf)
    line = '192.0.2.1 [20/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200'
    js = '{"at":"2026-11-20T10:00:00+00:00","m":"GET","u":"/a","code":200,"ctx":{"who":"o%d"}}'
    inputs = [
        written(tmp_path, [f'{line} "t{at % 3}"' for at in range(60)], "api.log"),
        written(tmp_path, [line] * 40, "short.log"),
        written(tmp_path, [js % (at % 3) for at in range(60)], "js.log"),
    ]

    proposal = propose(inputs, formats=formats, now=NOW)

    assert conf.logs[-3:] == (
        AccessLog(f"{tmp_path}/short.log", "short"),
        AccessLog(f"{tmp_path}/*.log", "combined"),
        AccessLog(f"{tmp_path}/bad.log", "bad"),
    )
    assert [name for name, _ in formats] == ["main", "js", "short"]
    assert [name for name, _ in unread] == ["bad"]
    assert [log.hits for log in proposal.logs] == [60, 40, 60]
    assert ingested(proposal, tmp_path) == {"header:x-tenant-id": 60, "format": 60, None: 40}


def test_names_in_a_log_format_are_proposed_where_no_log_is_there(tmp_path: Path) -> None:
    formats = [("main", CustomFormat(log_format='account $time_iso8601 "$request" $status $http_x_org $tenant'))]

    proposal = propose([], formats=formats, now=NOW)

    assert proposal.guesses == (IdentityRule(header="x-org"), IdentityRule(field="tenant"))
    assert account_variables("account $account_plan ${customer_id}") == ["customer_id"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("tenantId", True), ("http_x_customer_id", True), ("ORG_ID", True), ("client_id", True), ("x-org", True),
     ("client", False), ("client_ip", False), ("account_plan", False), ("organize", False), ("", False)],
)  # fmt: skip
def test_names_of_accounts(name: str, expected: bool) -> None:
    assert is_account_name(name) is expected


def test_without_files_the_usual_places_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(command, "USUAL", (f"{tmp_path}/none.log*", f"{tmp_path}/access.log*"))
    with pytest.raises(Exception, match="none in the usual places"):
        CliRunner().invoke(command.init, [], catch_exceptions=False)
    written(tmp_path, [COMBINED.format("GET /a")], "access.log.1")

    done = CliRunner().invoke(command.init, [], catch_exceptions=False)

    assert f"apilens ingest {tmp_path}/access.log*" in done.stderr
    assert load(tmp_path / "apilens.yaml").store == str(tmp_path / ".apilens")
