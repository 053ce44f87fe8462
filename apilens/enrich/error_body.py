"""What the body of an error says: a code, and the field that it is about. The conventions of APIs, in one place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from apilens.body_shape import MOST_BYTES
from apilens.error_settings import ErrorPaths

# Dotted paths, the first that names something wins: a name (`card_declined`) before a number.
CODES = (
    "error.code", "error.type",  # Stripe, OpenAI, Moesif's own
    "error.status", "error",  # google.rpc, OAuth (RFC 6749)
    "Error", "Error.Code", "Code", "__type",  # AWS
    "code", "error_code", "errorCode", "errorcode", "error_type", "errorType",
    "errors.0.extensions.code", "errors.0.code", "errors.0.type",  # GraphQL, JSON:API
    "type",  # problem+json (RFC 9457): the end of its URI
    "detail.0.type", "detail.code", "detail.error",  # FastAPI and pydantic
    "fault.detail.errorcode", "fault.code", "meta.code", "0.code", "0.errorCode",
)  # fmt: skip
FIELDS = (
    "field", "error.field", "error.param", "error.target", "errors.0.field", "errors.0.param",
    "missing.0", "missing", "param",
    "errors.0.source.pointer", "errors.0.source.parameter",  # JSON:API
    "errors.0.pointer", "invalid-params.0.name", "invalid_params.0.name",  # problem+json
    "detail.0.loc",  # FastAPI and pydantic
    "error.details.0.fieldViolations.0.field", "details.0.fieldViolations.0.field",  # google.rpc.BadRequest
    "details.0.field", "violations.0.field", "violations.0.propertyPath", "errors.0.path", "0.field", "0.fields.0",
)  # fmt: skip

# google.rpc.Code, which gRPC states as a number.
GRPC = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip

_CODE = re.compile(r"[\w.:/-]{1,64}")
_FIELD = re.compile(r"[\w.\[\]-]{1,128}")
_PLACE_IN_LIST = re.compile(r"\[[0-9]+\]|(?<=\.)[0-9]+\.")
_NUMBER = re.compile(r"-?[0-9]+")
# Where a field was looked for, which is no part of its name.
_PARTS_OF_REQUEST = ("body", "query", "path", "header", "cookie")
_POINTER_ROOTS = ("data", "attributes", "relationships")

Named = tuple[str | None, str | None]


def error_in(body: str, *, status: int | None, paths: ErrorPaths) -> Named:
    """Return the code and the field that the JSON body of an answer names, None for what it does not.

    paths: what settings add, tried first. A success (status below 400) has an error only where GraphQL reports one.
    """
    document = _decoded(body)
    if status is None or status < 400:
        if not _is_graphql_error(document):
            return None, None
        document = {"errors": document["errors"]}
    number = _grpc_name(document)
    code = number or _first_code(document, (*paths.code, *CODES), status)
    return code, _first_field(document, (*paths.field, *FIELDS)) or _rails_field(document)


def _decoded(body: str) -> Any:
    if len(body) > MOST_BYTES:
        return None
    try:
        found = msgspec.json.decode(body)
        # A body that was logged as text is JSON in a JSON string.
        return msgspec.json.decode(found) if isinstance(found, str) else found
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None


def _at(document: Any, path: str) -> Any:
    for part in path.replace("[", ".").replace("]", "").split("."):
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list) and part.isdigit():
            document = document[int(part)] if int(part) < len(document) else None
        else:
            return None
    return document


def _first_code(document: Any, paths: Iterable[str], status: int | None) -> str | None:
    number = None
    for path in paths:
        found = _at(document, path)
        if isinstance(found, bool) or not isinstance(found, str | int):
            continue
        text = str(found)
        if _NUMBER.fullmatch(text):
            # The status once more says nothing.
            number = number or (text if text not in ("0", str(status)) and len(text) <= 20 else None)
        elif name := _name(text):
            return name
    return number


def _name(text: str) -> str | None:
    if "://" in text or text.startswith("urn:"):
        text = re.split("[/#:]", text.split("?")[0].rstrip("/"))[-1]
    if text.startswith("about:"):
        return None
    text = text.rpartition("#")[2]
    return text if _CODE.fullmatch(text) else None


def _first_field(document: Any, paths: Iterable[str]) -> str | None:
    return next((name for path in paths if (name := _field_name(_at(document, path)))), None)


def _field_name(found: Any) -> str | None:
    """Return the name in `user.id`, `user[0].id`, `["body", "user", "id"]`, `/data/attributes/user/id`, `#/user/id`.

    Places in lists are left out, so that the third item is the same field as the first.
    """
    if isinstance(found, str):
        if not found.lstrip("#").startswith("/"):
            name = _PLACE_IN_LIST.sub("", found)
            return name if _FIELD.fullmatch(name) else None
        parts = found.lstrip("#").strip("/").split("/")
        roots: tuple[str, ...] = _POINTER_ROOTS
    elif isinstance(found, list):
        parts = [str(part) for part in found if isinstance(part, str | int)]
        roots = _PARTS_OF_REQUEST
    else:
        return None
    named = [part for part in parts if not part.isdigit()]
    while len(named) > 1 and named[0] in roots:
        named.pop(0)
    name = ".".join(named)
    return name if _FIELD.fullmatch(name) else None


def _rails_field(document: Any) -> str | None:
    """Return the first field of `{"errors": {"email": ["is taken"]}}`."""
    errors = document.get("errors") if isinstance(document, dict) else None
    names: Mapping[str, Any] = errors if isinstance(errors, dict) else {}
    about = (name for name, said in names.items() if name != "base" and isinstance(said, list | str))
    return next((name for name in about if _FIELD.fullmatch(name)), None)


def _grpc_name(document: Any) -> str | None:
    if not isinstance(document, dict) or not {"code", "message", "details"} <= document.keys():
        return None
    code = document["code"]
    return GRPC[code] if isinstance(code, int) and not isinstance(code, bool) and 0 < code < len(GRPC) else None


def _is_graphql_error(document: Any) -> bool:
    errors = document.get("errors") if isinstance(document, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    return isinstance(first, dict) and "message" in first and (
        "data" in document or not first.keys().isdisjoint({"extensions", "locations", "path"})
    )  # fmt: skip
