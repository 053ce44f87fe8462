"""E-mail by SMTP: plain text, to the addresses of the settings."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import format_datetime

from apilens.alerts import words
from apilens.alerts.alert import Message
from apilens.alerts.outlet import Outlet
from apilens.errors import DeliveryError

_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_SUBJECT = 200


def payload(message: Message, outlet: Outlet) -> str:
    """Return the mail with its headers."""
    mail = _mail(message, outlet)
    headers = "".join(f"{name}: {value}\n" for name, value in mail.items())
    return f"{headers}\n{mail.get_content()}"


def send(message: Message, outlet: Outlet) -> None:
    """Hand the mail to the server."""
    settings = outlet.settings
    host, port = str(settings.host), settings.port or _PORTS[settings.tls]
    context = ssl.create_default_context()
    try:
        if settings.tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=settings.timeout_s, context=context)
        else:
            server = smtplib.SMTP(host, port, timeout=settings.timeout_s)
        with server:
            if settings.tls == "starttls":
                server.starttls(context=context)
            if settings.user and "password" in outlet.secrets:
                server.login(settings.user, outlet.secrets["password"])
            refused = server.send_message(_mail(message, outlet))
    # What a server says may repeat what it was told.
    except smtplib.SMTPException as error:
        code = getattr(error, "smtp_code", "")
        raise DeliveryError(f"{host}: {_WORDS.get(type(error), 'the server refuses')} {code}".rstrip()) from None
    except ssl.SSLCertVerificationError:
        raise DeliveryError(f"{host}: its certificate is not to be trusted") from None
    except OSError as error:
        raise DeliveryError(f"{host}: {error.strerror or 'no answer in time'}") from None
    for address in refused:
        outlet.say(f"channel {outlet.name}: {host} takes no mail for {address}")


_WORDS: dict[type, str] = {
    smtplib.SMTPAuthenticationError: "user or password is wrong",
    smtplib.SMTPRecipientsRefused: "takes no mail for any of the addresses",
    smtplib.SMTPNotSupportedError: "has no STARTTLS, or knows no login",
    smtplib.SMTPServerDisconnected: "the connection broke",
    smtplib.SMTPConnectError: "does not greet",
}


def _mail(message: Message, outlet: Outlet) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = str(outlet.settings.from_)
    mail["To"] = ", ".join(outlet.settings.to)
    # A title is one line, control characters shown as escapes: no header can begin in it.
    mail["Subject"] = words.short(words.title(message), _SUBJECT)
    mail["Date"] = format_datetime(message.at)
    # The same for every attempt, so that mail programs show one mail.
    mail["Message-ID"] = f"<{words.ascii_id(message)}@apilens.invalid>"
    mail["Auto-Submitted"] = "auto-generated"
    body = [words.title(message), "", *words.lines(message), "", *words.more(message)]
    mail.set_content("\n".join(body).rstrip("\n") + "\n")
    return mail
