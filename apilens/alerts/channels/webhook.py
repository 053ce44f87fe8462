"""A webhook: the message as JSON, or as a template makes it, signed so that its receiver knows where it comes from."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

from apilens.alerts.alert import Message
from apilens.alerts.document import document
from apilens.alerts.outlet import Outlet
from apilens.alerts.words import ascii_id
from apilens.errors import DeliveryError
from apilens.render.json import dumps

_MOST_BYTES = 1 << 20


def payload(message: Message, outlet: Outlet) -> str:
    """Return the JSON that is posted."""
    if outlet.settings.template is None:
        return dumps(document(message), indent=2)
    return _rendered(message, outlet.settings.template)


def send(message: Message, outlet: Outlet) -> None:
    """Post it, with the message's id, and its signature where there is a secret."""
    body = payload(message, outlet).encode("utf-8", "replace")
    headers = {"Content-Type": "application/json", "User-Agent": "apilens", "X-Apilens-Message": ascii_id(message)}
    if secret := outlet.secrets.get("secret"):
        headers["X-Apilens-Signature"] = signature(body, secret, int(outlet.client.now_s()))
    outlet.client.request(outlet.secrets["url"], body, headers)


def signature(body: bytes, secret: str, at_s: int) -> str:
    """Return `t=SECONDS,v1=HEX`: the HMAC-SHA256 of `SECONDS.BODY`, so that an old request cannot be sent again."""
    digest = hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256)
    return f"t={at_s},v1={digest.hexdigest()}"


def _rendered(message: Message, path: str) -> str:
    """Return what the template makes of the message, which has to be JSON."""
    # Slow to import, and few webhooks have a template.
    import jinja2
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    # Sandboxed and without a loader: a template sees the message, and no files.
    environment = ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, autoescape=False)
    try:
        with Path(path).open("rb") as file:
            text = file.read(_MOST_BYTES).decode()
        made = environment.from_string(text).render(document(message))
        json.loads(made)
    except OSError as error:
        raise DeliveryError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DeliveryError(f"{path} is no UTF-8") from None
    except jinja2.TemplateSyntaxError as error:
        raise DeliveryError(f"{path}:{error.lineno}: {error.message}") from None
    except json.JSONDecodeError as error:
        what = f"{path} makes no JSON: {error.msg}, line {error.lineno}"
        raise DeliveryError(what, hint="`{{ value | tojson }}` makes JSON of any value", lasting=False) from None
    # Whatever Python can raise, an expression in a template can: None + 1, 1 / 0.
    except Exception as error:
        raise DeliveryError(f"{path}: {type(error).__name__}: {error}", lasting=False) from None
    return made
