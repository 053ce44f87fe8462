"""Channels in apilens.yaml: every mistake with its line, and never a secret in what is said of it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from apilens.channel_settings import CHANNELS, Egress, Heartbeat
from apilens.cli.config import config
from apilens.config import Settings, load
from apilens.errors import ConfigError

SECRET = "https://hooks.slack.com/services/T000/B000/hush"

GOOD = """
channels:
  slack-oncall: {type: slack, url_env: SLACK_URL, egress: {account: hash}}
  pager: {type: pagerduty, key_file: secrets/pager}
  hook:
    type: webhook
    url: ${HOOK_URL}
    secret_env: HOOK_SECRET
    template: hook.json.j2
    timeout: 5s
    allow_private: true
  mail: {type: email, host: smtp.example.com, from: apilens@example.com, to: [oncall@example.com]}
routes:
  - {severity: critical, to: [pager, slack-oncall]}
  - {rule: auth-*, labels: {team: api}, to: [mail]}
heartbeat_url: ${HEARTBEAT_URL}
"""

BAD = f"""
channels:
  literal: {{type: slack, url: {SECRET}}}
  swapped: {{type: slack, url_env: {SECRET}}}
  filed: {{type: slack, url_file: {SECRET}}}
  misspelt: {{type: slak, url_env: A}}
  bare: {{type: pagerduty}}
  twice: {{type: slack, url_env: A, url_file: b}}
  odd: {{type: stdout, path: x}}
  injected: {{type: file, path: "a\\r\\nX-Evil: 1"}}
  slow: {{type: stdout, timeout: 2h}}
  mail: {{type: email, host: "a b", from: nobody, to: [a@b.example], user: me, tls: none, port: 70000}}
  "un named": {{type: stdout}}
  plain: {SECRET}
routes:
  - {{to: [literl]}}
  - {{severity: worst, to: []}}
heartbeat_url: {SECRET}
"""

EXPECTED = """\
3: channels.literal.url: a secret does not stand in settings: write `url_env: NAME`; change it if it was shared
4: channels.swapped.url_env: is the name of an environment variable, such as URL, not its value
5: channels.filed.url_file: is the name of a file that holds it
6: channels.misspelt.type: is none of slack, pagerduty, webhook, email, file, stdout, apprise (did you mean `slack`?)
7: channels.bare.key: needs `key_env: NAME` or `key_file: FILE`
8: channels.twice.url_file: goes without `url_env`: give one of them
9: channels.odd.path: means nothing to `type: stdout` (known: allow_private, egress, timeout, type)
10: channels.injected.path: holds a line break or another control character
11: channels.slow.timeout: `2h`: from 1s to 60s
12: channels.mail.from: is no address such as oncall@example.com
12: channels.mail.host: is the name of a mail server, such as smtp.example.com; its port stands under `port`
12: channels.mail.port: is a number from 1 to 65535
12: channels.mail.user: goes with a password, and a password with `user`
13: channels.un named: a channel is named with letters, digits, `_`, `-` and `.`
14: channels.plain: expected names with values, as in `name: value`, got the text 'https://…'
16: routes[0].to: no channel `literl` (did you mean `literal`?)
17: routes[1].severity: expected one of warning, critical, got the text 'worst'
17: routes[1].to: names no channel
18: heartbeat_url: a secret does not stand in settings: write `heartbeat_url: {env: NAME}`; change it if it was shared
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "apilens.yaml"
    path.write_text(text)
    return path


def test_channels_routes_and_heartbeat_are_read(tmp_path: Path) -> None:
    settings = load(written(tmp_path, GOOD))

    assert settings.channels["slack-oncall"].egress == Egress(account="hash")
    assert settings.channels["pager"].key_file == str(tmp_path / "secrets/pager")
    assert settings.channels["hook"].template == str(tmp_path / "hook.json.j2")
    assert settings.channels["hook"].timeout_s == 5
    assert settings.routes[0].to == ("pager", "slack-oncall")
    assert settings.heartbeat_url == Heartbeat(env="HEARTBEAT_URL")


def test_every_mistake_is_said_at_once_and_no_secret(tmp_path: Path) -> None:
    path = written(tmp_path, BAD)

    with pytest.raises(ConfigError) as found:
        load(path)

    assert found.value.message.replace(f"{path}:", "") + "\n" == EXPECTED
    assert "hush" not in found.value.message


def test_config_show_says_where_secrets_are_and_not_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_URL", SECRET)

    shown = CliRunner().invoke(config, ["show", "--config", str(written(tmp_path, GOOD))])

    assert '"url_env":"SLACK_URL"' in shown.output
    assert "hush" not in shown.output


def test_the_table_names_settings_that_there_are() -> None:
    known = {field.encode_name for field in msgspec.structs.fields(type(_any_channel()))}

    for name, channel in CHANNELS.items():
        assert {*channel.needs, *channel.takes} <= known, name
        assert channel.help


def _any_channel() -> msgspec.Struct:
    settings = msgspec.convert({"channels": {"a": {"type": "stdout"}}}, Settings)
    return settings.channels["a"]
