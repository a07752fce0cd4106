"""The stream configuration: what a receiver may ask for, what of it is granted, how it is shown (SSF 1.0 §8.1.1). Pure.

Three members are the receiver's: `delivery`, `events_requested` and `description`. All others are ours: ignored where
a stream is made, and where one is changed they must be as they are. A `null` stands for a member that is not there,
since many libraries write it so, and `""` for an `endpoint_url` that is ours; members that nobody knows are ignored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bridge.value import value

PUSH: Final = "urn:ietf:rfc:8935"
POLL: Final = "urn:ietf:rfc:8936"
OLD_PUSH: Final = "https://schemas.openid.net/secevent/risc/delivery-method/push"
OLD_POLL: Final = "https://schemas.openid.net/secevent/risc/delivery-method/poll"
PUSH_METHODS: Final = (PUSH, OLD_PUSH)
POLL_METHODS: Final = (POLL, OLD_POLL)

EVENTS_MOST: Final = 100
"""Event types that a stream may ask for."""
URI_MOST: Final = 2048
"""Characters of an event type, and of `endpoint_url`."""
HEADER_MOST: Final = 8192
"""Characters of `authorization_header`."""
DESCRIPTION_MOST: Final = 1024
"""Characters that are kept of `description` (§8.1.1: it may be cut)."""


class Unacceptable(Exception):
    """What a receiver asks for cannot be; `path` names the member."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path


@value
class Delivery:
    """`method` as it was written. `endpoint_url` and `header` are those of a push."""

    method: str = POLL
    endpoint_url: str = ""
    header: str = ""

    @property
    def pushes(self) -> bool:
        return self.method in PUSH_METHODS


@value
class Wish:
    """What a receiver asks for; None: it says nothing of it."""

    delivery: Delivery | None = None
    events_requested: tuple[str, ...] | None = None
    description: str | None = None


def wish(body: Mapping[str, Any]) -> Wish:
    """Raises Unacceptable for what has the wrong type, or cannot be."""
    return Wish(_delivery(body.get("delivery")), _events(body.get("events_requested")), _text(body, "description"))


def events_delivered(supported: Sequence[str], requested: Sequence[str] | None) -> list[str]:
    """What is supported and asked for; all that is supported where nothing is named (§8.1.1)."""
    return [event for event in supported if requested is None or event in requested]


def foreign_members(body: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Of a change: what is ours and stands in it must be as it is (§8.1.1.3, §8.1.1.4). `known` is the configuration
    as it is shown. Raises Unacceptable."""
    for member in body.keys() & known.keys() - {"delivery", "events_requested", "description"}:
        given, ours = body[member], known[member]
        if member == "aud":
            given, ours = _listed(given), _listed(ours)
        if given is not None and not _same(given, ours):
            raise Unacceptable(member, "is the transmitter's to set, and differs from the stream's")
    where, has = body.get("delivery"), known["delivery"]
    if not isinstance(where, Mapping) or {where.get("method"), has["method"]} - {*POLL_METHODS}:
        return
    if where.get("endpoint_url") not in (None, "", has["endpoint_url"]):
        raise Unacceptable("delivery.endpoint_url", "is the transmitter's to set where SETs are polled")


def _listed(audience: Any) -> Any:
    """One audience is as good as a list of it (RFC 7519 §4.1.3)."""
    return [audience] if isinstance(audience, str) else audience


def _same(given: Any, known: Any) -> bool:
    """Lists of event types are sets."""
    if isinstance(given, list) and isinstance(known, list) and all(isinstance(one, str) for one in given):
        return set(given) == set(known)
    return type(given) is type(known) and bool(given == known)


def _delivery(given: Any) -> Delivery | None:
    if given is None:
        return None
    if not isinstance(given, Mapping):
        raise Unacceptable("delivery", "must be an object")
    method = given.get("method")
    if not isinstance(method, str):
        raise Unacceptable("delivery.method", f"must be {PUSH} or {POLL}")
    if method in POLL_METHODS:
        return Delivery(method)
    if method not in PUSH_METHODS:
        raise Unacceptable("delivery.method", f"is not supported: it must be {PUSH} or {POLL}")
    return Delivery(method, _endpoint(given.get("endpoint_url")), _header(given.get("authorization_header")))


def _endpoint(given: Any) -> str:
    if not isinstance(given, str) or not given:
        raise Unacceptable("delivery.endpoint_url", "is required where SETs are pushed: an https URL")
    if len(given) > URI_MOST:
        raise Unacceptable("delivery.endpoint_url", f"is longer than {URI_MOST} characters")
    if "#" in given:
        raise Unacceptable("delivery.endpoint_url", "must not have a fragment")
    return given


def _header(given: Any) -> str:
    """The whole value of the field, sent as it is (§6.1.1); RFC 9110 §5.5 in printable ASCII."""
    if given is None:
        return ""
    if not isinstance(given, str):
        raise Unacceptable("delivery.authorization_header", "must be a string")
    if len(given) > HEADER_MOST or any(not " " <= letter <= "~" for letter in given) or given != given.strip():
        message = f"must be at most {HEADER_MOST} printable ASCII characters on one line, without spaces around it"
        raise Unacceptable("delivery.authorization_header", message)
    return given


def _events(given: Any) -> tuple[str, ...] | None:
    if given is None:
        return None
    if not isinstance(given, list):
        raise Unacceptable("events_requested", "must be an array of event type URIs")
    if len(given) > EVENTS_MOST:
        raise Unacceptable("events_requested", f"has more than {EVENTS_MOST} entries")
    for index, one in enumerate(given):
        if not isinstance(one, str) or not one or len(one) > URI_MOST:
            raise Unacceptable(f"events_requested[{index}]", f"must be a URI of at most {URI_MOST} characters")
    return tuple(dict.fromkeys(given))


def _text(body: Mapping[str, Any], member: str) -> str | None:
    given = body.get(member)
    if given is None:
        return None
    if not isinstance(given, str):
        raise Unacceptable(member, "must be a string")
    return given[:DESCRIPTION_MOST]
