"""verification: receivers ask for verification events (SSF 1.0 §8.1.4.2)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from bridge.clock import Clock
from bridge.config import Client
from bridge.errors import Forbidden, TooMany
from bridge.pipeline.api.management import named
from bridge.pipeline.api.ownership import Ownership
from bridge.pipeline.streams.verifier import Verifier
from bridge.ssf.configuration import Unacceptable

STATE_MOST: Final = 4096
"""Characters of a `state`."""
EARLY_MOST: Final = 2.0
"""Seconds: the receiver counts from when it sent, we from when it came. If the first request was slow on its way and
the second quick, one that was sent in time comes early."""


class Verification:
    """The interval is counted for each stream, between two requests that were taken; a restart forgets it."""

    def __init__(self, owned: Ownership, verifier: Verifier, clients: Mapping[str, Client], clock: Clock) -> None:
        self._owned = owned
        self._verifier = verifier
        self._clients = clients
        self._clock = clock
        self._taken: dict[str, float] = {}
        """stream → when the last request that was taken was due: one that came early gains nothing for the next."""

    async def request(self, client: str, body: Mapping[str, Any]) -> None:
        """The SET is durable when this returns. It is held while the stream is paused, and there is none for one that
        is disabled. Raises Unacceptable, NotFound; Forbidden where the profile knows no such event; TooMany."""
        stream_id, state = named(body), _state(body)
        one = await self._owned.seen(client, stream_id)
        if one.stream.profile == "okta":
            raise Forbidden("a stream of the profile okta knows no verification event")
        self._take(stream_id, self._clients[client].min_verification_interval)
        try:
            await self._verifier.send(one.stream, state)
        except BaseException:
            self._taken.pop(stream_id, None)
            raise

    def _take(self, stream_id: str, interval: float) -> None:
        now = self._clock.monotonic()
        due = self._taken.get(stream_id, -math.inf) + interval
        if due - now > min(EARLY_MOST, interval / 2):
            raise TooMany(f"a stream is verified every {interval:g} seconds at most", math.ceil(due - now))
        if len(self._taken) > 2 * len(self._clients) + 1000:
            self._forget(now)
        self._taken[stream_id] = max(now, due)

    def _forget(self, now: float) -> None:
        longest = max(client.min_verification_interval for client in self._clients.values())
        self._taken = {one: at for one, at in self._taken.items() if at + longest > now}


def _state(body: Mapping[str, Any]) -> str | None:
    state = body.get("state")
    if state is None:
        return None
    if not isinstance(state, str):
        raise Unacceptable("state", "must be a string")
    if len(state) > STATE_MOST:
        raise Unacceptable("state", f"must have {STATE_MOST} characters at most")
    return state
