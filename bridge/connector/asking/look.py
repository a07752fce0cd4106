"""One look: the steps of `[look]`, asked in order. What they answer is put together in `snapshot`."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple

import orjson

from bridge.clock import Clock
from bridge.connector.asking.api import Api
from bridge.connector.asking.lookup import Step
from bridge.connector.asking.paging import BadPage, Pages
from bridge.connector.language.complaint import ExprError
from bridge.connector.language.expr import Values
from bridge.connector.language.template import Skipped, Template, Unfit
from bridge.connector.language.tree import Gap
from bridge.model import LookFailed

MAX_EACH: Final = 200
"""Elements that one step may be asked for."""
MAX_CACHED: Final = 10_000
Used = list[tuple[str, str]]
"""Pairs of `look.<step>` and a key of the cache."""


class Gone(Exception):
    """The vendor says that the device does not exist."""


class Question(NamedTuple):
    """A step with its values filled in."""

    step: Step
    url: str
    body: bytes | None

    @property
    def key(self) -> str:
        return f"{self.step.name} {self.url} {(self.body or b'').decode()}"

    @property
    def use(self) -> tuple[str, str]:
        return f"look.{self.step.name}", self.key


class Cache:
    """Answers of steps with `cache`, each for its own time; the least used go first."""

    def __init__(self, clock: Clock, size: int = MAX_CACHED) -> None:
        self._clock, self._size = clock, size
        self._kept: OrderedDict[str, tuple[float, object]] = OrderedDict()

    def get(self, key: str) -> tuple[object] | None:
        until, answer = self._kept.get(key, (0.0, None))
        if key not in self._kept or self._clock.monotonic() >= until:
            self._kept.pop(key, None)
            return None
        self._kept.move_to_end(key)
        return (answer,)

    def put(self, key: str, answer: object, seconds: float) -> None:
        self._kept[key] = (self._clock.monotonic() + seconds, answer)
        self._kept.move_to_end(key)
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)

    def drop(self, keys: Sequence[str]) -> None:
        for key in keys:
            self._kept.pop(key, None)


class _Memory:
    """What one look takes from the cache and puts there; a fresh look takes only what it put there itself."""

    def __init__(self, cache: Cache, fresh: bool) -> None:
        self._cache, self._fresh = cache, fresh
        self.used: Used = []

    def get(self, question: Question) -> tuple[object] | None:
        if not question.step.cache or (self._fresh and question.use not in self.used):
            return None
        kept = self._cache.get(question.key)
        if kept is not None:
            self.used.append(question.use)
        return kept

    def put(self, question: Question, answer: object) -> None:
        if not question.step.cache:
            return
        self.used.append(question.use)
        if answer is None:
            self._cache.drop([question.key])
        else:
            self._cache.put(question.key, answer, question.step.cache)


class Looker:
    """Asks the steps of a connector, in order, about one device at a time."""

    def __init__(self, steps: Sequence[Step], api: Api, cache: Cache) -> None:
        self._steps, self._api, self._cache = steps, api, cache

    async def look(self, values: Values, *, fresh: bool) -> tuple[Values, Used]:
        """The values with every answer as `look.<step>`, and what of the cache was used. `fresh`: nothing that was
        there before this look, but it is replaced.

        Raises LookFailed, Gone. The turns for one request a step are taken at once, so that a look which begins
        is not put off halfway.
        """
        turns = _Turns(self._api, len(self._steps))
        await turns.take()
        memory = _Memory(self._cache, fresh)
        try:
            for step in self._steps:
                answer = await self._step(step, values, turns, memory)
                if answer is not None:
                    values = Values({**values.raw, f"look.{step.name}": answer})
        finally:
            turns.give_back()
        return values, memory.used

    async def _step(self, step: Step, values: Values, turns: _Turns, memory: _Memory) -> object:
        try:
            if step.when is not None and not step.when.truth(values):
                return None
            if step.each is None:
                return await self._one(step, values, turns, memory)
            items = step.each.value(values.raw)
        except ExprError as error:
            raise LookFailed("malformed", f"{step.label}: when: {error}") from None
        except Gap as gap:
            raise LookFailed("malformed", f"{step.label}: each: {gap.path} is missing") from None
        if not isinstance(items, list) or len(items) > MAX_EACH:
            raise LookFailed("malformed", f"{step.label}: each: must be a list of at most {MAX_EACH} elements")
        return [await self._one(step, values.plus("item", item), turns, memory) for item in items]

    async def _one(self, step: Step, values: Values, turns: _Turns, memory: _Memory) -> object:
        """The answer, or None if the question has no values or the vendor no answer."""
        try:
            url = self._api.base + step.url.url(values.raw)
            body = None if step.body is None else orjson.dumps(filled(step.body, values))
        except Skipped:
            return None
        except Unfit as unfit:
            raise LookFailed("malformed", f"{step.label}: {unfit}") from None
        question = Question(step, url, body)
        kept = memory.get(question)
        if kept is None:
            kept = (await self._asked(question, turns),)
            memory.put(question, kept[0])
        return kept[0]

    async def _asked(self, question: Question, turns: _Turns) -> object:
        step = question.step
        if step.paging is None:
            status, answer = await self._ask(question, question.url, turns)
            return self._unwrapped(step, answer) if status not in step.none else None
        pages = Pages(step.paging, question.url)
        while pages.next is not None:
            status, answer = await self._ask(question, pages.next, turns)
            if status in step.none:
                return None
            try:
                pages.take(answer)
            except BadPage as bad:
                raise LookFailed("malformed", f"{step.label}: a page {bad}") from None
        return pages.items

    async def _ask(self, question: Question, url: str, turns: _Turns) -> tuple[int, object]:
        step = question.step
        await turns.spend()
        status, answer = await self._api.ask(step.label, step.method, url, question.body, step.accepted)
        if status in step.gone:
            raise Gone
        return status, answer

    @staticmethod
    def _unwrapped(step: Step, answer: object) -> object:
        if step.items is None:
            return answer
        try:
            return step.items(answer)
        except Gap as gap:
            raise LookFailed("malformed", f"{step.label}: {gap.path} is missing in the answer") from None


class _Turns:
    """The limiter's turns of one look."""

    def __init__(self, api: Api, count: int) -> None:
        self._limiter, self._left = api.limiter, count

    async def take(self) -> None:
        count, self._left = self._left, 0
        await self._limiter.take(count)
        self._left = count

    async def spend(self) -> None:
        if self._left:
            self._left -= 1
        else:
            await self._limiter.take()

    def give_back(self) -> None:
        self._limiter.give_back(self._left)
        self._left = 0


def filled(body: object, values: Values) -> object:
    if isinstance(body, Template):
        return body.plain(values.raw)
    if isinstance(body, dict):
        return {key: filled(member, values) for key, member in body.items()}
    if isinstance(body, list):
        return [filled(member, values) for member in body]
    return body
