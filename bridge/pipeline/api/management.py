"""management: receivers make, read, change and delete their own streams (SSF 1.0 §8.1.1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from textwrap import shorten
from typing import Any, Final

from bridge.clock import Clock, Ids
from bridge.config import Client
from bridge.errors import Conflict
from bridge.model import Subscription
from bridge.pipeline.api.ownership import Ownership
from bridge.pipeline.journal import Journal
from bridge.pipeline.streams.keeper import Keeper
from bridge.pipeline.streams.running import Running
from bridge.pipeline.streams.subscribed import PRODUCED, events_supported
from bridge.ssf.configuration import Delivery, Unacceptable, Wish, events_delivered, foreign_members, wish
from bridge.ssf.described import Terms, configuration
from bridge.store.records import StreamRow
from bridge.store.streams import Streams
from bridge.value import replace
from bridge.vault import Vault

Body = Mapping[str, Any]
Refusal = Callable[[str], Awaitable[str | None]]
"""Why a receiver's URL may not be called; None if it may."""
DESCRIBED: Final = 100
"""Characters of a description in the audit log; only whole words, for half an address would not be seen as one."""


class Management:
    """`clients` are those of the configuration; `deleted` hears of each stream that is to be cleared away. Every change
    is in the audit log, in the client's name."""

    def __init__(
        self,
        store: Streams,
        keeper: Keeper,
        owned: Ownership,
        clients: Mapping[str, Client],
        *,
        issuer: str,
        vault: Vault,
        refusal: Refusal,
        clock: Clock,
        ids: Ids,
        journal: Callable[[str], Journal],
        deleted: Callable[[str], None] = lambda stream_id: None,
    ) -> None:
        self._store = store
        self._keeper = keeper
        self._owned = owned
        self._clients = clients
        self._issuer = issuer
        self._vault = vault
        self._refusal = refusal
        self._clock = clock
        self._ids = ids
        self._journal = journal
        self._deleted = deleted

    async def create(self, client: str, body: Body) -> dict[str, Any]:
        """§8.1.1.1. Raises Unacceptable; Conflict where the client has as many streams as it may."""
        terms, asked = self._clients[client], wish(body)
        where = asked.delivery or Delivery()
        await self._check(where)
        stream_id = f"st_{self._ids.token()}"
        made = self._subscription(Subscription(where.method), asked, stream_id, whole=True)
        now = self._clock.now()
        made = replace(made, verified=not (where.pushes and terms.verify), since=now)
        row = StreamRow(stream_id, f"{client}-{stream_id[3:11]}", terms.audience, now, client=client, active_at=now)
        row = replace(row, subscription=made)
        told = await self._journal(client).entry("streams.create", stream_id, after=_told(made))
        async with self._keeper.changing:
            if not await self._store.make_stream(row, terms.max_streams, [told]):
                raise Conflict(_enough(terms.max_streams))
            await self._keeper.take(row)
        return self._shown(await self._owned.seen(client, stream_id))

    async def read(self, client: str, stream_id: str) -> dict[str, Any]:
        """§8.1.1.2. Raises NotFound."""
        return self._shown(await self._owned.seen(client, stream_id))

    def listed(self, client: str) -> list[dict[str, Any]]:
        """§8.1.1.2: an array, also of one or none."""
        return [self._shown(one) for one in self._owned.theirs(client)]

    async def change(self, client: str, body: Body, *, whole: bool) -> dict[str, Any]:
        """§8.1.1.3, and with `whole` §8.1.1.4: then what is not named goes, and a stream without delivery is polled.

        Raises Unacceptable, NotFound, Forbidden.
        """
        stream_id = named(body)
        one = await self._owned.changeable(client, stream_id)
        foreign_members(body, self._compared(one))
        asked = wish(body)
        await self._check(asked.delivery)
        async with self._keeper.changing:
            before = await self._owned.current(stream_id)
            made = self._verifying(client, before, self._subscription(before, asked, stream_id, whole=whole))
            if made != before:
                await self._owe_if_wider(one, made)
                word = "streams.replace" if whole else "streams.update"
                told = await self._journal(client).entry(word, stream_id, before=_told(before), after=_told(made))
                await self._owned.put(stream_id, before, made, told)
        return self._shown(await self._owned.seen(client, stream_id))

    async def delete(self, client: str, stream_id: str) -> None:
        """§8.1.1.5. Nothing is sent any more when this returns; what is left goes in small steps. Raises NotFound."""
        await self._owned.changeable(client, stream_id)
        async with self._keeper.changing:
            before = await self._owned.current(stream_id)
            told = await self._journal(client).entry("streams.delete", stream_id, before=_told(before))
            await self._owned.put(stream_id, before, replace(before, deleted_at=self._clock.now()), told)
        self._deleted(stream_id)

    # -- how ------------------------------------------------------------------------------------

    async def _check(self, delivery: Delivery | None) -> None:
        if delivery is not None and delivery.pushes and (reason := await self._refusal(delivery.endpoint_url)):
            raise Unacceptable("delivery.endpoint_url", reason)

    async def _owe_if_wider(self, one: Running, made: Subscription) -> None:
        """Of an event type that is wanted anew is told what differs; the mark outlives us, whatever dies."""
        wanted = events_delivered(events_supported(self._clients[one.stream.client]), made.events_requested)
        if not one.stream.events.issuperset(wanted):
            await self._keeper.owe([one.stream])

    def _subscription(self, before: Subscription, asked: Wish, stream_id: str, *, whole: bool) -> Subscription:
        made = before
        if whole or asked.delivery is not None:
            where = asked.delivery or Delivery()
            sealed = self._vault.seal(where.header, stream_id) if where.header else ""
            made = replace(made, method=where.method, endpoint_url=where.endpoint_url, sealed_header=sealed)
        if whole or asked.events_requested is not None:
            made = replace(made, events_requested=asked.events_requested)
        if whole or asked.description is not None:
            made = replace(made, description=asked.description or "")
        return made

    def _verifying(self, client: str, before: Subscription, made: Subscription) -> Subscription:
        """Another place is verified anew; a poll needs no proof of where it goes."""
        if not made.endpoint_url or not self._clients[client].verify:
            return replace(made, verified=True)
        if made.endpoint_url == before.endpoint_url:
            return made
        return replace(made, verified=False, since=self._clock.now())

    def _compared(self, one: Running) -> dict[str, Any]:
        """All that is ours, also where it is not shown because there is none."""
        return {"min_verification_interval": None, "inactivity_timeout": None, **self._shown(one)}

    def _shown(self, one: Running) -> dict[str, Any]:
        client = self._clients[one.stream.client]
        supported = events_supported(client)
        if not one.stream.by_api:
            supported = tuple(event for event in PRODUCED if event in one.stream.events)
        idle = client.inactivity_timeout if one.stream.by_api else None
        interval, longest = int(client.min_verification_interval), None if idle is None else int(idle)
        terms = Terms(self._issuer, supported, interval, longest, client.audience_list)
        return configuration(one.stream, one.row.subscription, terms)


def named(body: Body) -> str:
    """`stream_id` of a body. Raises Unacceptable."""
    stream_id = body.get("stream_id")
    if not isinstance(stream_id, str) or not stream_id:
        raise Unacceptable("stream_id", "is required, a string")
    return stream_id


def _enough(most: int) -> str:
    return f"there {'is one stream' if most == 1 else f'are {most} streams'} already, and no more may be made"


def _told(made: Subscription) -> str:
    """For the audit log: where it goes, what is asked for, and how it begins to describe itself; nothing secret."""
    events = "all" if made.events_requested is None else ",".join(made.events_requested)
    where = made.endpoint_url.split("?")[0] or "poll"
    header = "authorization set" if made.sealed_header else "no authorization"
    described = f"; {shorten(made.description, DESCRIBED, placeholder=' …')}" if made.description else ""
    return f"{where}; events {events}; {header}{described}"
