"""Whatever Apprise can send to (Discord, Telegram, Matrix, SMS …), by its URL. Needs the extra `notify`.

Apprise makes its connections itself: `allow_private` and `timeout` mean nothing to it.
"""

from __future__ import annotations

from apilens.alerts import words
from apilens.alerts.alert import Message
from apilens.alerts.outlet import Outlet
from apilens.errors import DeliveryError

_KINDS = {"firing": "failure", "repeat": "failure", "resolved": "success", "no_data": "warning"}


def payload(message: Message, outlet: Outlet) -> str:
    """Return title and text."""
    return f"{words.title(message)}\n\n{_body(message)}"


def send(message: Message, outlet: Outlet) -> None:
    """Let Apprise send it."""
    try:
        import apprise
    except ImportError:
        raise DeliveryError("needs Apprise", hint="pip install 'apilens-cli[notify]'") from None
    target = apprise.Apprise()
    if not target.add(outlet.secrets["url"]):
        raise DeliveryError("Apprise knows no such URL")
    if not target.notify(
        title=words.title(message), body=_body(message), notify_type=_KINDS[message.reason],
        body_format=apprise.NotifyFormat.TEXT,
    ):  # fmt: skip
        raise DeliveryError("Apprise could not send it")


def _body(message: Message) -> str:
    return "\n".join([*words.lines(message), *words.more(message)])
