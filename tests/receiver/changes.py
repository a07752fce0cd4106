"""Changes to a good SET, and the verdict on what comes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bridge.receiver.fault import Error
from bridge.receiver.rules import Profile, validate

Json = dict[str, Any]
Change = Callable[[Json], object]

NOW = 1_795_348_800
CAEP = "https://schemas.openid.net/secevent/caep/event-type/"
OKTA = "https://schemas.okta.com/secevent/okta/event-type/"
COMPLIANCE = CAEP + "device-compliance-change"


def check(header: Json, claims: Json, profile: Profile, **expected: Any) -> Error | None:
    settings: Json = {
        "issuer": "https://signals.acme.example",
        "audience": "https://acme.okta.com",
        "kids": {"k1"},
        "now": NOW,
        **expected,
    }
    return validate(header, claims, profile, **settings)


def event_of(claims: Json) -> Json:
    (event,) = claims["events"].values()
    assert isinstance(event, dict)
    return event


def put(path: str, value: Any) -> Change:
    """Sets a member: `event.…` within the only event, else within the claims."""

    def change(claims: Json) -> None:
        at: Json = claims
        *way, last = path.split(".")
        for step in way:
            at = event_of(at) if step == "event" else at[step]
        at[last] = value

    return change


def drop(path: str) -> Change:
    def change(claims: Json) -> None:
        at: Json = claims
        *way, last = path.split(".")
        for step in way:
            at = event_of(at) if step == "event" else at[step]
        del at[last]

    return change


def event(uri: str, **members: Any) -> Change:
    """Replaces the events by one that keeps subject and timestamp."""

    def change(claims: Json) -> None:
        old = event_of(claims)
        kept = {name: old[name] for name in ("subject", "event_timestamp") if name in old}
        claims["events"] = {uri: {**kept, **members}}

    return change
