"""Whether a SET shows in Okta's System Log: 202 alone is no proof that Okta knows the person.

Each valid SET about a known user yields one `security.events.provider.receive_event` whose debug context holds the
SET. How it holds it is not published, so the whole event is searched for the `jti`; where that does not stand, an event
at that time that names the person is all that can be said.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

import orjson

from bridge.okta.api import OktaApi

SCOPE: Final = "okta.logs.read"
EVENT: Final = "security.events.provider.receive_event"
BEFORE: Final = 120.0
AFTER: Final = 900.0
"""Seconds around the acknowledgement in which the event is sought."""
LAG: Final = 180.0
"""Seconds that the System Log may lag behind, by our reckoning; Okta names no bound."""
KEPT: Final = 90 * 86400.0
"""Seconds that Okta keeps its System Log."""
_PAGES: Final = 10
_LABEL = "the System Log (GET /api/v1/logs)"


@dataclass(frozen=True, slots=True)
class Seen:
    """`by`: what tells it, the `jti` or only person and time. `event` is the System Log's own id of it."""

    state: Literal["seen", "not_seen", "not_yet", "too_old"]
    by: Literal["jti", "person", ""] = ""
    event: str = ""
    at: str = ""
    """When Okta wrote it, as Okta says it."""


class SystemLog:
    def __init__(self, api: OktaApi) -> None:
        self._api = api

    async def seen(self, jti: str, login: str, acknowledged_at: float, now: float) -> Seen:
        """Whether the SET shows. `not_yet`: it does not, but is so new that it still may. Raises OktaTrouble."""
        if now - acknowledged_at > KEPT:
            return Seen("too_old")
        query = {
            "filter": f'eventType eq "{EVENT}"',
            "since": _stamp(acknowledged_at - BEFORE),
            "until": _stamp(min(acknowledged_at + AFTER, now + BEFORE)),
            "limit": "200",
            "sortOrder": "ASCENDING",
        }
        alike: Seen | None = None
        async for page in self._api.pages(_LABEL, "/api/v1/logs", query, SCOPE, _PAGES):
            for event in page:
                found = _match(event, jti, login)
                if found is not None and found.by == "jti":
                    return found
                alike = alike or found
        return alike or Seen("not_yet" if now - acknowledged_at < LAG else "not_seen")


def _match(event: Any, jti: str, login: str) -> Seen | None:
    """By the whole text of the event; a person only where the event holds no `jti` that is another SET's."""
    if not isinstance(event, dict):
        return None
    text = orjson.dumps(event).decode().casefold()
    named = {"event": str(event.get("uuid", "")), "at": str(event.get("published", ""))}
    if jti.casefold() in text:
        return Seen("seen", "jti", **named)
    if "jti" not in text and login and login.casefold() in text:
        return Seen("seen", "person", **named)
    return None


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
