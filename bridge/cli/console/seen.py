"""Whether a receiver that can be asked saw a SET: its acknowledgement alone is no proof."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bridge.cli.console.configured import STAND_IN
from bridge.clock import SystemClock, SystemIds

if TYPE_CHECKING:
    from bridge.config import Config, Receiver
    from bridge.store.records import Delivery

SEEN = {
    "jti": "seen in the System Log, by its jti",
    "person": "the System Log shows an event about this person at that time; it does not show the jti",
}
NOT_SEEN = {
    "not_seen": "not in the System Log: the login is unknown there, the licence is missing, or that jti came before",
    "not_yet": "not in the System Log yet; it may lag behind, ask again in a few minutes",
    "too_old": "not looked up: the System Log does not go back so far",
}


async def seen(one: Delivery, receiver: Receiver | None, config: Config, login: str) -> dict[str, Any] | None:
    """For `--json`: `state` is seen, not_seen or not_looked_up, and `words` say why. None: nobody can be asked."""
    if one.state != "delivered" or one.settled_at is None or receiver is None or receiver.profile != "okta":
        return None
    if not receiver.has_api:
        return _not_looked_up("no api_token stands in its [receivers] table; see docs/okta.md")
    if missing := unset(receiver):
        return _not_looked_up(f"{missing} is not set here")
    return await _asked(one.jti, login, one.settled_at, receiver, config)


async def _asked(jti: str, login: str, at: float, receiver: Receiver, config: Config) -> dict[str, Any]:
    from bridge.okta.api import api_of
    from bridge.okta.log import SystemLog
    from bridge.okta.words import OktaTrouble
    from bridge.parts import outbound_of

    outbound, clock = outbound_of(config), SystemClock()
    try:
        api = api_of(receiver, outbound, clock, SystemIds())
        assert api is not None
        found = await SystemLog(api).seen(jti, login, at, clock.now())
    except OktaTrouble as problem:
        return _not_looked_up(str(problem))
    finally:
        await outbound.close()
    if found.state == "too_old":
        return _not_looked_up(NOT_SEEN[found.state].partition(": ")[2])
    if found.state != "seen":
        return {"state": "not_seen", "words": NOT_SEEN[found.state]}
    return {"state": "seen", "words": SEEN[found.by], "by": found.by, "event": found.event, "at": found.at}


def login_in(claims: Mapping[str, Any]) -> str:
    """The address that a SET is about, or ""."""
    for event in claims.get("events", {}).values():
        subject = event.get("subject") or claims.get("sub_id") or {}
        return str(subject.get("email") or subject.get("user", {}).get("email") or "")
    return ""


def _not_looked_up(why: str) -> dict[str, Any]:
    return {"state": "not_looked_up", "words": f"not looked up: {why}"}


def unset(receiver: Receiver) -> str:
    """The variable of the credential that `serve` has and this shell has not, or ""."""
    for secret in (receiver.api_token, receiver.api_private_key):
        if secret is not None and secret.reveal() == STAND_IN:
            return (secret.origin or "").removeprefix("env:")
    return ""
