"""Each check of the doctor, on stores made by hand: when it is well, and when it is not."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from apilens.channel_settings import ChannelSettings, Heartbeat
from apilens.config import Settings
from apilens.doctor import CHECKS, examine
from apilens.doctor.base import Finding, Patient
from apilens.doctor.store import room
from apilens.errors import ConfigError
from apilens.identity_rule import IdentityRule
from apilens.schema import conform
from apilens.shaping import shape_of
from apilens.source_settings import SourceSettings
from apilens.store import Counts, Store, hash_key, writing
from apilens.store.data_files import by_day

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ENVIRON = {"APILENS_HASH_KEY": "doctor"}


def patient(
    place: Path, *, config: Path | None = None, now: datetime = NOON, environ: dict[str, str] = ENVIRON,
    settings: Settings = Settings(),  # noqa: B008 - it is frozen
) -> Patient:  # fmt: skip
    return Patient(config, None, place, environ, now, settings)


def stored(
    place: Path, accounts: list[str | None], *, rejected: int = 0, at: datetime = NOON, **columns: list[object]
) -> Path:
    rows = len(accounts)
    frame = pl.DataFrame(
        {
            "timestamp": [at] * rows, "started_at": [at] * rows, "day": [at.date()] * rows, "account": accounts,
            "source": ["a.log"] * rows, "line": range(rows), "item": [0] * rows, "weight": [1] * rows,
            "format": ["combined"] * rows, "direction": ["incoming"] * rows, **columns,
        },
        schema_overrides={"account": pl.String},
    )  # fmt: skip
    with writing(place, key=hash_key(ENVIRON), shape=shape_of(Settings())) as writer:
        counts = Counts(read=rows + rejected, stored=rows, rejected=rejected)
        files = writer.write([by_day(conform(frame))])
        writer.commit(files, [], counts=counts, rejects=pl.DataFrame(), info={})
    return place


def found(name: str, who: Patient) -> Finding:
    return CHECKS[name](who)


def test_all_is_well_with_a_good_store(tmp_path: Path) -> None:
    result = examine(patient(stored(tmp_path / "store", ["acme"] * 3)))

    rows = result.tables[0].rows
    assert rows["check"].to_list() == list(CHECKS)
    assert rows.filter(~pl.col("check").is_in(["disk"]))["state"].unique().to_list() == ["ok"]


def test_without_a_store_the_other_checks_go_on(tmp_path: Path) -> None:
    rows = examine(patient(tmp_path / "none")).tables[0].rows

    assert rows.filter(pl.col("state") == "fail").filter(pl.col("check") != "disk")["check"].to_list() == ["store"]


@pytest.mark.parametrize(("damage", "says"), [("cut", "bytes on disk"), ("gone", "No such file")])
def test_a_file_that_is_cut_or_gone_is_told(tmp_path: Path, damage: str, says: str) -> None:
    place = stored(tmp_path / "store", ["acme"])
    [file] = map(Path, Store.open(place).files())
    if damage == "cut":
        file.write_bytes(file.read_bytes()[:-9])
    else:
        file.unlink()

    finding = found("store", patient(place))

    assert finding.state == "fail" and says in finding.what
    assert examine(patient(place)).tables[0].rows.height == len(CHECKS)


@pytest.mark.parametrize(("mode", "state"), [(0o700, "ok"), (0o750, "ok"), (0o755, "warn"), (0o777, "fail")])
def test_who_else_can_read_and_write(tmp_path: Path, mode: int, state: str) -> None:
    place = stored(tmp_path / "store", ["acme"])
    place.chmod(mode)

    assert found("permissions", patient(place)).state == state


@pytest.mark.parametrize(("free", "state"), [(10**10, "ok"), (10**9, "warn"), (10**7, "fail")])
def test_room_on_the_disk(free: int, state: str) -> None:
    assert room(free).state == state


def test_another_hash_key_or_none_fails_and_none_is_made(tmp_path: Path) -> None:
    place = stored(tmp_path / "store", ["acme"])
    home = tmp_path / "home"

    assert found("hash_key", patient(place, environ={"APILENS_HASH_KEY": "other"})).state == "fail"
    assert found("hash_key", patient(place, environ={"XDG_CONFIG_HOME": str(home)})).state == "fail"
    assert not home.exists()


@pytest.mark.parametrize(("hours", "state"), [(1, "ok"), (3, "warn")])
def test_how_old_the_newest_event_is(tmp_path: Path, hours: int, state: str) -> None:
    who = patient(stored(tmp_path / "store", ["acme"]), now=NOON + timedelta(hours=hours))

    assert found("freshness", who).state == state


def test_what_a_source_takes_to_arrive_is_not_held_against_it(tmp_path: Path) -> None:
    edge, app = SourceSettings("/edge/*.gz"), SourceSettings("/app/*.log")
    place = stored(
        tmp_path / "store", ["a", "a"], timestamp=[NOON - timedelta(minutes=150), NOON - timedelta(minutes=5)],
        source=["/edge/1.gz", "/app/1.log"], format=["cloudfront", "combined"],
    )  # fmt: skip

    def freshness(now: datetime, **sources: SourceSettings) -> Finding:
        return found("freshness", patient(place, now=now, settings=Settings(sources=sources)))

    assert freshness(NOON, edge=edge, app=app) == Finding("ok", "the newest event is 5 min old")
    late = freshness(NOON + timedelta(hours=1), edge=edge, app=app)
    assert (late.state, late.what) == ("warn", "edge: the newest event is 3 h old, 60 min of that as usual")
    assert freshness(NOON + timedelta(hours=1), edge=SourceSettings("/edge/*.gz", settle="2h")).state == "ok"
    assert freshness(NOON, app=app, other=SourceSettings("/none/*.log")).what == "other: no events"
    # Without names, a log that was read once is not missed.
    assert freshness(NOON + timedelta(hours=1)).state == "ok"
    assert freshness(NOON + timedelta(hours=3)).state == "warn"


def test_days_that_were_read_with_older_settings(tmp_path: Path) -> None:
    place = stored(tmp_path / "store", ["acme"])
    newer = Settings(account=(IdentityRule(path=1),))

    assert found("up_to_date", patient(place)).state == "ok"
    assert found("up_to_date", patient(place, settings=newer)) == Finding(
        "warn", "1 of 1 days was read with an older account rule", "`apilens store rebuild`"
    )


def layered(place: Path, ids: dict[str, list[str | None]], **columns: list[object]) -> Path:
    """Make a store in which the logs of `ids` have these request ids."""
    pairs = [(source, id) for source, each in ids.items() for id in each]
    given = {"source": [source for source, _ in pairs], "request_id": [id for _, id in pairs], **columns}
    return stored(place, [None] * len(pairs), **given)


def test_two_layers_that_logged_the_same_requests_are_named_and_counted(tmp_path: Path) -> None:
    ids = {"/edge/a.log": ["1", "2", "3"], "/edge/a.log.1": ["4"], "/app/b.log": ["2", "3", "4", "4"], "/c.log": ["9"]}

    finding = found("layers", patient(layered(tmp_path / "store", ids)))

    assert (finding.state, finding.what) == (
        "warn",
        "on 2026-11-20 /app/b.log (combined) and /edge/a.log (combined) logged the same requests: "
        "3 have the same request_id, so they count twice",
    )
    assert "pick one" in finding.advice


def test_layers_have_the_names_of_their_sources_and_services(tmp_path: Path) -> None:
    place = layered(
        tmp_path / "store", {"/edge/a.log": ["1"], "/edge/b.log": ["1"]}, service=["api", None],
        trace_id=["t", "t"],
    )  # fmt: skip
    settings = Settings(sources={"edge": SourceSettings("/edge/*.log")})

    what = found("layers", patient(place, settings=settings)).what

    assert "edge (api, combined) and edge (combined) logged the same requests: 1 have the same " in what


@pytest.mark.parametrize(
    ("ids", "columns"),
    [
        ({"/a.log": ["1", "2"], "/a.log.1": ["1"], "/a.log-20261119.gz": ["2"]}, {}),
        ({"/node1/a.log": ["1"], "/node2/a.log": ["1"]}, {}),
        ({"/a.log": [None, "1"], "/b.log": [None, "2"]}, {}),
        # What the one asks of the other within.
        ({"/a.log": ["1"], "/b.log": ["1"]}, {"direction": ["incoming", "internal"]}),
        # A caller that has one id for everything.
        ({"/a.log": [str(n) for n in range(200)], "/b.log": [str(n) for n in range(199, 400)]}, {}),
    ],
)
def test_what_are_no_layers(tmp_path: Path, ids: dict[str, list[str | None]], columns: dict[str, list[object]]) -> None:
    finding = found("layers", patient(layered(tmp_path / "store", ids, **columns)))

    assert finding == Finding("ok", "no ids in two layers on 2026-11-20")


def test_of_many_events_some_ids_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [str(number) for number in range(400)]
    place = layered(tmp_path / "store", {"/a.log": list(ids), "/b.log": list(ids)})
    monkeypatch.setattr("apilens.doctor.layers._ROWS", 200)

    shared = re.search(r"(\d+) have the same request_id \(of one in 5 ", found("layers", patient(place)).what)

    assert shared and 40 < int(shared[1]) < 120


@pytest.mark.parametrize(("minutes", "state"), [(4, "ok"), (6, "warn")])
def test_events_from_the_future(tmp_path: Path, minutes: int, state: str) -> None:
    who = patient(stored(tmp_path / "store", ["acme"], at=NOON + timedelta(minutes=minutes)))

    assert found("clock", who).state == state


@pytest.mark.parametrize(("rejected", "state"), [(0, "ok"), (1, "warn"), (4, "fail")])
def test_rejected_lines(tmp_path: Path, rejected: int, state: str) -> None:
    finding = found("hit_rate", patient(stored(tmp_path / "store", ["acme"] * 4, rejected=rejected)))

    assert (finding.state, finding.what) == (state, f"{rejected} of {4 + rejected} lines were rejected")


@pytest.mark.parametrize(
    ("accounts", "state"), [(["a", "a"], "ok"), (["a", None], "ok"), (["a", None, None], "warn"), ([None], "warn")]
)
def test_attributed_share(tmp_path: Path, accounts: list[str | None], state: str) -> None:
    assert found("attribution", patient(stored(tmp_path / "store", accounts))).state == state


@pytest.mark.parametrize(
    "line",
    [
        "hook: https://hooks.slack.com/services/T0/B0/abc", "key: sk_live_0123456789ab", "- AKIAABCDEFGHIJKLMNOP",
        "# old: 0123456789abcdef0123456789abcdef", "t: ghp_0123456789012345678901234567890123",
    ],
)  # fmt: skip
def test_a_secret_is_named_by_its_line_and_not_repeated(tmp_path: Path, line: str) -> None:
    file = tmp_path / "apilens.yaml"
    file.write_text(f"tz: UTC\n{line}\n")

    finding = found("secrets", patient(tmp_path, config=file))

    assert finding.state == "warn" and finding.what == f"{file}:2: looks like a secret"


def test_settings_without_secrets_are_well(tmp_path: Path) -> None:
    file = tmp_path / "apilens.yaml"
    file.write_text("api_key:\n  - header: x-api-key\nhook: ${SLACK_WEBHOOK_URL}\naccount:\n  - api_key: keys.csv\n")

    assert found("secrets", patient(tmp_path, config=file)).state == "ok"


def test_a_mistake_in_the_settings_fails(tmp_path: Path) -> None:
    who = Patient(tmp_path / "a.yaml", ConfigError("a.yaml:1: no\na.yaml:2: nor this"), tmp_path, ENVIRON, NOON)

    assert found("config", who) == Finding(
        "fail", "a.yaml:1: no (and 1 more)", "`apilens config show` names every mistake"
    )


def channels_of(tmp_path: Path, **channels: ChannelSettings) -> Patient:
    return patient(
        tmp_path, settings=Settings(channels=channels), environ={"SLACK_URL": "https://x.example", "EMPTY": ""}
    )


def test_channels_that_have_all_they_need_are_well(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k")
    (tmp_path / "key").chmod(0o600)

    well = channels_of(
        tmp_path,
        chat=ChannelSettings(type="slack", url_env="SLACK_URL"),
        same=ChannelSettings(type="slack", url="${SLACK_URL}"),
        pager=ChannelSettings(type="pagerduty", key_file=str(tmp_path / "key")),
        log=ChannelSettings(type="file", path=str(tmp_path / "told.jsonl")),
    )

    assert found("channels", well) == Finding("ok", "chat, same, pager, log: all that is needed is there")
    assert found("channels", patient(tmp_path)).what == "no channels: nobody is told of alerts"


def test_what_a_channel_lacks_is_named_without_its_secret(tmp_path: Path) -> None:
    (tmp_path / "open").write_text("k3y")
    (tmp_path / "open").chmod(0o644)

    lacking = channels_of(
        tmp_path,
        chat=ChannelSettings(type="slack", url_env="NONE"),
        empty=ChannelSettings(type="slack", url="${EMPTY}"),
        pager=ChannelSettings(type="pagerduty", key_file=str(tmp_path / "gone")),
        other=ChannelSettings(type="pagerduty", key_file=str(tmp_path / "open")),
        log=ChannelSettings(type="file", path="/nowhere/told.jsonl"),
        hook=ChannelSettings(type="webhook", url_env="SLACK_URL", template="/nowhere/x.j2"),
    )

    said = found("channels", lacking)
    assert said.state == "warn"
    assert said.what.split("; ") == [
        "chat: $NONE is not set", "empty: $EMPTY is not set", f"pager: {tmp_path}/gone: No such file or directory",
        f"other: {tmp_path}/open can be read by everybody: chmod 600", "log: /nowhere: no such folder",
        "hook: /nowhere/x.j2 cannot be read",
    ]  # fmt: skip
    assert said.advice.startswith("mend it where `apilens check` runs, too")


def test_the_heartbeat_is_a_channel_too(tmp_path: Path) -> None:
    def says(name: str) -> str:
        return found("channels", patient(tmp_path, settings=Settings(heartbeat_url=Heartbeat(env=name)))).what

    assert says("NONE") == "heartbeat_url: $NONE is not set"
    assert says("APILENS_HASH_KEY") == "heartbeat_url: all that is needed is there"
