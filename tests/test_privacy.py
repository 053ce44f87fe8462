"""None of the secrets that logs carry is found in the store, its log, the rejects or any output."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from apilens.store import Store

JWT = ".".join(
    base64.urlsafe_b64encode(text).decode().rstrip("=")
    for text in (b'{"alg":"HS256"}', b'{"sub":"canary-jwt-subject-771"}', b"canary-signature-0123456789")
)
# The shapes that secrets have. Made up, but with the prefixes and lengths of real ones.
SHAPES = {
    "jwt": JWT,
    "stripe": "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "stripe_test": "rk_test_" + "9aB39HqLyjWDarjtT1zdp7de",
    "github": "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a",
    "github_pat": "github_pat_" + "11ABCDEFG0123456789_abcdefghijklmnopqrstuv",
    "gitlab": "glpat-" + "Xy12Zw34Ab56Cd78Ef90",
    "slack": "xoxb-" + "123456789012-1234567890123-AbCdEfGhIjKlMnOp",
    "aws": "AKIA" + "IOSFODNN7EXAMPLQ",
    "google": "AIza" + "SyD-9tSrke72PouQMnMX-a7eZSW0jkFMBWY",
    "sendgrid": "SG." + "ngeVfQFYQlKU0ufo8x5d1A.TwL2iGABf9DHoTf09kqeF8tAmbihYzrnopKc1s5cr",
    "openai": "sk-" + "proj-T3BlbkFJabcdefghijklmnopqrstuvwxyzABCD",
    "npm": "npm_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789",
    "email": "canary.person@example.com",
    "card": "4111111111111111",
}
NAMED = {
    "access_token": "canaryvalue01", "api_key": "canaryvalue02", "password": "canaryvalue03", "secret": "canaryvalue04",
    "session_id": "canaryvalue05", "X-Amz-Signature": "canaryvalue06", "%70assword": "canaryvalue07",
    "client_secret": "canaryvalue08", "apiKey": "canaryvalue09", "APIKEY": "canaryvalue10", "auth": "canaryvalue11",
    "code": "canaryvalue12", "jwt": "canaryvalue13", "sig": "canaryvalue14",
}  # fmt: skip
LINE = '10.0.0.{n} - acme [20/Nov/2026:10:00:{n:02} +0000] "GET {target} HTTP/1.1" 200 5 "{referrer}" "{agent}"'


def access_lines() -> list[str]:
    targets = [(f"/reset/{value}", "-", "curl/8") for value in SHAPES.values()]
    targets += [(f"/a?x=1&{name}={value}", "-", "curl/8") for name, value in NAMED.items()]
    targets += [
        ("/a", f"https://user:canaryuserinfo@h.example/p/{value}?token={value}", "curl/8") for value in SHAPES.values()
    ]
    targets += [("/a", f"https://h.example/p?{name}={value}", "curl/8") for name, value in NAMED.items()]
    targets += [("/a", "-", f"tool/1.0 (Bearer {value})") for value in SHAPES.values()]
    lines = [LINE.format(n=n % 60, target=t, referrer=r, agent=a) for n, (t, r, a) in enumerate(targets)]
    lines += [
        f"unreadable {name}={value} and {shape}"
        for (name, value), shape in zip(NAMED.items(), SHAPES.values(), strict=True)
    ]
    return lines


def moesif_events() -> list[str]:
    return [
        json.dumps(
            {
                "request": {
                    "time": f"2026-11-20T10:00:{number:02}.000",
                    "verb": "POST",
                    "uri": f"https://api.example.com/v1/things/{value}?key={value}",
                    "ip_address": "10.0.0.1",
                    "headers": {"Authorization": f"Bearer {value}", "X-Api-Key": value, "User-Agent": f"x/1 {value}"},
                    "body": {"password": value, "note": value},
                },
                "response": {
                    "time": f"2026-11-20T10:00:{number:02}.100",
                    "status": 401,
                    "body": {"error": {"code": value}},
                },
                "company_id": "acme",
                "user_id": value,
                "session_token": value,
                "transaction_id": value,
            }
        )
        for number, value in enumerate(SHAPES.values())
    ]


CONFIG = """\
api_key: [{header: x-api-key}]
columns:
  note: {from: request.body.note}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "access.log").write_text("\n".join(access_lines()) + "\n")
    (tmp_path / "events.jsonl").write_text("\n".join(moesif_events()) + "\n")
    (tmp_path / "apilens.yaml").write_text(CONFIG)
    return tmp_path


