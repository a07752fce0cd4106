"""What receivers said about subjects, in memory."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.store.memory.archive import Archive
from bridge.store.memory.base import Pair
from bridge.store.records import AuditEntry
from bridge.store.subjects import Choice, ChoiceCount, Refusal
from bridge.value import replace


class Subjects(Archive):
    async def put_choice(self, choice: Choice, most: int, entries: Sequence[AuditEntry] = ()) -> Refusal:
        if choice.stream_id not in self._streams:
            return "gone"
        others = sum(key[0] == choice.stream_id and key != choice.key for key in self._choices)
        if others >= most:
            return "full"
        self._choices[choice.key] = choice
        self._record(entries)
        return ""

    async def drop_choice(self, choice: Choice, entries: Sequence[AuditEntry] = ()) -> bool:
        if not self._stands(choice):
            return False
        del self._choices[choice.key]
        self._record(entries)
        return True

    async def told_choice(self, choice: Choice) -> None:
        if self._stands(choice):
            self._choices[choice.key] = replace(self._choices[choice.key], due=False)

    async def choices(self, stream_id: str) -> list[Choice]:
        return sorted(self._choices_of(stream_id), key=lambda one: one.seq)

    async def count_choices(self, stream_id: str) -> ChoiceCount:
        kinds = [one.kind for one in self._choices_of(stream_id)]
        return ChoiceCount(kinds.count("added"), kinds.count("removed"))

    async def due_choices(self, limit: int = 100) -> list[Choice]:
        due = (one for one in self._choices.values() if one.due)
        return sorted(due, key=lambda one: (one.at, one.stream_id, one.seq))[:limit]

    async def every_choice(self, *, after: Pair | None = None, limit: int = 1000) -> list[Choice]:
        keys = sorted(key for key in self._choices if after is None or key > after)
        return [self._choices[key] for key in keys[:limit]]

    def _stands(self, choice: Choice) -> bool:
        stands = self._choices.get(choice.key)
        return stands is not None and stands.seq == choice.seq
