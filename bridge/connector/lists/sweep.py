"""Every device of a vendor by its list endpoints: first the joined lists, each whole, then the devices page by page.

Asks the vendor through `api`. A list that is not whole, or may not be, ends the sweep with a LookFailed; a single row
that cannot be read is a RowFault. From neither does anybody recover.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from bridge.clock import Clock
from bridge.connector.asking.api import Api
from bridge.connector.asking.look import filled
from bridge.connector.asking.paging import BadPage
from bridge.connector.asking.share import Share
from bridge.connector.language.complaint import ExprError
from bridge.connector.language.expr import Values
from bridge.connector.language.template import Skipped, Unfit
from bridge.connector.lists.course import Course
from bridge.connector.lists.listing import JoinSpec, ListSpec, Source
from bridge.connector.lists.row import Assembler, RowFault
from bridge.connector.lists.spool import Spool
from bridge.model import LookFailed, Snapshot

__all__ = ["RowFault", "SweepPage", "Sweeper"]

_AGAIN: Final = (2.0, 10.0, 60.0)
"""Seconds after which a question is asked again that was not answered, once the vendor has answered another."""
_LONGEST: Final = 300.0
"""Seconds that a vendor may ask a sweep to wait; after that it is given up."""
_BREATH: Final = 25
"""Rows after which others get their turn."""
Heard = Callable[[str, int], None]
"""Called after each page with the list's name and how many rows it held."""


@dataclass(frozen=True, slots=True)
class SweepPage:
    """One page of the vendor's devices, each as a look at it would have found it.

    `next` resumes the list behind this page, also in another process and after a restart; None: this was the last page.
    `total` is how many devices the vendor says that there are, None if it does not say.
    """

    snapshots: tuple[Snapshot, ...]
    faults: tuple[RowFault, ...]
    next: str | None
    total: int | None


class Sweeper:
    """One sweep: made for it, and used once."""

    def __init__(self, api: Api, assembler: Assembler, clock: Clock, heard: Heard | None = None) -> None:
        self._api, self._assembler, self._clock = api, assembler, clock
        self._listing: ListSpec = assembler.listing
        self._settings: Mapping[str, object] = assembler.settings
        self._share = Share(api.limiter, clock)
        self._heard = heard or (lambda name, rows: None)
        self._answered = False

    async def pages(self, resume: str | None) -> AsyncGenerator[SweepPage, None]:
        """Raises LookFailed."""
        began = self._clock.now()
        with Spool() as spool:
            for join in self._listing.joins:
                await self._gather(join, spool)
            await asyncio.to_thread(spool.close_joins)
            async for page in self._devices(spool, resume, began if self._listing.joins else None):
                yield page

    async def _gather(self, join: JoinSpec, spool: Spool) -> None:
        """A joined list, whole. Raises LookFailed if not one of its rows says whose it is."""
        course = self._course(join.source)
        counted = owned = 0
        while course.next is not None:
            page = self._taken(join.source, course, await self._ask(join.source, course))
            keyed = [(key, row) for row in page if (key := self._key(join, row)) is not None]
            spool.add(join.step.name, [(key, _cut(row, join.kept)) for key, row in keyed if key])
            counted, owned = counted + len(keyed), owned + sum(1 for key, _ in keyed if key)
            self._heard(join.step.name, len(page))
            await self._clock.sleep(0)
        if counted and not owned:
            raise LookFailed("malformed", f"{join.source.label}: by: not one row says to which device it belongs")

    def _key(self, join: JoinSpec, row: object) -> str | None:
        """The row's key, "" for a row that belongs to nobody, None for one that does not count."""
        values = Values({**self._settings, "item": row})
        try:
            if join.when is not None and not join.when.truth(values):
                return None
            return join.by.text(values)
        except ExprError as error:
            if error.null:
                return ""
            raise LookFailed("malformed", f"{join.source.label}: a row: {error}") from None

    async def _devices(self, spool: Spool, resume: str | None, began: float | None) -> AsyncGenerator[SweepPage, None]:
        source = self._listing.source
        course = self._course(source, resume)
        while course.next is not None:
            asked_at = self._clock.now()
            try:
                answer = await self._ask(source, course)
                rows = self._taken(source, course, answer)
            except LookFailed as failed:
                if not course.resumed or failed.kind not in ("refused", "missing", "malformed"):
                    raise
                course = self._course(source)
                continue
            if course.resumed and not rows:  # there was more when it was saved
                course = self._course(source)
                continue
            course.resumed = False
            self._heard("devices", len(rows))
            yield await self._page(rows, spool, asked_at if began is None else began, course, answer)

    async def _page(
        self, rows: list[object], spool: Spool, taken_at: float, course: Course, answer: object
    ) -> SweepPage:
        snapshots: dict[str, Snapshot] = {}
        faults: list[RowFault] = []
        for index, row in enumerate(rows):
            if index % _BREATH == 0:
                await self._clock.sleep(0)
            found = self._assembler.device(row, spool, taken_at)
            if isinstance(found, RowFault):
                faults.append(found)
            elif snapshots.setdefault(found.device_id, found) != found:
                faults.append(RowFault(found.device_id, "is listed twice on one page, and not alike"))
        for fault in faults:
            snapshots.pop(fault.device_id or "", None)
        self._refuse_strange(rows, snapshots, faults, spool)
        return SweepPage(tuple(snapshots.values()), tuple(faults), course.save(), course.total(answer))

    def _refuse_strange(
        self, rows: list[object], snapshots: Mapping[str, Snapshot], faults: list[RowFault], spool: Spool
    ) -> None:
        """A page that names no device, or none that was not named before."""
        ids = {*snapshots, *(fault.device_id for fault in faults if fault.device_id is not None)}
        label = self._listing.source.label
        if rows and not ids:
            raise LookFailed("malformed", f"{label}: not one row of a page says which device it is about")
        if rows and not spool.see(ids):
            raise LookFailed("malformed", f"{label}: a page repeats devices that came before, and names no other")

    def _course(self, source: Source, resume: str | None = None) -> Course:
        try:
            url = self._api.base + source.url.url(self._settings)
            body = None if source.body is None else filled(source.body, Values(self._settings))
        except (Skipped, Unfit) as error:
            raise LookFailed("refused", f"{source.label}: {error}: a setting is missing or unfit") from None
        return Course(source.paging, url, body, resume)

    @staticmethod
    def _taken(source: Source, course: Course, answer: object) -> list[object]:
        try:
            return course.rows(answer)
        except BadPage as bad:
            raise LookFailed("malformed", f"{source.label}: a page {bad}") from None

    async def _ask(self, source: Source, course: Course) -> object:
        """Patient once the vendor has answered: thousands of pages are not given up for one that failed."""
        url, body = course.question()
        for wait in (*_AGAIN, None):
            await self._share.take()
            try:
                _, answer = await self._api.ask(source.label, source.method, url, body)
            except LookFailed as failed:
                longest = max(wait or 0.0, failed.retry_after or 0.0)
                if wait is None or not self._answered or failed.kind not in ("down", "limited") or longest > _LONGEST:
                    raise
                await self._clock.sleep(longest)
            else:
                self._answered = True
                return answer
        raise AssertionError


def _cut(row: object, kept: frozenset[str] | None) -> object:
    """The row without what nobody reads: also, so that no more of a person is written to disk than is needed."""
    return row if kept is None or not isinstance(row, dict) else {key: row[key] for key in kept if key in row}
