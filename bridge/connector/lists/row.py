"""One listed device → the Snapshot that a look at it would give, or why there is none. Reads the spooled joins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from bridge.connector.asking import snapshot
from bridge.connector.asking.lookup import Step
from bridge.connector.asking.snapshot import SnapshotSpec
from bridge.connector.language.complaint import ExprError
from bridge.connector.language.expr import Values
from bridge.connector.language.finding import identity, optional_text
from bridge.connector.language.tree import Gap
from bridge.connector.lists.listing import JoinSpec, ListSpec
from bridge.model import LookFailed, Snapshot

_ABSENT: Final = object()


@dataclass(frozen=True, slots=True)
class RowFault:
    """A listed device that gives no snapshot. `device_id` None: the row does not even say which device it is about.

    Nothing follows from it but that the device, if it is known, should be looked at by itself. `detail` holds no value.
    """

    device_id: str | None
    detail: str


class Rows(Protocol):
    """What the joins hold (`bridge.connector.lists.spool.Spool`)."""

    def find(self, join: str, key: str) -> list[object]: ...


class _Unfit(Exception):
    """This device cannot be read from the lists."""


@dataclass(frozen=True, slots=True)
class Assembler:
    """`needed` is what the judgement reads, as for a look."""

    listing: ListSpec
    spec: SnapshotSpec
    settings: Mapping[str, object]
    needed: frozenset[str]

    def device(self, row: object, rows: Rows, taken_at: float) -> Snapshot | RowFault:
        base = {**self.settings, "now": datetime.fromtimestamp(taken_at, UTC), f"look.{self.listing.step}": row}
        try:
            device_id = self._id(Values(base))
        except (ExprError, Gap):
            return RowFault(None, "a listed row does not say which device it is about")
        base["device.id"] = device_id
        try:
            values = Values(self._filled(base, rows))
            return snapshot.put_together(self.spec, values, device_id, taken_at, self.needed)
        except _Unfit as unfit:
            return RowFault(device_id, str(unfit))
        except LookFailed as failed:
            return RowFault(device_id, failed.detail)

    def _id(self, values: Values) -> str:
        assert self.spec.id is not None
        if self.spec.source is not None:
            values = values.plus("item", self.spec.source.value(values.raw))
        return identity(self.spec.id, values, "device's id")

    def _filled(self, base: dict[str, object], rows: Rows) -> dict[str, object]:
        """Every step's answer in its place; a step without one is left out, as in a look."""
        for step, path in self.listing.inline:
            try:
                self._put(base, step, path(base[f"look.{self.listing.step}"]))
            except Gap as gap:
                if not step.none:
                    raise _Unfit(f"list.inline.{step.name}: {gap.path} is missing") from None
        for join in self.listing.joins:
            try:
                self._put(base, join.step, _answer(join, Values(base), rows))
            except ExprError as error:
                raise _Unfit(f"{join.source.label}: {error}") from None
            except Gap as gap:
                raise _Unfit(f"{join.source.label}: each: {gap.path} is missing") from None
        return base

    @staticmethod
    def _put(base: dict[str, object], step: Step, answer: object) -> None:
        if answer is not _ABSENT and answer is not None:
            base[f"look.{step.name}"] = answer


def _answer(join: JoinSpec, values: Values, rows: Rows) -> object:
    step = join.step
    if step.when is not None and not step.when.truth(values):
        return _ABSENT
    if step.each is None:
        return _found(join, values, rows)
    items = step.each.value(values.raw)
    if not isinstance(items, list):
        raise _Unfit(f"{join.source.label}: each: must be a list")
    found = [_found(join, values.plus("item", item), rows) for item in items]
    return [None if one is _ABSENT else one for one in found]


def _found(join: JoinSpec, values: Values, rows: Rows) -> object:
    """The joined rows, or the only one. A device without a key is asked nothing, as by a look's URL."""
    key = optional_text(join.on, values) if join.on is not None else str(values.raw["device.id"])
    if key is None:
        return _ABSENT
    found = rows.find(join.step.name, key)
    if join.many:
        return found
    if len(found) > 1:
        raise _Unfit(f"{join.source.label}: holds different rows for one key")
    if not found and not join.step.none:
        raise _Unfit(f"{join.source.label}: holds no row for this device")
    return found[0] if found else _ABSENT
