"""Which operation a GraphQL request asks for, by its body or its query: all of them are calls of one path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import msgspec

# What is known of a request that names no operation; such words are no names of GraphQL, so nothing else is called so.
ANONYMOUS = "(anonymous {})"
BATCH = "(batch)"
PERSISTED = "(persisted query)"
# What lies behind is not looked at: the operation stands in front.
_MOST_BYTES = 64 << 10
_MOST_IN_BATCH = 100
# GraphQL (October 2021) §2.1.9; longer than any developer writes is a value.
_NAME = re.compile(r"[_A-Za-z][_0-9A-Za-z]{0,63}")
_KINDS = ("query", "mutation", "subscription")
# Texts and comments may hold anything; of the rest, words and braces tell operations from what is in them.
_TOKEN = re.compile(
    r'"""(?:\\"""|(?!""").)*(?:"""|$)|"(?:[^"\\\n]|\\.)*"?|#[^\n]*|[{}(@$]|[_A-Za-z][_0-9A-Za-z]*', re.DOTALL
)
# A body that was cut off is no JSON any more.
_CUT_NAME = re.compile(r'"operationName"\s*:\s*"([^"\\]{1,64})"')
_CUT_QUERY = re.compile(r'"query"\s*:\s*"((?:[^"\\]|\\.)*)')
_FORM = re.compile(r"[A-Za-z]\w*=")
# How a query that was registered before is asked for: Apollo, Relay and others.
_PERSISTED_KEYS = ("extensions", "id", "documentId", "doc_id", "queryId")


def operation_in_body(body: str) -> str | None:
    """Return the name of the operation that a request's body asks for, None where it says nothing of the kind.

    The body is JSON, a batch of JSON, a form, or the document itself. Without a name the kind: `(anonymous mutation)`;
    a batch of different operations is `(batch)`; a persisted query without a name is `(persisted query)`.
    """
    text = body[:_MOST_BYTES]
    for _ in range(2):
        try:
            found = msgspec.json.decode(text)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            break
        if not isinstance(found, str):
            return _of_batch(found) if isinstance(found, list) else _of_request(found)
        # A body that was logged as text is a JSON string.
        text = found
    return operation_in_query(text) if _FORM.match(text) else _of_cut(text) or _of_document(text)


def operation_in_query(query: str) -> str | None:
    """Return the name of the operation in the parameters of a URL or a form, as `operation_in_body` does."""
    try:
        parameters = parse_qs(query, max_num_fields=_MOST_IN_BATCH, errors="replace")
    except ValueError:
        return None
    known = ("operationName", "query", *_PERSISTED_KEYS[:1])
    return _of_request({name: values[0] for name, values in parameters.items() if name in known})


def _of_request(request: Any) -> str | None:
    if not isinstance(request, dict):
        return None
    name = request.get("operationName")
    if isinstance(name, str) and _NAME.fullmatch(name):
        return name
    if isinstance(document := request.get("query"), str) and document:
        return _of_document(document[:_MOST_BYTES])
    return PERSISTED if any(request.get(key) for key in _PERSISTED_KEYS) else None


def _of_batch(requests: list[Any]) -> str | None:
    names = {_of_request(request) for request in requests[:_MOST_IN_BATCH]}
    return names.pop() if len(names) == 1 else BATCH if names else None


def _of_cut(body: str) -> str | None:
    if (found := _CUT_NAME.search(body)) and _NAME.fullmatch(found[1]):
        return found[1]
    found = _CUT_QUERY.search(body)
    return _of_document(found[1].replace("\\n", "\n").replace('\\"', '"')) if found else None


def _of_document(document: str) -> str | None:
    """Return the name of the first operation of a document."""
    tokens = _outermost(document)
    for token in tokens:
        if token == "{":
            return ANONYMOUS.format("query")
        if token == "fragment":
            # Its name may be that of a kind; what it holds is passed over.
            while next(tokens, "}") != "}":
                pass
        elif token in _KINDS:
            name = next(tokens, "")
            if not name:
                return None
            return name if _NAME.fullmatch(name) else ANONYMOUS.format(token)
        else:
            return None
    return None


def _outermost(document: str) -> Iterator[str]:
    """Give the words and marks of a document that stand in no braces, the braces among them."""
    depth = 0
    for found in _TOKEN.finditer(document):
        token = found[0]
        if token[0] in '"#':
            continue
        depth -= token == "}"
        if depth <= 0:
            yield token
        depth += token == "{"
