"""What of a message leaves the machine."""

from __future__ import annotations

import json

from apilens.alerts.alert import Message
from apilens.alerts.document import document
from apilens.alerts.egress import leaving, swap
from apilens.channel_settings import Egress
from tests.alerts.messages import alert, message

KEY = b"k" * 32


def sent(told: Message, **egress: str) -> Message:
    return leaving(told, Egress(**egress), names={"a1": "Initech Inc"}, key=lambda: KEY)  # type: ignore[arg-type]


def test_an_account_goes_out_as_its_id_unless_settings_say_otherwise() -> None:
    told = message(alert("a1", description="a1 has 515 requests"))

    assert sent(told) == told


def test_an_account_can_go_out_by_its_name() -> None:
    (named,) = sent(message(alert("a1", description="a1's tokens")), account="name").alerts

    assert named.group == {"account": "Initech Inc"}
    assert named.description == "Initech Inc's tokens"
    assert named.command == "apilens report --account a1"


def test_a_hashed_account_is_nowhere_in_what_is_sent() -> None:
    told = message(
        alert(
            "acme corp", description="acme corp: 515, see acme corp.", labels={"of": "acme corp"},
            links={"Kibana": "https://kibana.example/?q=acme%20corp"}, condition="requests >= 100",
            command="apilens report --account 'acme corp'",
        ),
        notes=("acme corp is new",),
    )  # fmt: skip

    hashed = sent(told, account="hash")

    assert "acme" not in json.dumps(document(hashed))
    assert hashed.alerts[0].description.startswith("a_")
    assert hashed.alerts[0].group == sent(told, account="hash").alerts[0].group


def test_addresses_and_paths_stay_distinct_though_they_are_not_sent() -> None:
    told = message(
        *(alert(group={"client_ip": f"203.0.113.{n}", "path": f"/users/{n}/orders"}) for n in (1, 2)),
    )

    first, second = sent(told).alerts

    assert str(first.group["client_ip"]).startswith("ip_")
    assert str(first.group["path"]).startswith("/users/{id}/orders p_")
    assert first.key != second.key
    assert "203.0.113" not in json.dumps(document(sent(told)))
    assert sent(told, client_ip="keep", path="keep") == told


def test_unattributed_traffic_stays_so() -> None:
    assert sent(message(alert(None)), account="hash").alerts[0].group == {"account": None}


def test_whole_words_are_swapped_and_parts_of_words_are_not() -> None:
    assert swap("ab (a) a_b a-b a", {"a": "X"}) == "ab (X) a_b X-b X"
