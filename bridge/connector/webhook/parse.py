"""A verified webhook → what it says. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bridge.connector.language.complaint import ExprError
from bridge.connector.language.expr import Values
from bridge.connector.language.finding import identity, optional_text, shown_text
from bridge.connector.language.tree import Gap, NotJson, read_json
from bridge.connector.webhook.request import On, Request
from bridge.connector.webhook.salvage import salvage
from bridge.errors import Misfit
from bridge.model import Owner, Parsed, Statement, VerifiedWebhook, Webhook
from bridge.value import replace

MAX_STATEMENTS = 20_000


def parse(request: Request, ons: tuple[On, ...], settings: Mapping[str, object], webhook: VerifiedWebhook) -> Parsed:
    """Raises Misfit, with the ids of the devices that can still be read.

    `ignored` is `test`, `unknown_event`, or `not_concerned` (no `when` held, or the event names no device).
    """
    try:
        body = read_json(webhook.body)
    except NotJson as error:
        raise _refused(error, request, ons, settings, webhook) from None
    if not isinstance(body, dict):
        raise Misfit("", "must be a JSON object")
    values = Values({"body": body, "headers": webhook.headers, **settings})
    try:
        return _read(request, ons, values, webhook.received_at)
    except ExprError as error:
        raise Misfit(_shown(error.path), error.message, _readable(request, ons, values)) from None


def _refused(
    error: NotJson, request: Request, ons: tuple[On, ...], settings: Mapping[str, object], webhook: VerifiedWebhook
) -> Misfit:
    sound, path = salvage(webhook.body)
    if not isinstance(sound, dict):
        return Misfit(error.path or path, error.message)
    values = Values({"body": sound, "headers": webhook.headers, **settings})
    return Misfit(error.path or path, error.message, _readable(request, ons, values))


def stated_time(request: Request, settings: Mapping[str, object], webhook: Webhook) -> float | None:
    """The time that the body states, as far as it can be read."""
    try:
        body = read_json(webhook.body)
        return request.at.time(Values({"body": body, "headers": webhook.headers, **settings})) if request.at else None
    except (NotJson, ExprError):
        return None


def _read(request: Request, ons: tuple[On, ...], values: Values, received_at: float) -> Parsed:
    kind = request.type.text(values) if request.type else ""
    parsed = Parsed(
        type=kind,
        delivery_id=(request.id.text(values) or None) if request.id else None,
        at=request.at.time(values) if request.at else None,
    )
    if request.test is not None and request.test.truth(values):
        return replace(parsed, ignored="test")
    concerned = [on for on in ons if not on.events or kind in on.events]
    if not concerned:
        return replace(parsed, ignored="unknown_event")
    at = received_at if parsed.at is None else parsed.at
    statements = tuple(statement for on in concerned for statement in _statements(on, values, at))
    if len(statements) > MAX_STATEMENTS:
        raise ExprError("", f"names more than {MAX_STATEMENTS} devices")
    return replace(parsed, statements=statements, ignored="" if statements else "not_concerned")


def _statements(on: On, values: Values, at: float) -> Iterator[Statement]:
    if on.when is not None and not on.when.reads("item") and not on.when.truth(values):
        return
    for each in _items(on, values):
        if on.when is None or on.when.truth(each):
            yield _statement(on, each, at)


def _statement(on: On, values: Values, at: float) -> Statement:
    email, owner_id = optional_text(on.owner, values), optional_text(on.owner_id, values)
    return Statement(
        device_id=identity(on.device, values, "device's id"),
        finding=on.finding.read(values, at) if on.finding else None,
        owner=Owner(owner_id, email) if email or owner_id else None,
        name=shown_text(on.name, values),
        deleted=on.deleted.truth(values) if on.deleted else False,
    )


def _items(on: On, values: Values) -> Iterator[Values]:
    if not on.each:
        yield values
        return
    for mention in on.each:
        for item in _listed(mention.value, values, mention.text):
            yield values.plus("item", item)


def _listed(read: object, values: Values, path: str) -> list[object]:
    assert callable(read)
    try:
        found = read(values.raw)
    except Gap as gap:
        raise ExprError("", "is null" if gap.null else "is missing", path=path, absent=True) from None
    if found is None:
        return []
    if not isinstance(found, list):
        raise ExprError("", "must be a list", path=path)
    return found


def _readable(request: Request, ons: tuple[On, ...], values: Values) -> tuple[str, ...]:
    """The devices of a misfit: of the blocks for its event, or of all blocks if the event cannot be told."""
    try:
        kind = request.type.text(values) if request.type else None
    except ExprError:
        kind = None
    found: dict[str, None] = {}
    for on in ons:
        if kind is None or not on.events or kind in on.events:
            found.update(dict.fromkeys(_devices(on, values)))
    return tuple(found)[:MAX_STATEMENTS]


def _devices(on: On, values: Values) -> Iterator[str]:
    try:
        items = list(_items(on, values))
    except ExprError:
        return
    for each in items:
        try:
            yield identity(on.device, each, "device's id")
        except ExprError:
            continue


def _shown(path: str) -> str:
    """The field as the sender knows it: without our own name for the whole body."""
    return path.removeprefix("body.") if path != "body" else ""
