"""The answers of a look → one Snapshot: the `snapshot` key of a manifest. Pure.

Strict where a gap could look like health: a list of findings, or a status or a finding's member that the judgement
reads, that is absent makes the whole answer malformed. What is only described (name, owner, times) may be absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.connector.language import finding
from bridge.connector.language.complaint import ExprError
from bridge.connector.language.expr import Expression, Kind, Scope, Values
from bridge.connector.language.finding import NEEDED, FindingSpec, optional_text, optional_time, shown_text
from bridge.connector.language.mentions import Mention, resolve
from bridge.connector.language.reader import Table
from bridge.connector.language.tree import Gap
from bridge.model import Finding, LookFailed, Owner, Snapshot

_EXPRESSIONS = {
    "id": Kind.TEXT,
    "owner": Kind.TEXT,
    "owner_id": Kind.TEXT,
    "name": Kind.TEXT,
    "seen_at": Kind.TIME,
    "managed": Kind.BOOL,
    "status": Kind.TEXT,
    "status_at": Kind.TIME,
    "keep_when": Kind.BOOL,
    "recheck_at": Kind.TIME,
}


@dataclass(frozen=True, slots=True)
class SnapshotSpec:
    source: Mention | None
    id: Expression | None
    owner: Expression | None
    owner_id: Expression | None
    name: Expression | None
    seen_at: Expression | None
    managed: Expression | None
    status: Expression | None
    status_at: Expression | None
    keep_when: Expression | None
    recheck_at: Expression | None
    each: Mention | None
    finding: FindingSpec | None


def read(root: Table, steps: tuple[str, ...], settings: Mapping[str, str]) -> SnapshotSpec | None:
    table = root.table("snapshot")
    if table is None:
        if steps:
            root.fault("snapshot", "is required with [look]")
        return None
    looks = {f"look.{name}": "any" for name in steps}
    variables = {"device.id": "text", "now": "time", **looks, **{f"settings.{k}": kind for k, kind in settings.items()}}
    source = _mention(table, "from", looks)
    scope = Scope(variables | ({"item": "any"} if source else {}))
    parts = {key: table.expression(key, scope, kind) for key, kind in _EXPRESSIONS.items()}
    inner = table.table("finding")
    each = _mention(inner, "each", looks) if inner else None
    if inner is not None and each is None:
        inner.fault("each", 'is required: the list of findings, as in "look.issues"')
    spec = finding.read(inner, Scope(variables | {"item": "any"})) if inner else None
    table.done()
    return SnapshotSpec(source=source, each=each, finding=spec, **parts)


def _mention(table: Table, key: str, looks: Mapping[str, str]) -> Mention | None:
    text = table.text(key)
    if not text:
        return None
    try:
        mention = resolve(text, looks)
    except ValueError:
        mention = None
    if mention is None:
        table.fault(key, f"must be a path into an answer: {', '.join(looks) or 'there is no [look]'}")
    return mention


def put_together(
    spec: SnapshotSpec, values: Values, device_id: str, now: float, needed: frozenset[str] = NEEDED
) -> Snapshot:
    """`needed` is what the judgement reads (`Judge.needed`). Raises LookFailed("malformed")."""
    try:
        if spec.source is not None:
            values = values.plus("item", spec.source.value(values.raw))
        if spec.id is not None and spec.id.text(values) != device_id:
            raise LookFailed("malformed", "snapshot.id: the answer is about another device")
        return _read(spec, values, device_id, now, needed)
    except ExprError as error:
        raise LookFailed("malformed", f"snapshot: {error}") from None
    except Gap as gap:
        raise LookFailed("malformed", f"snapshot: {gap.path} is missing") from None


def _read(spec: SnapshotSpec, values: Values, device_id: str, now: float, needed: frozenset[str]) -> Snapshot:
    email, owner_id = optional_text(spec.owner, values), optional_text(spec.owner_id, values)
    return Snapshot(
        device_id=device_id,
        taken_at=now,
        present=True,
        managed=spec.managed.truth(values) if spec.managed else True,
        owner=Owner(owner_id, email) if email or owner_id else None,
        name=shown_text(spec.name, values),
        status=_status(spec.status, values, needed),
        status_at=optional_time(spec.status_at, values),
        findings=_findings(spec, values, now, needed),
        seen_at=optional_time(spec.seen_at, values),
        keep=spec.keep_when.truth(values) if spec.keep_when else False,
        recheck_at=optional_time(spec.recheck_at, values),
    )


def _status(status: Expression | None, values: Values, needed: frozenset[str]) -> str | None:
    """Null and "" are no status; an absent member is half an answer where the judgement reads it."""
    if status is None:
        return None
    try:
        return status.text(values) or None
    except ExprError as error:
        if error.null or (error.absent and "snapshot.status" not in needed):
            return None
        raise


def _findings(spec: SnapshotSpec, values: Values, now: float, needed: frozenset[str]) -> tuple[Finding, ...]:
    if spec.finding is None or spec.each is None:
        return ()
    rows = spec.each.value(values.raw)
    if not isinstance(rows, list):
        raise ExprError("", "must be a list", path=spec.each.text)
    found: dict[str, Finding] = {}
    for row in rows:
        one = spec.finding.read(values.plus("item", row), now, needed)
        if one is not None and (one.key not in found or found[one.key].exempt):
            found[one.key] = one
    return tuple(found.values())
