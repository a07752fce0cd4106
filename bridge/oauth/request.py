"""A request for a token as it came: who says to ask, by which proof, for what (RFC 6749 §2.3, §4.4.2). Pure.

The errors are Authlib's: they carry the codes of RFC 6749 §5.2. The endpoint around them is ours, see
docs/decisions/012-the-token-endpoint.md.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qsl, unquote_plus

from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.rfc6749.errors import (
    InvalidClientError,
    InvalidRequestError,
    InvalidScopeError,
    UnsupportedGrantTypeError,
)

from bridge.oauth import assertion

MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
MOST_FIELDS: Final = 50
_ASSERTION: Final = frozenset({"client_assertion", "client_assertion_type"})
_CREDENTIALS: Final = frozenset({"client_id", "client_secret", "client_assertion", "client_assertion_type"})


@dataclass(frozen=True, slots=True)
class Proof:
    """`client_id` proves itself by a secret or an `assertion`; exactly one of them is there.

    Of `secrets` any may be meant: RFC 6749 §2.3.1 has Basic credentials form-encoded, and many clients do not do it.
    """

    client_id: str
    secrets: tuple[str, ...] = field(default=(), repr=False)
    assertion: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Request:
    proof: Proof
    scope: str | None
    """What is asked for; None: all that the client may have."""


def read(content_type: str, authorization: Sequence[str], query: str, body: bytes) -> Request:
    """The request that stands in headers, query string and body. Raises OAuth2Error."""
    media_type, _, _rest = content_type.partition(";")
    if media_type.strip().lower() != MEDIA_TYPE:
        raise InvalidRequestError(f"the body must be {MEDIA_TYPE}")
    if any(name in _CREDENTIALS for name, _ in parse_qsl(query, keep_blank_values=True)):
        raise InvalidRequestError("credentials in the query are not accepted")
    form = _form(body)
    proof = _proof(authorization, form)
    grant = form.get("grant_type")
    if grant is None:
        raise InvalidRequestError("grant_type is missing")
    if grant != "client_credentials":
        raise UnsupportedGrantType
    return Request(proof, form.get("scope"))


class UnsupportedGrantType(UnsupportedGrantTypeError):  # type: ignore[misc]  # theirs is untyped
    """Theirs repeats what was asked for, which need not be fit for an `error_description`."""

    def __init__(self) -> None:
        super().__init__("")

    def get_error_description(self) -> str:
        return "only client_credentials is served"


def _form(body: bytes) -> dict[str, str]:
    """Each parameter once; one without a value was not sent (RFC 6749 §3.2)."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )  # fmt: skip
    except ValueError:
        raise InvalidRequestError("the body is no form of UTF-8 texts, or has too many fields") from None
    form = dict(pairs)
    if len(form) < len(pairs):
        raise InvalidRequestError("a parameter stands there twice")
    return {name: value for name, value in form.items() if value}


def _proof(authorization: Sequence[str], form: Mapping[str, str]) -> Proof:
    """RFC 6749 §2.3: one method of authentication, never two. A `client_assertion_type` alone is half of one."""
    if len(authorization) > 1:
        raise InvalidRequestError("there is more than one Authorization header")
    methods = (bool(authorization), "client_secret" in form, not form.keys().isdisjoint(_ASSERTION))
    if sum(methods) > 1:
        raise InvalidRequestError("the client must prove itself in one way only")
    if authorization:
        found = _basic(authorization[0])
    elif "client_assertion" in form:
        found = _asserted(form)
    else:
        found = Proof(form.get("client_id", ""), (form.get("client_secret", ""),))
    if not found.client_id or not (any(found.secrets) or found.assertion):
        raise refused("no client authentication came with the request")
    if form.get("client_id", found.client_id) != found.client_id:
        raise InvalidRequestError("client_id is not that of the client that proves itself")
    return found


def _basic(header: str) -> Proof:
    """RFC 6749 §2.3.1: both parts are form-encoded before they become a user name and a password."""
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic":
        raise refused("the client must prove itself by Basic, or in the body")
    try:
        name, colon, secret = b64decode(encoded.strip(), validate=True).decode().partition(":")
    except (ValueError, binascii.Error):
        name, colon, secret = "", "", ""
    if not colon:
        raise refused("the Basic credentials are malformed")
    return Proof(unquote_plus(name), tuple(dict.fromkeys((unquote_plus(secret), secret))))


def _asserted(form: Mapping[str, str]) -> Proof:
    if form.get("client_assertion_type") != assertion.TYPE:
        raise refused("client_assertion_type is not one that is known")
    text = form["client_assertion"]
    name = assertion.claimed_client(text)
    if name is None:
        raise refused("the assertion is malformed")
    return Proof(name, assertion=text)


def refused(description: str) -> InvalidClientError:
    """RFC 6749 §5.2: 401, with the scheme that is accepted in the header."""
    return InvalidClientError(description, status_code=401)


def granted(scope: str | None, may: Collection[str]) -> frozenset[str]:
    """The scopes that a token gets: what was asked for, and never more than the client may. Raises OAuth2Error."""
    if scope is None:
        return frozenset(may)
    asked = frozenset(scope.split(" ")) - {""}
    if not asked or not asked <= frozenset(may):
        raise InvalidScopeError("a scope that was asked for does not exist, or is not the client's")
    return asked


__all__ = ["OAuth2Error", "Proof", "Request", "granted", "read", "refused"]
