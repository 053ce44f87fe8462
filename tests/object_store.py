"""An S3 on loopback, with a new bucket for each test."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import count
from threading import Lock, Thread
from typing import Any

import boto3
import pytest
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

KEYS = {
    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}  # fmt: skip
_numbers = count()


@cache
def _client(address: str) -> Any:
    """Return boto3's client, which takes a while to make."""
    return boto3.client(
        "s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


class Bucket:
    """A bucket, and the environment in which commands find it."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.url = f"s3://{name}"
        self.environment: Mapping[str, str] = {**KEYS, "AWS_ENDPOINT_URL": address}
        self.client = _client(address)
        self.client.create_bucket(Bucket=name)

    def put(self, key: str, data: bytes) -> str:
        """Put an object; return its URL."""
        self.client.put_object(Bucket=self.name, Key=key, Body=data)
        return f"{self.url}/{key}"

    def keys(self) -> list[str]:
        """Return the names of all objects."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]


@contextmanager
def serving() -> Iterator[str]:
    """Serve an S3 on loopback; give its address."""
    application, one_at_a_time = DomainDispatcherApplication(create_backend_app), Lock()

    def answered(environ: Any, start: Any) -> Any:
        # Moto looks whether an object is there and then puts it: S3 does both in one, and so it has to be here.
        with one_at_a_time:
            return application(environ, start)

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = make_server("127.0.0.1", 0, answered, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    with serving() as address:
        yield address


@pytest.fixture
def bucket(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    made = Bucket(f"bucket-{next(_numbers)}", s3_address)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made
