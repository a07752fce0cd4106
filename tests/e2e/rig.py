"""The whole line for a test: Kolide's stand-in → the real serve → receivers that check every SET, and the truth."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Self

import aiohttp

from bridge.clock import SystemClock
from bridge.model import Status
from bridge.receiver.keys import Fetched
from bridge.receiver.server import ReceiverServer
from bridge.store import open_store
from bridge.store.protocol import Store
from tests.e2e import heard
from tests.e2e.heard import Heard
from tests.e2e.kolide import KolideApi
from tests.e2e.service import ISSUER, Service, Tables
from tests.e2e.times import SLOWER, wait_until
from tests.e2e.webhooks import SECRET, Answer, Hook, post


class Rig:
    """`receivers`: name → its keys of config.toml. Audience and endpoint are added; each checks what it gets."""

    def __init__(
        self, folder: Path, receivers: dict[str, dict[str, Any]], connector: dict[str, Any] | None = None
    ) -> None:
        self.api = KolideApi()
        self.service = Service(folder)
        self.receivers: dict[str, ReceiverServer] = {}
        self._settings = receivers
        self._connector = connector or {}
        self._stack = AsyncExitStack()
        self._store: Store | None = None

    async def __aenter__(self) -> Self:
        try:
            await self._stack.enter_async_context(self.api)
            self.session = await self._stack.enter_async_context(aiohttp.ClientSession())
            for name, settings in self._settings.items():
                self.receivers[name] = await self._stack.enter_async_context(self._receiver(name, settings))
        except BaseException:
            await self._stack.aclose()
            raise
        self.service.tables |= self._tables()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.service.alive:
            await self.service.kill()
        if self._store is not None:
            await self._store.close()
        await self._stack.aclose()

    def _receiver(self, name: str, settings: dict[str, Any]) -> ReceiverServer:
        clock = SystemClock()
        keys = Fetched(clock, issuer=ISSUER, jwks_url=f"{self.service.url}/.well-known/jwks.json")
        return ReceiverServer(profile=settings["profile"], audience=audience(name), keys=keys, clock=clock)

    def _tables(self) -> Tables:
        tables: Tables = {
            "connectors.kolide": {
                "type": "kolide",
                "signing_secret": SECRET,
                "api_key": self.api.key,
                "base_url": self.api.url,
                "judge": "issues",
                "rate_limit": "none",
                **self._connector,
            }
        }
        for name, settings in self._settings.items():
            endpoint = f"{self.receivers[name].url}/events"
            tables[f"receivers.{name}"] = {"audience": audience(name), "endpoint_url": endpoint, **settings}
        return tables

    async def start(self) -> None:
        """Returns once it is ready and its first list of devices is through: what a test then does to a device is not
        found by that list. Where the vendor has trouble that is waited for two seconds, and no longer."""
        await self.service.start()
        with suppress(AssertionError):
            await wait_until(self._listed, 2.0, slower=1 if self._troubled else SLOWER)

    @property
    def _troubled(self) -> bool:
        return bool(self.api.trouble or self.api.troubles)

    async def _listed(self) -> bool:
        rows = {row.name: row for row in await (await self.store()).connectors()}
        return "kolide" in rows and rows["kolide"].listed_at is not None

    async def store(self) -> Store:
        """The same database, read beside the running serve; with patience, for that one is often busy."""
        if self._store is None:
            self._store = await open_store(self.service.database, SystemClock(), exclusive=False, patience=60)
        return self._store

    # -- what happens ---------------------------------------------------------------------------

    async def send(self, hook: Hook, **headers: str) -> Answer:
        return await post(self.session, f"{self.service.url}/webhooks/kolide", hook.body, headers or None)

    async def ring(self, *hooks: Hook) -> None:
        """Each is taken."""
        for hook in hooks:
            answer = await self.send(hook)
            assert answer.status == 202, (answer, self.service.tail())

    # -- what is seen ---------------------------------------------------------------------------

    def heard(self, receiver: str, *, login: str = "", device: int | None = None) -> list[Heard]:
        """What had effect at this receiver, in order."""
        return heard.taken(self.receivers[receiver].book, login, device)

    def statuses(self, receiver: str, **about: Any) -> list[Status]:
        return [one.current for one in self.heard(receiver, **about)]

    async def hears(self, receiver: str, *statuses: Status, seconds: float = 10.0, **about: Any) -> None:
        """Until the receiver was told exactly these."""

        def words() -> str:
            return f"{receiver} {about}: {self.statuses(receiver, **about)} for {statuses}\n{self.service.tail()}"

        await wait_until(lambda: len(self.statuses(receiver, **about)) >= len(statuses), seconds, words)
        assert self.statuses(receiver, **about) == list(statuses), words()

    async def quiet(self, seconds: float = 15.0, devices: Iterable[int] | None = None) -> None:
        """Until every look has ended well, and no SET waits. Repeats for a contradiction may be due later."""
        await wait_until(lambda: self._is_quiet(devices), seconds, self.service.tail)

    async def quiet_looks(self, seconds: float = 15.0, devices: Iterable[int] | None = None) -> None:
        """As `quiet`, but SETs may wait."""
        await wait_until(lambda: self._looks_are_quiet(devices), seconds, self.service.tail)

    async def _is_quiet(self, devices: Iterable[int] | None) -> bool:
        store = await self.store()
        # Looks first: one that ends between the two leaves its SETs pending.
        return await self._looks_are_quiet(devices) and not (await store.counts())["pending"]

    async def _looks_are_quiet(self, devices: Iterable[int] | None) -> bool:
        store = await self.store()
        now = SystemClock().now()
        for device in devices if devices is not None else self.api.laptops:
            look = await store.look("kolide", str(device))
            belief = await store.device("kolide", str(device))
            if look is not None and (look.attempts or look.due_at <= now or look.leased_until):
                return False
            if belief is not None and belief.pending_owner is not None:
                return False
        return True

    async def metric(self, name: str, **labels: str) -> float:
        """The value of one series at /metrics, 0 if there is none."""
        async with self.session.get(f"{self.service.admin}/metrics") as answer:
            text = await answer.text()
        for line in text.splitlines():
            if line.startswith(name) and all(f'{key}="{value}"' in line for key, value in labels.items()):
                return float(line.rpartition(" ")[2])
        return 0.0

    # -- what must hold -------------------------------------------------------------------------

    def check(self) -> None:
        """Every receiver: what it was told alternates, repeats are the same bytes, the last word is the truth."""
        for name, receiver in self.receivers.items():
            by_person = self.by_person(name)
            heard.check_history(name, receiver.book, by_person)
            believed, wanted = heard.last_words(receiver.book, by_person), self.truth(by_person)
            assert believed == wanted, f"{name}: {believed} is not the truth {wanted}\n{self.service.tail()}"

    def by_person(self, name: str) -> bool:
        settings = self._settings[name]
        return bool(settings.get("aggregate", "user" if settings["profile"] == "okta" else "device") == "user")

    def truth(self, by_person: bool) -> set[tuple[str, str]]:
        """(login, device or "") of all that fails."""
        failing: set[tuple[str, str]] = set()
        for laptop in self.api.laptops.values():
            login = self.api.email_of(laptop)
            if login is not None and laptop.exists and laptop.truth == "not-compliant":
                failing.add((login, "" if by_person else f"kolide:{laptop.id}"))
        return failing

    async def settled(self, seconds: float = 20.0) -> None:
        """Quiet, and everything that must hold does."""
        await self.quiet(seconds)
        await asyncio.sleep(0.1)
        self.check()


def audience(name: str) -> str:
    return f"https://{name}.example"


def email(person: int) -> str:
    return f"p{person}@acme.example"
