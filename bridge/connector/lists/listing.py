"""How a vendor's whole fleet is listed: the `[list]` key of a manifest.

A listed row stands for the answer of one look step, rows of other lists (`join`) and members of the row (`inline`) for
those of the others: `[snapshot]` then reads them as it reads a look.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Final

from bridge.connector.asking import lookup
from bridge.connector.asking.lookup import ApiSpec, Step
from bridge.connector.asking.paging import Paging
from bridge.connector.asking.snapshot import SnapshotSpec
from bridge.connector.language import times
from bridge.connector.language.expr import Expression, Kind, Scope
from bridge.connector.language.finding import FindingSpec
from bridge.connector.language.mentions import Mention
from bridge.connector.language.reader import Table
from bridge.connector.language.template import Template
from bridge.connector.language.tree import Path
from bridge.connector.lists.course import WHOLE, put

LEAST: Final = 60.0
DEFAULT: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Source:
    """A list to be read whole. `paging` says where its items are, also of a list that comes in one answer."""

    label: str
    method: str
    url: Template
    body: object
    paging: Paging


@dataclass(frozen=True, slots=True)
class JoinSpec:
    """Rows of another list, in place of a look step's answer. `by` is the key of a row (its `item`), `on` the same key
    of a device (None: its id). `kept` are the members of a row that anybody reads, None for all.
    """

    source: Source
    step: Step
    by: Expression
    on: Expression | None
    when: Expression | None
    many: bool
    kept: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class ListSpec:
    """`every` in seconds; `complete`: what is not listed does not exist; `step` is whose answer a listed row is."""

    source: Source
    step: str
    every: float
    complete: bool
    inline: tuple[tuple[Step, Path], ...]
    joins: tuple[JoinSpec, ...]


def read(
    root: Table,
    api: ApiSpec | None,
    steps: Sequence[Step],
    snapshot: SnapshotSpec | None,
    settings: Mapping[str, str],
) -> ListSpec | None:
    table = root.table("list")
    if table is None:
        return None
    if api is None or snapshot is None or not steps:
        root.fault("list", "needs [api], [look] and [snapshot]")
        return None
    return _Reader(table, api, steps, snapshot, settings).read()


class _Reader:
    def __init__(
        self, table: Table, api: ApiSpec, steps: Sequence[Step], snapshot: SnapshotSpec, settings: Mapping[str, str]
    ) -> None:
        self._table, self._api, self._snapshot = table, api, snapshot
        self._steps = {f"look.{step.name}": step for step in steps}
        self._settings = {f"settings.{name}": kind for name, kind in settings.items()}
        self._filled: dict[str, str] = {}
        """Step → the key that fills it."""

    def read(self) -> ListSpec | None:
        table = self._table
        source = self._source(table, "list")
        default = self._snapshot.source.variable if self._snapshot.source else next(iter(self._steps))
        step = self._step(table, "as", table.text("as", default))
        inline = tuple(self._inline())
        joins = [self._join(name, inner) for name, inner in table.tables("join")]
        every = table.parsed("every", times.duration, DEFAULT)
        if every < LEAST:
            table.fault("every", "must be at least 1m")
        spec = ListSpec(
            source, step.name if step else "", every, table.flag("complete", True), inline, tuple(filter(None, joins))
        )
        table.done()
        self._check(spec)
        return replace(spec, joins=tuple(replace(join, kept=self._kept(join, spec)) for join in spec.joins))

    def _source(self, table: Table, label: str) -> Source:
        names = list(self._settings)
        method, url, body = lookup.read_question(table, names)
        page = table.text("page")
        if page and page not in self._api.pages:
            table.fault("page", f"names no api.page: {page}")
        items = table.where("items")
        if page and items:
            table.fault("items", "the page says where the items are")
        paging = self._api.pages.get(page) or replace(WHOLE, items=items or Path(""))
        if method == "POST":
            self._check_body(table, body, paging)
        shown = f"{label} ({method} {url.text.partition('?')[0]})"
        return Source(shown, method, url, {} if method == "POST" and body is None else body, paging)

    @staticmethod
    def _check_body(table: Table, body: object, paging: Paging) -> None:
        """Where the page is put must be a table."""
        try:
            trial = copy.deepcopy({} if body is None else body)
            for path in filter(None, (paging.param, paging.size_param)):
                put(trial, path, "")
        except ValueError as error:
            table.fault("body", f"of api.page: {error}")

    def _step(self, table: Table, key: str, name: str) -> Step | None:
        """The step that is filled, once."""
        step = self._steps.get(name)
        if step is None:
            table.fault(key, f"must name a step: {', '.join(self._steps)}")
        elif name in self._filled:
            table.fault(key, f"{name} is filled by {self._filled[name]} already")
        self._filled.setdefault(name, table.path)
        return step

    def _inline(self) -> Iterable[tuple[Step, Path]]:
        table = self._table.table("inline")
        for key in table.data if table else ():
            assert table is not None
            step, path = self._step(table, key, f"look.{key}"), table.where(key)
            if step is not None and path is not None:
                yield step, path

    def _join(self, name: str, table: Table) -> JoinSpec | None:
        row = Scope({"item": "any", **self._settings})
        known = {variable: "any" for variable in self._filled if variable in self._steps}
        step = self._step(table, "as", table.text("as", f"look.{name}"))
        item = {"item": "any"} if step is not None and step.each is not None else {}
        device = Scope({"device.id": "text", **known, **item, **self._settings})
        source = self._source(table, f"list.join.{name}")
        by = table.expression("by", row, Kind.TEXT, required=True)
        on = table.expression("on", device, Kind.TEXT)
        when = table.expression("when", row, Kind.BOOL)
        many = table.flag("many", step is not None and step.paging is not None and step.each is None)
        if step is not None and step.each is not None and on is None:
            table.fault("on", f"is required: {step.label} is asked for every item")
        table.done()
        if step is None or by is None:
            return None
        return JoinSpec(source, step, by, on, when, many, None)

    def _check(self, spec: ListSpec) -> None:
        own = f"look.{spec.step}"
        if not spec.step:
            return
        if self._snapshot.id is None:
            self._table.fault("get", "needs snapshot.id, which says which device a listed row is about")
            return
        for mention in self._snapshot.id.mentions:
            if mention.variable == "item" and self._snapshot.source is not None:
                mention = self._snapshot.source
            if not mention.variable.startswith("settings.") and mention.variable != own:
                self._table.fault("as", f"snapshot.id must be read from {own} alone, as joins are found by it")
        for name in dict.fromkeys(mention.variable for mention in self._read_by_snapshot()):
            if name in self._steps and name not in self._filled:
                self._table.fault("join", f"{name} is read by [snapshot], and no join or inline fills it")

    def _read_by_snapshot(self) -> list[Mention]:
        return [*_mentions(self._snapshot), *(_mentions(self._snapshot.finding) if self._snapshot.finding else [])]

    def _kept(self, join: JoinSpec, spec: ListSpec) -> frozenset[str] | None:
        name, snapshot = f"look.{join.step.name}", self._snapshot
        read = [one for one in self._read_by_snapshot() if one.variable == name and one is not snapshot.each]
        for step in self._steps.values():
            read += [one for one in step.when.mentions if one.variable == name] if step.when else []
            if step.each is not None and step.each.variable == name:
                return None
        for other in spec.joins:
            read += [one for one in other.on.mentions if one.variable == name] if other.on else []
        if snapshot.each is not None and snapshot.each.variable == name:
            if snapshot.each.path.steps or not join.many or snapshot.finding is None:
                return None
            read += [one for one in _mentions(snapshot.finding) if one.variable == "item"]
        elif join.many and read:
            return None
        names = [one.path.steps[0][0] if one.path.steps else "" for one in read]
        return None if "" in names else frozenset(names)


def _mentions(spec: SnapshotSpec | FindingSpec) -> list[Mention]:
    found: list[Mention] = []
    for field in fields(spec):
        value = getattr(spec, field.name)
        if isinstance(value, Mention):
            found.append(value)
        elif isinstance(value, Expression):
            found += value.mentions
    return found
