"""What counts as not compliant: the `[judge]` keys of a manifest, and the judgement that the admin chose. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, cast

from bridge.connector.language.complaint import ExprError
from bridge.connector.language.expr import Expression, Kind, Scope, Values
from bridge.connector.language.finding import NEEDED
from bridge.connector.language.reader import Table
from bridge.connector.language.settings import Setting
from bridge.connector.language.template import Skipped, Template, Unfit
from bridge.connector.language.words import clean
from bridge.model import Finding, Status, Verdict

_VALUES: Final = ("compliant", "not-compliant", "unknown")
_NAMED: Final = 3
_HORIZON: Final = 400 * 86400.0
"""How far behind a finding's deadline a change of the verdict by time alone is sought."""
_FINDING: Final = {
    "finding.key": "text",
    "finding.check": "text",
    "finding.title": "text",
    "finding.severity": "text",
    "finding.exempt": "bool",
    "finding.tags": "texts",
    "finding.at": "time",
    "finding.blocks_at": "time",
}


@dataclass(frozen=True, slots=True)
class JudgeSpec:
    """One declared judgement: `failing` over a finding, or `table` from a vendor's status to ours."""

    name: str
    failing: Expression | None
    table: Mapping[str, Template]
    without_api: bool
    reason: Expression | None
    help: str


def read(root: Table, settings: Mapping[str, Setting]) -> dict[str, JudgeSpec]:
    scoped = {f"settings.{name}": setting.scoped for name, setting in settings.items() if not setting.secret}
    whole = Scope({"snapshot.status": "text", "now": "time", **scoped})
    each = Scope({**_FINDING, "snapshot.status": "text", "now": "time", **scoped}, frozenset({"finding.blocks_at"}))
    found = {name: _one(name, table, whole, each, settings) for name, table in root.tables("judge")}
    if not found:
        root.fault("judge", "is required: declare at least one [judge.<name>]")
    return found


def _one(name: str, table: Table, whole: Scope, each: Scope, settings: Mapping[str, Setting]) -> JudgeSpec:
    spec = JudgeSpec(
        name,
        table.expression("failing", each, Kind.BOOL),
        _status_table(table, settings),
        table.flag("without_api"),
        table.expression("reason", whole, Kind.TEXT),
        table.text("help"),
    )
    if table.has("failing") == table.has("status"):
        table.fault("failing", "there must be one of failing and status")
    if spec.without_api and not table.has("failing"):
        table.fault("without_api", "only a judgement over findings can be made without the API")
    table.done()
    return spec


def _status_table(table: Table, settings: Mapping[str, Setting]) -> dict[str, Template]:
    inner = table.table("status")
    if inner is None:
        return {}
    names = [f"settings.{name}" for name, setting in settings.items() if not setting.secret]
    found = {key: inner.parsed(key, lambda text: Template(text, names), Template("unknown", ())) for key in inner.data}
    for key, template in found.items():
        for mention in template.mentions:
            setting = settings[mention.variable.removeprefix("settings.")]
            if not setting.choices or not set(setting.choices) <= set(_VALUES):
                inner.fault(key, f"the choices of {mention.variable} must be among {', '.join(_VALUES)}")
        if not template.mentions and template.text not in _VALUES:
            inner.fault(key, f"must be one of {', '.join(_VALUES)}")
    return found


def _needed(spec: JudgeSpec) -> frozenset[str]:
    if spec.failing is None:
        return frozenset({"snapshot.status"})
    return frozenset(name for name in NEEDED if spec.failing.reads(name))


class Judge:
    """The chosen judgement (`model.Judge`)."""

    def __init__(self, spec: JudgeSpec, title: str, settings: Mapping[str, object]) -> None:
        self.name = spec.name
        self.without_api = spec.without_api
        self.needed = _needed(spec)
        """What an answer must hold for this judgement, by the names of `finding.NEEDED`."""
        self._spec, self._title, self._settings = spec, title, settings
        self._table = {key: _resolved(template, settings) for key, template in spec.table.items()}

    def __call__(self, findings: Sequence[Finding], status: str | None, *, held: Status | None, now: float) -> Verdict:
        """Never raises: what cannot be judged is a Verdict without status."""
        try:
            if self._spec.failing is None:
                return self._by_status(status, now)
            return self._by_findings([one for one in findings if one.state == "failing"], status, now)
        except ExprError as error:
            return Verdict(None, f"judgement_failed: {self.name}: {error}")

    def _by_status(self, status: str | None, now: float) -> Verdict:
        if status is None:
            return Verdict(None, "no_status: the vendor gave none")
        ours = self._table.get(status, "unknown")
        if ours == "unknown":
            return Verdict(None, f"unknown_status: {clean(status)}")
        return Verdict(cast(Status, ours), self._words(status, now, f"{self._title} reports {clean(status)}"))

    def _by_findings(self, findings: Sequence[Finding], status: str | None, now: float) -> Verdict:
        failing = tuple(one for one in findings if self._fails(one, status, now))
        times = [at for one in findings if (at := self._turns_at(one, status, now)) is not None]
        words = named(failing) if failing else "no open finding counts"
        return Verdict(
            "not-compliant" if failing else "compliant",
            self._words(status or "", now, words),
            failing,
            min(times, default=None),
        )

    def _words(self, status: str, now: float, otherwise: str) -> str:
        if self._spec.reason is None:
            return otherwise
        values = Values({"snapshot.status": status, "now": _moment(now), **self._settings})
        return clean(self._spec.reason.text(values), 300) or otherwise

    def _fails(self, finding: Finding, status: str | None, now: float) -> bool:
        assert self._spec.failing is not None
        return self._spec.failing.truth(
            Values(
                {
                    "finding.key": finding.key,
                    "finding.check": finding.check,
                    "finding.title": finding.title,
                    "finding.severity": finding.severity,
                    "finding.exempt": finding.exempt,
                    "finding.tags": list(finding.tags),
                    "finding.at": _moment(finding.at),
                    "finding.blocks_at": None if finding.blocks_at is None else _moment(finding.blocks_at),
                    "snapshot.status": status or "",
                    "now": _moment(now),
                    **self._settings,
                }
            )
        )

    def _turns_at(self, finding: Finding, status: str | None, now: float) -> float | None:
        """When time alone changes what this finding counts for, to the second; None: never, as far as can be seen.

        Sought by halving, so it holds for any expression that changes once between now and well after the deadline.
        """
        assert self._spec.failing is not None
        if not self._spec.failing.reads("now"):
            return None
        before = self._fails(finding, status, now)
        low, high = math.floor(now), math.ceil(max(now, finding.at, finding.blocks_at or 0.0) + _HORIZON)
        if self._fails(finding, status, high) == before:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._fails(finding, status, middle) == before else (low, middle)
        return float(high)


def _resolved(template: Template, settings: Mapping[str, object]) -> str:
    try:
        return template.plain(settings)
    except (Skipped, Unfit):
        return "unknown"


def _moment(at: float) -> datetime:
    try:
        return datetime.fromtimestamp(at, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime(9999, 12, 31, tzinfo=UTC) if at > 0 else datetime(1, 1, 1, tzinfo=UTC)


def named(findings: Sequence[Finding]) -> str:
    """The findings in words for an admin: titles, each once, the first three and how many more."""
    titles = list(dict.fromkeys(clean(one.title or one.check or one.key) for one in findings))
    more = f" and {len(titles) - _NAMED} more" if len(titles) > _NAMED else ""
    return "; ".join(titles[:_NAMED]) + more
