from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from apilens.alerts.kinds.condition import ConditionRule, When
from apilens.alerts.rules import channel_problems, load_rules, parse_rules
from apilens.config import ColumnRule, Settings
from apilens.errors import ConfigError

GOOD = b"""
rules:
  - name: expired-tokens
    where: status = 401
    by: [account]
    window: 1h
    when: requests >= 100
    severity: critical
    notify: [slack]
    description: "{account}: {value} refused since {since}"
  - name: slow
    window: 15m
    when: {warning: p95_ms > 400, critical: p95_ms > 4000}
"""


def mistakes(text: bytes) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_rules(text, "r.yaml", Settings())
    return caught.value.message.split("\n")


def test_a_rule_is_what_the_file_says() -> None:
    rules = parse_rules(GOOD, "r.yaml", Settings())

    assert rules.rules[0] == ConditionRule(
        name="expired-tokens", where="status = 401", by=("account",), window="1h", when="requests >= 100",
        severity="critical", notify=("slack",), description="{account}: {value} refused since {since}",
    )  # fmt: skip
    assert isinstance(rules.rules[1], ConditionRule)
    assert rules.rules[1].when == When(warning="p95_ms > 400", critical="p95_ms > 4000")
    assert list(rules.rules[1].conditions()) == ["critical", "warning"]
    assert rules.lines == {"expired-tokens": 3, "slow": 11}


def test_all_mistakes_come_at_once_each_with_its_place_and_the_nearest_name() -> None:
    found = mistakes(b"""
rules:
  - name: a
    where: stauts = 401
    windw: 1h
    when: eror_rate > 0.1
    severity: critcal
    description: "{acount}"
    by: [acount]
  - name: a
    kind: condtion
  - name: bad name
    window: 0s
    when: requests > 1
    repeat: soon
  - window: 1h
    when: 5
""")

    assert found == [
        "r.yaml:3:5: rules[0]: `window` is missing: window: 1h",
        "r.yaml:4:5: rules[0].where: unknown column `stauts` (did you mean `status`?)",
        "r.yaml:5:5: rules[0].windw: unknown key (did you mean `window`?)",
        "r.yaml:6:5: rules[0].when: unknown metric `eror_rate` (did you mean `error_rate`?)",
        "r.yaml:7:15: rules[0].severity: expected one of warning, critical, got the text 'critcal' "
        "(did you mean `critical`?)",
        "r.yaml:9:5: rules[0].by: unknown dimension `acount` (did you mean `account`?)",
        "r.yaml:11:11: rules[1].kind: unknown kind `condtion` (did you mean `condition`?)",
        "r.yaml:12:5: rules[2].name: 'bad name' cannot name a rule: letters, digits, `_`, `.` and `-`, at most 63",
        "r.yaml:13:5: rules[2].window: is no time at all",
        "r.yaml:15:5: rules[2].repeat: `soon` is no duration (write 90m, 24h, 7d, 2w or 1h30m)",
        "r.yaml:16:5: rules[3]: `name` is missing",
        "r.yaml:17:11: rules[3].when: expected text, got the number 5 (put it in quotes to make it text)",
    ]


def test_names_are_unique_and_descriptions_name_what_the_rule_has() -> None:
    [again, unknown] = mistakes(b"""
rules:
  - {name: a, window: 1h, when: requests > 1}
  - {name: a, window: 1h, when: requests > 1, description: "{requets}"}
""")

    assert again == "r.yaml:4:6: rules[1].name: `a` is the name of an earlier rule"
    assert "unknown name `requets` (did you mean `requests`?)" in unknown


def test_columns_of_apilens_yaml_may_be_named() -> None:
    text = b"rules: [{name: a, window: 1h, by: [plan], when: sum(tokens) > 5}]"
    columns = {"tokens": ColumnRule(from_="x", type="int"), "plan": ColumnRule(from_="y")}

    assert parse_rules(text, "r.yaml", Settings(columns=columns)).rules[0].by == ("plan",)


def test_a_channel_nobody_set_up_is_named() -> None:
    rules = parse_rules(GOOD, "r.yaml", Settings())

    assert list(channel_problems(rules, ["slack"])) == []
    assert list(channel_problems(rules, ["slak"])) == [
        "r.yaml:3:1: expired-tokens: unknown channel `slack` (did you mean `slak`?)"
    ]


