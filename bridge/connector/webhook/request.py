"""What a vendor's webhook says: the `request` and `[[on]]` keys of a manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from bridge.connector.language import finding, mentions
from bridge.connector.language.expr import Expression, Kind, Scope
from bridge.connector.language.finding import FindingSpec
from bridge.connector.language.mentions import Mention
from bridge.connector.language.reader import Table


class WebhookScopes:
    """The names that expressions over a webhook may use, without and with the `item` of an `each`."""

    def __init__(self, settings: Mapping[str, str]) -> None:
        self._settings = {f"settings.{name}": kind for name, kind in settings.items()}

    @cached_property
    def whole(self) -> Scope:
        return Scope({"body": "any", "headers": "headers", **self._settings})

    @cached_property
    def item(self) -> Scope:
        return Scope({"body": "any", "headers": "headers", "item": "any", **self._settings})


@dataclass(frozen=True, slots=True)
class Request:
    """`id`: the delivery's own, for deduplication. `test` is true for a delivery that only tries the line."""

    id: Expression | None
    at: Expression | None
    type: Expression | None
    test: Expression | None
    content_types: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class On:
    """What to do on some events. `events` empty: on all. Without `finding` it only rings for the device.

    `deleted` is true where the vendor says that it has deleted the device.
    """

    path: str
    events: frozenset[str]
    when: Expression | None
    each: tuple[Mention, ...]
    device: Expression
    name: Expression | None
    owner: Expression | None
    owner_id: Expression | None
    finding: FindingSpec | None
    deleted: Expression | None


def read_request(root: Table, scopes: WebhookScopes) -> Request:
    table = root.table("request") or Table({}, "request", root.faults)
    types = table.texts("content_types", ("application/json",))
    request = Request(
        id=table.expression("id", scopes.whole, Kind.TEXT),
        at=table.expression("at", scopes.whole, Kind.TIME),
        type=table.expression("type", scopes.whole, Kind.TEXT),
        test=table.expression("test", scopes.whole, Kind.BOOL),
        content_types=tuple(kind.lower() for kind in types),
    )
    table.done()
    return request


def read_ons(root: Table, scopes: WebhookScopes, request: Request) -> tuple[On, ...]:
    rows = root.rows("on")
    if not rows:
        root.fault("on", "is required: write at least one [[on]]")
    found = [_on(row, scopes, request) for row in rows]
    return tuple(on for on in found if on is not None)


def _on(table: Table, scopes: WebhookScopes, request: Request) -> On | None:
    events = frozenset(table.texts("events"))
    if events and request.type is None:
        table.fault("events", "needs request.type, which says where the event's name stands")
    each = _each(table)
    scope = scopes.item if each else scopes.whole
    when = table.expression("when", scope, Kind.BOOL)
    device = table.expression("device", scope, Kind.TEXT, required=True)
    inner = table.table("finding")
    spec = finding.read(inner, scope) if inner else None
    texts = {key: table.expression(key, scope, Kind.TEXT) for key in ("name", "owner", "owner_id")}
    deleted = table.expression("deleted", scope, Kind.BOOL)
    if deleted is not None and spec is not None:
        table.fault("deleted", "a block that states a finding cannot state that its device is deleted")
    table.done()
    if device is None:
        return None
    return On(table.path, events, when, each, device, finding=spec, deleted=deleted, **texts)


def _each(table: Table) -> tuple[Mention, ...]:
    raw = table.get("each")
    sources = [raw] if isinstance(raw, str) else raw if isinstance(raw, list) else [] if raw is None else [None]
    found: list[Mention] = []
    for source in sources:
        try:
            mention = mentions.resolve(source, ["body"]) if isinstance(source, str) else None
        except ValueError:
            mention = None
        if mention is None:
            table.fault("each", 'must be a path, or a list of paths, into the body, as in "body.hosts"')
        else:
            found.append(mention)
    return tuple(found)
