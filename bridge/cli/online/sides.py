"""The APIs of receivers that can be asked whom they know: may our credential read what it is for?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from bridge.cli.online.line import Found, Line, dated
from bridge.clock import Clock
from bridge.okta import log, users
from bridge.okta.api import OktaApi
from bridge.okta.words import Kind, OktaTrouble

PURPOSES: Mapping[str, tuple[str, str, str]] = {
    # scope → path, what it is called, what is done without it
    users.SCOPE: ("/api/v1/users", "its users", "everybody counts as known"),
    log.SCOPE: ("/api/v1/logs", "its System Log", "`caep-bridge deliveries show ID` cannot say what was seen"),
}
REMEDIES: Mapping[Kind, str] = {
    "unauthorized": "is the credential right, not revoked, and of this organisation?",
    "forbidden": "let the credential's administrator read it; see docs/okta.md",
    "missing": "is api_url (or audience) the organisation's own address, without -admin?",
    "malformed": "is api_url (or audience) the organisation's own address, without -admin?",
    "invalid": "see docs/okta.md",
    "limited": "wait a minute; others use the organisation's rate limit too",
    "down": "does a firewall or delivery.proxy let this machine through?",
}


def sides(name: str, api: OktaApi, clock: Clock) -> list[Callable[[], Awaitable[Found]]]:
    """One question for each right that the credential is for."""
    return [partial(_side, name, api, scope, clock) for scope in PURPOSES]


async def _side(name: str, api: OktaApi, scope: str, clock: Clock) -> Found:
    about = f"receiver {name}"
    path, what, without = PURPOSES[scope]
    label = f"{what} (GET {path}?limit=1)"
    try:
        page = await api.get(label, path, {"limit": "1"}, scope)
    except OktaTrouble as problem:
        return Found((Line(about, "failed", f"{problem}; until then {without}", REMEDIES[problem.kind]),))
    return Found((Line(about, "ok", f"{label}: may be read"),), dated(f"{about}'s API", page.date, clock.now()))
