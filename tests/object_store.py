"""An S3 on loopback, with a new bucket for each test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count

import boto3
import pytest
from moto.server import ThreadedMotoServer

KEYS = {
    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}  # fmt: skip
_numbers = count()


class Bucket:
    """A bucket, and the environment in which commands find it."""

    def __init__(self, name: str, address: str) -> None:
        self.name = name
        self.url = f"s3://{name}"
        self.environment: Mapping[str, str] = {**KEYS, "AWS_ENDPOINT_URL": address}
        self.client = boto3.client(
            "s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
        )
        self.client.create_bucket(Bucket=name)

    def put(self, key: str, data: bytes) -> str:
        """Put an object; return its URL."""
        self.client.put_object(Bucket=self.name, Key=key, Body=data)
        return f"{self.url}/{key}"

    def keys(self) -> list[str]:
        """Return the names of all objects."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]


@pytest.fixture(scope="session")
def s3_address() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_address: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    made = Bucket(f"bucket-{next(_numbers)}", s3_address)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made