def output_of(folder: Path, *arguments: str, code: int = 0) -> str:
    environment = {"APILENS_NOW": "2026-11-23T12:00:00Z", "APILENS_HASH_KEY": "test", "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-m", "apilens", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


def leaks(text: str) -> list[str]:
    named = {f"{name}=": value for name, value in NAMED.items()}
    secrets = {**SHAPES, **named, "userinfo": "canaryuserinfo", "claim": "canary-jwt-subject-771"}
    encoded = {name: base64.b64encode(value.encode()).decode().rstrip("=")[:-2] for name, value in secrets.items()}
    # The middle of a secret is as bad as all of it.
    return [
        name
        for name, value in secrets.items()
        if value in text or value.replace("@", "%40") in text or encoded[name] in text or value[4:-2] in text
    ]


def test_no_secret_is_found_in_the_store(folder: Path) -> None:
    planted = leaks("\n".join(access_lines() + moesif_events()))
    assert set(planted) >= {*SHAPES, *(f"{name}=" for name in NAMED), "userinfo"}
    output = output_of(folder, "ingest", "access.log", "events.jsonl", "--store", "store")

    files = [file for file in (folder / "store").rglob("*") if file.is_file()]
    raw = b"".join(file.read_bytes() for file in files).decode("latin-1")
    decoded = "".join(str(pl.read_parquet(file).rows()) for file in files if file.suffix == ".parquet")
    assert leaks(output) == leaks(raw) == leaks(decoded) == []
    assert "[R:" in decoded and Store.open(folder / "store").total("rejected") == len(NAMED)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


@pytest.mark.parametrize(
    "arguments",
    [
        ("report", "access.log", "--by", "path,user_agent", "--limit", "all"),
        ("report", "events.jsonl", "--by", "account,user,api_key,session,path,note", "--limit", "all"),
        ("ingest", "--dry-run", "access.log", "events.jsonl", "--store", "none"),
        ("convert", "access.log", "events.jsonl", "-o", "out.csv"),
        ("convert", "access.log", "events.jsonl", "-o", "out.jsonl"),
    ],
    ids=lambda arguments: " ".join(arguments[:2]),
)
def test_no_secret_is_found_in_any_output(folder: Path, arguments: tuple[str, ...]) -> None:
    output = output_of(folder, *arguments)

    written = "".join(file.read_text() for file in folder.glob("out.*"))
    assert leaks(output + written) == []


RULES = """\
log_format: '$remote_addr [$time_local] "$request" $status "$http_authorization" "$http_x_key" $request_id'
api_key: [{header: x-key}]
user: [{basic: true}]
account:
  - {column: target, regex: '[?&]key=(?P<account>[^&]+)'}
  - {header: x-key, regex: '^whole-(?P<account>.*)'}
  - api_key: keys.csv
  - api_key: hashes.csv
  - join: {files: [auth.log], regex: 'rid=(?P<request_id>[a-z0-9]+) token=(?P<account>[^ ]+)'}
  - basic: true
  - client_ip: true
"""
PLANTED = ("canary-in-table", "canary-unknown", "canary-password", "canary-basic-key", "canary-joined", "canary-query",
           "canary-whole", "canary-sha256")  # fmt: skip


def identity_lines() -> list[str]:
    def basic(pair: str) -> str:
        return "Basic " + base64.b64encode(pair.encode()).decode()

    line = '10.0.0.{n} [20/Nov/2026:10:00:0{n} +0000] "GET {target} HTTP/1.1" 200 "{authorization}" "{key}" r{n}'
    found = [
        ("/a", "-", "canary-in-table"), ("/a", "-", "canary-unknown"), ("/a", basic("ann:canary-password"), "-"),
        ("/a", basic("canary-basic-key:"), "-"), ("/a", "-", "-"), ("/a?key=canary-query", "-", "-"),
        ("/a", "-", "whole-canary-whole"), ("/a", "-", "canary-sha256"),
    ]  # fmt: skip
    return [line.format(n=n, target=t, authorization=a, key=k) for n, (t, a, k) in enumerate(found)]


def test_no_secret_that_the_identity_rules_touch_is_found_anywhere(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("\n".join(identity_lines()) + "\n")
    (tmp_path / "apilens.yaml").write_text(RULES)
    (tmp_path / "keys.csv").write_text("account,key\nacme,canary-in-table\n")
    digest = hashlib.sha256(b"canary-sha256").hexdigest()
    (tmp_path / "hashes.csv").write_text(f"account,key_sha256\nglobex,{digest}\n")
    (tmp_path / "auth.log").write_text("rid=r4 token=canary-joined ok\n")

    output = output_of(tmp_path, "ingest", "a.log", "--store", "store")
    output += output_of(tmp_path, "report", "--store", "store", "--by", "account,user,api_key,account_source,path")
    output += output_of(tmp_path, "attribution", "a.log", "-f", "json")
    output += output_of(tmp_path, "convert", "a.log", "-o", "out.jsonl") + (tmp_path / "out.jsonl").read_text()
    (tmp_path / "keys.csv").write_text("account,key\n,canary-in-table\nx,canary-in-table\ny,canary-unknown,z\n")
    output += output_of(tmp_path, "report", "a.log", code=2)
    output += output_of(tmp_path, "key-id", "canary-in-table", code=2)

    files = [file for file in (tmp_path / "store").rglob("*") if file.is_file()]
    decoded = "".join(str(pl.read_parquet(file).rows()) for file in files if file.suffix == ".parquet")
    everything = output + decoded + b"".join(file.read_bytes() for file in files).decode("latin-1")
    hidden = [*PLANTED, digest, *(base64.b64encode(text.encode()).decode()[4:-4] for text in PLANTED)]
    assert [text for text in hidden if text in everything] == []
    accounts = pl.read_ndjson(tmp_path / "out.jsonl")["account"].to_list()
    assert accounts[0] == "acme" and accounts[7] == "globex" and accounts[1] == "(unknown key)"
    # No two secrets became one account.
    assert len(set(accounts)) == len(accounts)
