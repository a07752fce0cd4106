"""standing: receivers read and set the status of their streams (SSF 1.0 §8.1.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from bridge.clock import Clock
from bridge.errors import Forbidden
from bridge.model import StreamStatus
from bridge.pipeline.api.management import named
from bridge.pipeline.api.ownership import Ownership
from bridge.pipeline.journal import Journal
from bridge.pipeline.streams.keeper import Keeper
from bridge.pipeline.streams.running import Running, reason_of, status_of
from bridge.ssf.configuration import Unacceptable
from bridge.ssf.described import standing
from bridge.value import replace

REASON_MOST: Final = 1024
"""Characters of a reason that are kept."""
DONE: Final[Mapping[StreamStatus, str]] = {
    "enabled": "streams.enable", "paused": "streams.pause", "disabled": "streams.disable",
}  # fmt: skip
"""What the audit log calls it, whoever does it."""


class Standing:
    def __init__(self, keeper: Keeper, owned: Ownership, clock: Clock, journal: Callable[[str], Journal]) -> None:
        self._keeper = keeper
        self._owned = owned
        self._clock = clock
        self._journal = journal

    async def read(self, client: str, stream_id: str) -> dict[str, str]:
        """§8.1.2.1. Raises NotFound."""
        return _shown(await self._owned.seen(client, stream_id))

    async def set(self, client: str, body: Mapping[str, Any]) -> dict[str, str]:
        """§8.1.2.2. What is held while a stream is paused is what differs from what it was told; what waits for one
        that is disabled is taken back. Once it is enabled again it is told what differs.

        Raises Unacceptable, NotFound; Forbidden where the admin's word stands against it.
        """
        stream_id, status, reason = named(body), _status(body), _reason(body)
        one = await self._owned.changeable(client, stream_id)
        if one.row.paused and status == "enabled":
            raise Forbidden(f"the transmitter's operator paused this stream: {one.row.paused}")
        async with self._keeper.changing:
            before = await self._owned.current(stream_id)
            made = replace(before, status=status, reason=reason, by="receiver")
            if before.status != status:
                made = replace(made, since=self._clock.now())
                await self._keeper.owe([one.stream])
            told = await self._journal(client).entry(
                DONE[status], stream_id, why=reason, before=before.status, after=status
            )
            await self._owned.put(stream_id, before, made, told, announced=status)
        return _shown(await self._owned.seen(client, stream_id))


def _shown(one: Running) -> dict[str, str]:
    return standing(one.stream.id, status_of(one.stream), reason_of(one))


def _status(body: Mapping[str, Any]) -> StreamStatus:
    status = body.get("status")
    known: tuple[StreamStatus, ...] = get_args(StreamStatus)
    for one in known:
        if status == one:
            return one
    raise Unacceptable("status", "must be enabled, paused or disabled")


def _reason(body: Mapping[str, Any]) -> str:
    reason = body.get("reason")
    if reason is None:
        return ""
    if not isinstance(reason, str):
        raise Unacceptable("reason", "must be a string")
    return reason[:REASON_MOST]
