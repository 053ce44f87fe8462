"""apilens.yaml: found, read without surprises, and every mistake named with its line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apilens.config import ColumnRule, CustomFormat, IdentityRule, Settings, find, load, resolve
from apilens.errors import ConfigError
from apilens.identity_rule import PLACES
from apilens.store_settings import StoreSettings


def written(folder: Path, text: str | bytes) -> Path:
    path = folder / "apilens.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def mistakes(folder: Path, text: str | bytes) -> list[str]:
    """Return the mistakes in a text as `LINE: what`."""
    path = written(folder, text)
    with pytest.raises(ConfigError) as caught:
        load(path)
    return [line.removeprefix(f"{path}:") for line in caught.value.message.splitlines()]


def test_every_key_is_read(tmp_path: Path) -> None:
    text = """
    store: data/store
    tz: Europe/Berlin
    source_tz: UTC
    log_format: '$remote_addr "$request" $status'
    formats:
      gateway: {fields: {timestamp: ts, status: code}, time_is: end}
    account:
      - header: X-Account
      - {jwt: org_id, from: x-token}
      - path: /tenants/{account}/*
      - path: 2
      - remote_user: true
      - api_key: keys.csv
      - join: {files: [../app.log*], regex: '(?P<request_id>r[0-9]+) (?P<account>[a-z]+)'}
      - {column: host, regex: '^(?P<account>[a-z]+)'}
      - ip: /etc/networks.csv
    accounts: data/accounts.csv
    show: [name, plan]
    errors: {when: status >= 500, except: ["status_class = '4xx'", "account.plan = 'free'"]}
    error_paths: {code: [fault.id], field: ['fault.on[0]']}
    allow_email: true
    client_ip: truncate
    trusted_proxies: [10.0.0.0/8, "2001:db8::/32"]
    query_values: [page]
    redact:
      names: [licence]
      shapes: ['acme-[0-9]+']
      allow: [page_token]
    columns:
      input_tokens: {from: response.body.usage.prompt_tokens, type: int}
    defaults: {since: 7d}
    user:
    """
    found = load(written(tmp_path, text))

    assert found.store == str(tmp_path / "data/store")
    assert found.account[1] == IdentityRule(jwt="org_id", from_="x-token")
    assert found.account[3].path == 2
    assert found.account[5].api_key == str(tmp_path / "keys.csv")
    assert found.account[6].join and found.account[6].join.files == (str(tmp_path / "../app.log*"),)
    assert (found.account[8].ip, found.accounts) == ("/etc/networks.csv", str(tmp_path / "data/accounts.csv"))
    assert found.errors.condition == (
        "(status >= 500) AND NOT ((status_class = '4xx') IS TRUE) AND NOT ((account.plan = 'free') IS TRUE)"
    )
    assert found.error_paths.field == ("fault.on[0]",)
    assert found.formats == {"gateway": CustomFormat(fields={"timestamp": "ts", "status": "code"}, time_is="end")}
    assert found.columns == {"input_tokens": ColumnRule("response.body.usage.prompt_tokens", "int")}
    assert found.trusted_proxies == ("10.0.0.0/8", "2001:db8::/32")
    assert found.redact.allow == ("page_token",)
    assert found.user == ()


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "store:\n"])
def test_an_empty_file_gives_the_defaults(tmp_path: Path, text: str) -> None:
    assert load(written(tmp_path, text)) == Settings()


def test_values_are_not_silently_converted(tmp_path: Path) -> None:
    found = load(written(tmp_path, "query_values: [NO, 1:30, 010, on, 1e3, 0x1f, 2026-02-30, .5, +1]\n"))

    assert found.query_values == ("NO", "1:30", "010", "on", "1e3", "0x1f", "2026-02-30", ".5", "+1")


def test_all_mistakes_come_at_once_with_their_lines(tmp_path: Path) -> None:
    text = "\n".join(
        [
            "store: 5",
            "acount: []",
            "tz: Mars/Phobos",
            "allow_email: NO",
            "client_ip: trunc",
            "account:",
            "  - {header: a, query: b}",
            "columns:",
            "  x: {form: b}",
            "trusted_proxies:",
            "  - nonsense",
            "redact:",
            "  shapes:",
            "    - (",
            "    - (?=a)",
            "query_values: {}",
        ]
    )

    assert mistakes(tmp_path, text) == [
        "1: store: expected text, got the number 5 (put it in quotes to make it text)",
        "2: acount: unknown key (did you mean `account`?)",
        "3: tz: unknown time zone `Mars/Phobos`",
        "4: allow_email: expected true or false, got the text 'NO'",
        "5: client_ip: expected one of keep, truncate, hash, drop, got the text 'trunc' (did you mean `truncate`?)",
        f"7: account[0]: needs exactly one of {', '.join(PLACES)}, has header and query",
        "9: columns.x.form: unknown key (did you mean `from`?)",
        "9: columns.x: `from` is missing",
        "11: trusted_proxies[0]: 'nonsense' is no address or network such as 10.0.0.0/8",
        "14: redact.shapes[0]: '(' is no regular expression: unclosed group",
        "15: redact.shapes[1]: '(?=a)' is no regular expression: look-around, including look-ahead and look-behind, "
        "is not supported",
        "16: query_values: expected a list, as in `[a, b]`, got names with values",
    ]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("sdks: [{name: a$b, agent: a}]", "1: sdks[0]: `name`"),
        ("sdks:\n  - {name: a, agent: '['}", "2: sdks[0]: `agent`"),
        ("sdks: [{name: a, agent: 'a/(?P<v>[0-9]+)'}]", "1: sdks[0]: `agent` has one group"),
        ("a: &x 1\nstore: *x\n", "1: aliases and anchors are not allowed: write the value out"),
        ("store: !!python/object/apply:os.system [id]\n", "1: tags are not allowed"),
        ("tz: UTC\nstore: !!str 5\n", "2: tags are not allowed"),
        ("store: a\ntz: UTC\nstore: b\n", "3: `store` is given twice"),
        ("store: a\n---\nstore: b\n", "2: a second document begins"),
        ("store: a\n\ttz: b\n", "2: "),
        ("redact: {names: [a\n", "2: "),
        ("? [a]\n: b\n", "1: a key must be a word"),
        ("a\n", "1: expected names with values"),
        (b"store: a\ntz: \x00\n", "2: holds the control character \\x00"),
        (b"store: a\n# \x1b[31m\n", "2: holds the control character \\x1b"),
        (b"store: a\ntz: \xff\n", "2: is no UTF-8 (byte 0xff)"),
        ("store: a\n".encode("utf-16"), "1: is UTF-16"),
        ("#" * (1 << 20) + "\n", "1: is larger than 1 MiB"),
        ("store: " + "[" * 10_000, "1: more than 100 brackets are open"),
        ("store: " + "[" * 60 + "]" * 60, "1: nested deeper than 50 levels"),
        ("\n".join(" " * depth + "a:" for depth in range(60)), "51: nested deeper than 50 levels"),
        ("store: ''\n", "1: store: is empty"),
        ("defaults: {since: soon}\n", "1: defaults.since: `soon` is no duration"),
        ("formats:\n  x: {}\n", "2: formats.x: needs either `log_format` or `fields`"),
        ("formats:\n  x:\n    log_format: a\n    csv: true\n", "4: formats.x.csv: goes with `fields` only"),
        (
            "formats:\n  x:\n    fields: {status: s}\n    csv: tab\n",
            "4: formats.x.csv: 'tab' is no separator: true, or one character such as `;`",
        ),
        ("formats:\n  x: {log_format: a, fields: {a: b}}\n", "2: formats.x: needs either `log_format` or `fields`"),
        ("account:\n  - path: /a/b\n", "2: account[0]: a path begins with `/`"),
        ("account:\n  - path: 0\n", "2: account[0]: segments of a path count from 1"),
        ("account:\n  - {header: a, from: b}\n", "2: account[0]: `from` goes with `jwt` only"),
        ("account:\n  - remote_user: false\n", "2: account[0]: `remote_user` can only be true"),
        ("account: [{}]\n", "1: account[0]: needs exactly one of"),
        ("columns:\n  status: {from: a}\n", "2: columns.status: every event has a column of that name"),
        ("columns:\n  A-b: {from: a}\n", "2: columns.A-b: a column is named in lower case"),
        ("redact: {shapes: ['a*']}\n", "1: redact.shapes[0]: 'a*' matches the empty text"),
        ("store: " + "9" * 5000, ""),
    ],
)
def test_a_mistake_names_its_line(tmp_path: Path, text: str | bytes, mistake: str) -> None:
    if not mistake:
        # Too long for a number, so it is text; Python's int() would raise for it.
        assert load(written(tmp_path, text)).store is not None
        return
    assert mistakes(tmp_path, text)[0].startswith(mistake)


def test_a_file_that_cannot_be_read_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "absent.yaml")
    with pytest.raises(ConfigError, match="directory"):
        load(tmp_path)


def test_an_absolute_store_stays_and_so_does_one_on_s3(tmp_path: Path) -> None:
    assert load(written(tmp_path, "store: /srv/store\n")).store == "/srv/store"
    assert load(written(tmp_path, "store: s3://bucket/store\n")).store == "s3://bucket/store"
    with pytest.raises(ConfigError, match=r"apilens.yaml:1: store: gs://b/x: a store is a folder, or s3://bucket/"):
        load(written(tmp_path, "store: gs://b/x\n"))


def test_the_file_is_searched_upward_to_the_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    inner = tmp_path / "repo/a/b"
    inner.mkdir(parents=True)
    outside = written(tmp_path, "tz: UTC\n")

    assert find(inner) == outside
    (tmp_path / "repo/.git").mkdir()
    assert find(inner) is None
    inside = written(tmp_path / "repo", "tz: UTC\n")
    assert find(inner) == inside


def test_the_search_ends_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    (home / "logs").mkdir(parents=True)
    written(tmp_path, "tz: UTC\n")

    monkeypatch.setenv("HOME", str(home))
    assert find(home / "logs") is None


def test_the_flag_wins_over_the_environment_over_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    assert resolve(None, {}) == (Settings(), None)

    written(tmp_path, "store: folder\n")
    (tmp_path / "env.yaml").write_text("store: env\n")
    (tmp_path / "flag.yaml").write_text("store: flag\n")
    env = {"APILENS_CONFIG": "env.yaml"}
    names = [Path(resolve(*given)[0].store or "").name for given in ((None, {}), (None, env), (Path("flag.yaml"), env))]
    assert names == ["folder", "env", "flag"]


def test_importing_config_loads_neither_polars_nor_yaml() -> None:
    code = "import sys, apilens.config; print(sorted({'polars', 'yaml', 'deltalake'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@given(st.one_of(st.binary(max_size=80), st.text(alphabet="abc:-[]{}&*!|>'\"\n \t#?,", max_size=60).map(str.encode)))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_are_settings_or_a_config_error(tmp_path: Path, data: bytes) -> None:
    path = written(tmp_path, data)

    try:
        assert isinstance(load(path), Settings)
    except ConfigError as error:
        assert error.message.startswith(f"{path}:")


def test_the_store_is_a_folder_or_a_folder_and_a_group(tmp_path: Path) -> None:
    short = load(written(tmp_path, "store: data\n"))
    long = load(written(tmp_path, "store: {path: data, group: adm}\n"))
    alone = load(written(tmp_path, "store: {group: adm}\n"))

    assert short.store == str(tmp_path / "data")
    assert short.place == StoreSettings(str(tmp_path / "data"))
    assert long.place == StoreSettings(str(tmp_path / "data"), "adm")
    assert alone.place == StoreSettings(None, "adm")


def test_ages_are_whole_days(tmp_path: Path) -> None:
    found = load(written(tmp_path, "age_out: {client_ip: 7d, rows: 52w}\n"))
    assert found.age_out.days() == {"client_ip": 7, "rows": 364}

    text = "store: {grup: a}\nage_out:\n  client_ip: 36h\n  path: soon\n  rows: 0d\n"
    assert mistakes(tmp_path, text) == [
        "1: store.grup: unknown key (did you mean `group`?)",
        "3: age_out.client_ip: `36h` is no number of whole days: write 7d or 4w",
        "4: age_out.path: `soon` is no duration",
        "5: age_out.rows: `0d` is no number of whole days: write 7d or 4w",
    ]
    assert mistakes(tmp_path, "store: {path: ''}\n") == ["1: store.path: is empty"]
    assert mistakes(tmp_path, "store: [a]\n") == ["1: store: expected text, got a list"]