# faults.md 79–84: what a rules file in a stranger's pull request may hold.
RULE = b"rules:\n  - {name: a, window: 1h, when: requests > 1}\n"
BAD = {
    "billion laughs": b"a: &a [x,x]\nb: &b [*a,*a]\nrules: *b\n",
    "merge bomb": b"a: &a {x: 1}\nrules:\n  - <<: *a\n",
    "cycle": b"rules: &a\n  - *a\n",
    "tag": b"rules: !!python/object/apply:os.system ['true']\n",
    "local tag": b"rules:\n  - !x {name: a}\n",
    "brackets": b"rules: " + b"[" * 10_000,
    "deep": b"rules:\n" + b"".join(b" " * depth + b"- \n" for depth in range(1, 200)),
    "huge": RULE + b"#" * (1 << 20),
    "tab": b"rules:\n\t- name: a\n",
    "unclosed": b"rules: [{name: a\n",
    "two documents": RULE + b"---\n" + RULE,
    "NUL": b"rules:\n  - name: a\0b\n",
    "no UTF-8": b"rules:\n  - name: \xff\n",
    "UTF-16": RULE.decode().encode("utf-16"),
    "raw ESC": b"rules:\n  - name: \x1b[31m\n",
    "doubled key": b"rules:\n  - {name: a, name: b, window: 1h, when: requests > 1}\n",
    "no becomes text": b"rules:\n  - {name: a, window: 1h, when: requests > 1, enabled: NO}\n",
    "sexagesimal": b"rules:\n  - {name: 1:30, window: 1h, when: requests > 1}\n",
    "octal": b"rules:\n  - {name: a, window: 010, when: requests > 1}\n",
    "many digits": b"rules:\n  - {name: a, window: 1h, when: requests > " + b"9" * 5_000 + b"}\n",
    "no such day": b"rules:\n  - {name: a, window: 2026-02-30, when: requests > 1}\n",
    "look-around": b"rules:\n  - {name: a, window: 1h, where: \"path ~ '(?=a)'\", when: requests > 1}\n",
    "subquery": b"rules:\n  - {name: a, window: 1h, where: \"1 = (SELECT 1 FROM read_csv('/etc/passwd'))\", "
    b"when: requests > 1}\n",
    "nested condition": b"rules:\n  - {name: a, window: 1h, when: \"" + b"(" * 3_000 + b"\"}\n",
    "long condition": b"rules:\n  - {name: a, window: 1h, when: '" + b"requests > 1 OR " * 3_000 + b"errors > 1'}\n",
    "rules are no list": b"rules: {a: 1}\n",
    "text": b"just text\n",
    "empty": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_gives_clear_messages_with_their_place_at_once(name: str) -> None:
    began = time.process_time()
    found = mistakes(BAD[name])

    assert time.process_time() - began < 1
    assert len(found) == 1
    assert found[0].startswith("r.yaml:")
    assert all(part.isdecimal() for part in found[0].split(":")[1:3])
    assert found[0].isprintable()


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read .*none.yaml: No such file"):
        load_rules(tmp_path / "none.yaml", Settings())


AUDITED = """
import os, sys
from apilens.alerts.rules import parse_rules
from apilens.config import Settings
from apilens.errors import ConfigError
CORPUS = [
    "status = 401", "1 = (SELECT 1 FROM read_csv('/etc/passwd'))", "read_text('/etc/passwd') = 'x'",
    "getenv('HOME') = 'x'", "path = (TABLE events)", "load_extension('x') = 1", "status IN (SELECT 1)",
    "COPY events TO '/tmp/x'", "a; DROP TABLE x", "system('true') = 0", "requests > 1",
    "count(read_blob('/etc/passwd')) > 1", "rate(status = 500) > 0.1", "sum('/etc/passwd') > 1",
    "http_get('http://x') = 'y'", "env('HOME') = 'x'", "path LIKE '%' ESCAPE '!'", "CAST(path AS JSON) = 'x'",
    "EXISTS (SELECT 1)", "version('1') < version(path)", "cohort('/etc/passwd')", "x'00' = path",
    "$HOME = 'x'", "{path} = 1",
]
def run():
    for where in CORPUS:
        for when in CORPUS:
            text = f"rules: [{{name: a, by: [account], window: 1h, where: \\"{where}\\", when: \\"{when}\\"}}]"
            try:
                parse_rules(text.encode(), "r.yaml", Settings())
            except ConfigError:
                pass
run()  # what is imported late is imported now
seen = []
def hook(event, args):
    if event.split(".")[0] in ("open", "socket", "subprocess", "os", "ctypes", "shutil", "urllib"):
        seen.append((event, str(args)[:100]))
class Closed(dict):
    def get(self, name, default=None):
        if not name.startswith("POLARS_"):  # Polars' own switches
            seen.append(("environ", name))
        return default
    __contains__ = get
    def __getitem__(self, name): self.get(name); raise KeyError(name)
os.environ = Closed()
sys.addaudithook(hook)
run()
assert not seen, seen[:5]
print("touched nothing")
"""


def test_conditions_touch_neither_files_nor_network_nor_environment() -> None:
    done = subprocess.run([sys.executable, "-c", AUDITED], capture_output=True, text=True)

    assert done.stdout == "touched nothing\n", done.stderr
