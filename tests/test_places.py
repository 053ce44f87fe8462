"""How Polars and delta-rs are told to get at a store on S3, from what AWS's own tools read."""

from __future__ import annotations

from pathlib import Path

import pytest

from apilens.places import cloud
from apilens.s3_path import S3Path

_SET = (
    "AWS_ACCESS_KEY_ID",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
)


@pytest.fixture(autouse=True)
def nothing_is_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in _SET:
        monkeypatch.delenv(f"AWS_{name}", raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


def test_files_on_disk_take_nothing() -> None:
    assert cloud("/srv/a.parquet") is cloud(Path("a")) is cloud([]) is cloud(["a", "b"]) is None


def test_an_endpoint_is_handed_on_with_any_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://minio.example")
    secure = {"aws_endpoint_url": "https://minio.example", "aws_allow_http": "false", "aws_region": "us-east-1"}

    assert cloud("s3://b/a") == cloud(["s3://b/a", "s3://b/c"]) == cloud(S3Path("b", "a")) == secure
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9000")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    plain = {"aws_endpoint_url": "http://127.0.0.1:9000", "aws_allow_http": "true", "aws_region": "eu-central-1"}
    assert cloud("s3://b/a") == plain


def test_at_amazon_the_region_is_that_of_the_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setattr("apilens.s3.region_of", {"b": "eu-west-1"}.__getitem__)

    assert cloud("s3://b/a") == {"aws_region": "eu-west-1"}


def test_keys_of_a_profile_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://minio.example")
    (tmp_path / "credentials").write_text(
        "[default]\naws_access_key_id = one\naws_secret_access_key = s1\n"
        "[other]\naws_access_key_id = two\naws_secret_access_key = s%2\naws_session_token = t\n[sso]\n"
    )

    def keys() -> list[str | None]:
        options = cloud("s3://b/a") or {}
        return [options.get(f"aws_{name}") for name in ("access_key_id", "secret_access_key", "session_token")]

    assert keys() == ["one", "s1", None]
    monkeypatch.setenv("AWS_PROFILE", "other")
    assert keys() == ["two", "s%2", "t"]
    # A profile that signs in some other way has none, and what is given outright comes first.
    monkeypatch.setenv("AWS_PROFILE", "sso")
    assert keys() == [None, None, None]
    monkeypatch.setenv("AWS_PROFILE", "other")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "given")
    assert keys() == [None, None, None]
