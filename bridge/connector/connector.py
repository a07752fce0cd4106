"""One configured vendor source, as the pipeline sees it: authenticates, parses, looks up, judges."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from bridge.clock import Clock
from bridge.connector.asking import snapshot
from bridge.connector.asking.api import Api
from bridge.connector.asking.look import Cache, Gone, Looker
from bridge.connector.judge import Judge
from bridge.connector.language import times
from bridge.connector.language.expr import Values
from bridge.connector.language.finding import NEEDED
from bridge.connector.language.settings import Given, Guarded
from bridge.connector.lists.probe import Probe, probe
from bridge.connector.lists.row import Assembler
from bridge.connector.lists.sweep import Heard, Sweeper, SweepPage
from bridge.connector.manifest import Manifest
from bridge.connector.webhook import parse as parsing
from bridge.connector.webhook import signature
from bridge.model import LookFailed, Parsed, Snapshot, VerifiedWebhook, Webhook


@dataclass(frozen=True, slots=True)
class Choices:
    """What the admin chose with the engine's own keys."""

    judge: str
    namespace: str
    fold_recoveries: bool
    dry_run: bool
    rate: str
    """As written: the admin's, else the connector's own ("" or "none": no limit)."""


class Connector:
    """`type` is the folder or file that it was made from. No text form of it holds a secret."""

    def __init__(
        self,
        name: str,
        type_name: str,
        manifest: Manifest,
        given: Given,
        choices: Choices,
        api: Api | None,
        clock: Clock,
    ) -> None:
        self.name = name
        self.type = type_name
        self.title = manifest.title
        self.namespace = choices.namespace
        self.dry_run = choices.dry_run
        self.fold_recoveries = choices.fold_recoveries
        self.rate = choices.rate
        self.content_types = manifest.request.content_types
        self.has_api = api is not None
        self.api_base = api.base if api else None
        self.concurrency = manifest.api.concurrency if manifest.api else 1
        listing = manifest.listing
        self.has_list = api is not None and listing is not None
        self.list_every = listing.every if listing else 0.0
        allowed = times.rate(choices.rate) if api is not None and choices.rate else None
        asked = max(1, len(manifest.steps))
        self.looks_a_minute = None if allowed is None else max(1, int(allowed[0] * 60 / allowed[1] / asked))
        self.lists_whole_fleet = listing is not None and listing.complete
        self._manifest = manifest
        self._given = given
        self._plain = given.scoped()
        self.judge = Judge(manifest.judges[choices.judge], manifest.title, self._plain)
        self._judges = {choices.judge: self.judge}
        self._cache = Cache(clock)
        self._api, self._clock = api, clock
        self._looker = Looker(manifest.steps, api, self._cache) if api else None

    def __repr__(self) -> str:
        return f"Connector({self.name!r}, type={self.type!r}, judge={self.judge.name!r}, has_api={self.has_api})"

    @property
    def secrets(self) -> Mapping[str, Sequence[Guarded]]:
        """By setting: they may change while it runs, and the new text is used from then on."""
        return self._given.secrets

    @property
    def secret_settings(self) -> frozenset[str]:
        """The settings whose values are not to be shown."""
        return frozenset(name for name, setting in self._manifest.settings.items() if setting.secret)

    @cached_property
    def reads_headers(self) -> frozenset[str]:
        """The headers that say something, in lower case; none by which the vendor proves itself."""
        return self._manifest.headers - {self._manifest.auth.header, "authorization", "cookie"}

    def verify(self, webhook: Webhook) -> VerifiedWebhook:
        """Raises Unauthenticated. The only place where a VerifiedWebhook is made."""
        auth = self._manifest.auth
        users = self._given.reveal(auth.user) if auth.user else []
        secrets = self._given.reveal(auth.secret) if auth.secret else []
        signature.verify(auth, webhook, secrets, users)
        return VerifiedWebhook(webhook)

    def parse(self, webhook: VerifiedWebhook) -> Parsed:
        """Raises Misfit, with the ids of the devices that can still be read."""
        return parsing.parse(self._manifest.request, self._manifest.ons, self._plain, webhook)

    def stated_time(self, webhook: Webhook) -> float | None:
        """When the request says that it was sent, unproved: for recordings, never for a decision."""
        if self._manifest.auth.time is not None:
            return signature.stated_time(self._manifest.auth, webhook)
        return parsing.stated_time(self._manifest.request, self._plain, webhook)

    async def snapshot(self, device_id: str, now: float, *, fresh: bool = False) -> Snapshot:
        """The vendor's whole answer about one device. Raises LookFailed.

        `fresh`: what is remembered of earlier answers is not used; what is answered now takes its place.
        """
        spec = self._manifest.snapshot
        if self._looker is None or spec is None:
            raise LookFailed("refused", "no API is configured")
        base: Mapping[str, object] = {**self._plain, "device.id": device_id, "now": datetime.fromtimestamp(now, UTC)}
        try:
            values, used = await self._looker.look(Values(base), fresh=fresh)
        except Gone:
            return Snapshot(device_id=device_id, taken_at=now, present=False)
        try:
            found = snapshot.put_together(spec, values, device_id, now, self.judge.needed)
        except LookFailed:
            self._cache.drop([key for _, key in used])
            raise
        if spec.owner is not None and (found.owner is None or found.owner.email is None):
            # An owner who gets an address meanwhile must not be missed for hours.
            self._cache.drop([key for step, key in used if spec.owner.reads(step)])
        return found

    def sweep(
        self, resume: str | None = None, *, every_judgement: bool = False, heard: Heard | None = None
    ) -> AsyncGenerator[SweepPage, None]:
        """All devices of the vendor, page by page, behind the page whose `next` was `resume`. Raises LookFailed.

        Joined lists are read whole before the first page; `heard` is called after each page of any list. A snapshot's
        `taken_at` is when the oldest part of it was asked for. With `every_judgement` it holds what any of them reads.
        """
        listing, spec = self._manifest.listing, self._manifest.snapshot
        if self._api is None or listing is None or spec is None:
            raise LookFailed("refused", "the connector has no API, or does not say how its devices are listed")
        needed = NEEDED if every_judgement else self.judge.needed
        assembler = Assembler(listing, spec, self._plain, needed)
        return Sweeper(self._api, assembler, self._clock, heard).pages(resume)

    async def probe(self) -> Probe | None:
        """One cheap question to the vendor's API; None without credentials."""
        return await probe(self._api, self._manifest.listing, self._plain) if self._api else None

    def judge_named(self, name: str) -> Judge:
        """One of the type's judgements, also if another one is chosen. Raises KeyError."""
        if name not in self._judges:
            self._judges[name] = Judge(self._manifest.judges[name], self.title, self._plain)
        return self._judges[name]

    @property
    def judgements(self) -> dict[str, str]:
        """Those of the type, by name: what each calls not compliant."""
        return {name: spec.help for name, spec in self._manifest.judges.items()}
