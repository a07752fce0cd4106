"""The small world with a third receiver, which makes streams of its own through the API, and polls or is pushed to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from bridge.errors import BridgeError
from bridge.model import ComplianceChange, Outcome, Stream
from bridge.ssf.poll import PollRequest, SetError
from tests.histories.api_service import CLIENT, ApiService
from tests.histories.guest import Guest
from tests.histories.world import Heard


class ApiWorld(ApiService):
    # -- the third receiver -----------------------------------------------------------------------

    async def hooked(self, stream: Stream, text: str) -> Outcome:
        guest = self.guests.get(stream.id) or self.guests.setdefault(stream.id, Guest(stream.id, stream.endpoint_url))
        event, url = self.minted.get(text), stream.endpoint_url
        self._may(guest, text)
        if guest.sure:
            self.must(url == guest.url, "pushed elsewhere", guest, url)
            self.must(event is None or guest.status == "enabled", "pushed an event", guest)
            self.must(event is None or guest.proved, "an event before a verification", guest)
        for _ in range(self.dice.choice((1, 2, 8))):
            await asyncio.sleep(0)
        if not self.guests_up:
            return Outcome("stream", "connect")
        if event is not None and event.login in self.guests_refuse and text not in guest.jtis:
            return Outcome("row", "invalid_request")
        self._take(guest, text, event)
        guest.proved = guest.proved or (event is None and url == guest.url)
        return Outcome("delivered", "202", received=True)

    def _may(self, guest: Guest, text: str) -> None:
        self.must(not guest.gone, "after a delete", guest)
        self.must(self.of_stream[text] == guest.id, "somebody else's", guest, text)

    def must(self, holds: bool, *what: object) -> None:
        """What fails here would otherwise be one more trouble that the service survives."""
        if not holds:
            self.wrong.append(repr(what))

    def trouble(self, what: str) -> None:
        self.wrong.append(what)

    def _take(self, guest: Guest, text: str, event: ComplianceChange | None) -> None:
        if text not in guest.jtis:
            guest.jtis.add(text)
            if event is not None:
                guest.heard.append(Heard(event.login, event.device_id, event.previous, event.current, text))

    async def poll(self, guest: Guest, reads: bool, says: bool, waits: bool = False) -> None:
        """`reads`: the answer arrives. `says`: what was taken before is acknowledged with this one."""
        acks, errors = (tuple(guest.acks), list(guest.errors)) if says else ((), [])
        request = PollRequest(
            3, not waits, acks, {jti: SetError("invalid_request", "no") for jti in errors}
        )  # fmt: skip
        held = guest.sure and guest.status != "enabled"
        answer = await self.mailbox.poll(guest.id, request, _never)
        guest.acks = [jti for jti in guest.acks if jti not in acks]
        guest.errors = [jti for jti in guest.errors if jti not in errors]
        for jti, text in answer["sets"].items():
            event = self.minted.get(text)
            self.must(jti == text and not (held and guest.sure and event), "handed out while held", guest, jti)
            self._may(guest, text)
            if reads and event is not None and event.login in self.guests_refuse and text not in guest.jtis:
                guest.errors.append(jti)
            elif reads:
                self._take(guest, text, event)
                guest.acks.append(jti)

    # -- what the third receiver asks for ---------------------------------------------------------

    async def create(self, url: str) -> None:
        made = await self.management.create(CLIENT, {"delivery": delivery(url)})
        guest = self.guests.setdefault(made["stream_id"], Guest(made["stream_id"], url))
        guest.url = url

    async def change(
        self, guest: Guest, work: Callable[..., Coroutine[Any, Any, Any]], *asked: Any, **how: Any
    ) -> None:
        """Whatever comes of it, the receiver reads its stream afterwards."""
        guest.doubts += 1
        with suppress(BridgeError):
            await work(CLIENT, *asked, **how)
        guest.doubts -= 1
        if guest.sure and not guest.gone:
            self.see(guest, self.keeper.running().get(guest.id))

    def set_status(self, guest: Guest, status: str) -> Coroutine[Any, Any, Any]:
        return self.change(guest, self.standing.set, {"stream_id": guest.id, "status": status})

    def patch(self, guest: Guest, **members: Any) -> Coroutine[Any, Any, Any]:
        return self.change(guest, self.management.change, {"stream_id": guest.id, **members}, whole=False)

    async def delete(self, guest: Guest) -> None:
        await self.change(guest, self.management.delete, guest.id)

    async def subject(self, guest: Guest, login: str, add: bool) -> None:
        body = {"stream_id": guest.id, "subject": {"format": "email", "email": login}}
        with suppress(BridgeError):
            await (self.subjects.add if add else self.subjects.remove)(CLIENT, body)

    async def verify(self, guest: Guest) -> None:
        with suppress(BridgeError):
            await self.verification.request(CLIENT, {"stream_id": guest.id})

    def retry_guests(self) -> None:
        """An operator sends again what died."""
        for guest in self.guests.values():
            found = self.store.deliveries(stream_id=guest.id, state="dead", limit=1000)
            for row in self.loop.run_until_complete(found)[::-1]:
                self.loop.run_until_complete(self.store.revive(row.id, self.clock.now()))

    # -- the loops --------------------------------------------------------------------------------

    def turns(self) -> list[Callable[[], Coroutine[Any, Any, Any]]]:
        return [
            self.keeper.turn, self.verifier.turn, self.herald.turn, self.selections.turn, self.clearing.turn,
            self.upkeep.turn, self.mailbox.tick, self.hook.turn,
        ]  # fmt: skip

    async def _work(self, rounds: int) -> None:
        await super()._work(rounds)
        for _ in range(rounds):
            for turn in self.turns()[:-1]:
                await turn()
            if not await self.hook.turn():
                break
            await self.hook.idle()
        await super()._work(rounds)

    def at_once(self, works: Sequence[Coroutine[Any, Any, Any]], steps: int | None = None) -> None:
        """All of it together, with one turn of each loop; killed after so many steps."""
        all_works = [*works, *(turn() for turn in self.turns())]
        tasks = [self.loop.create_task(_quietly(one)) for one in all_works]
        if steps is None:
            self.loop.run_until_complete(asyncio.gather(*tasks))
            self.loop.run_until_complete(self.hook.idle())
            return
        for _ in range(steps):
            self.loop.call_soon(self.loop.stop)
            self.loop.run_forever()
        for task in tasks:
            if task.done() and not task.cancelled() and task.exception() is not None:
                raise task.exception() or AssertionError
        self.end()
        for one in all_works:  # of those that had not begun
            one.close()
        self.begin()


def delivery(url: str) -> dict[str, str]:
    """As a receiver asks for it; "": it polls."""
    return {"method": "urn:ietf:rfc:8935", "endpoint_url": url} if url else {"method": "urn:ietf:rfc:8936"}


async def _quietly(work: Coroutine[Any, Any, Any]) -> None:
    with suppress(BridgeError):
        await work


async def _never() -> None:
    await asyncio.get_running_loop().create_future()
