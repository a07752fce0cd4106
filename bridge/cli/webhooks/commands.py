"""`caep-bridge webhooks`: what came, and what followed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from bridge.cli.console.configured import WrongCall, load_config
from bridge.cli.console.moments import moment
from bridge.cli.console.opened import opened
from bridge.cli.console.output import pairs, say, table, when, write, write_json
from bridge.cli.webhooks.lookup import unknown
from bridge.cli.webhooks.replay import replay

if TYPE_CHECKING:
    from bridge.store.archive import Kept
    from bridge.store.protocol import Store

webhooks = App(name="webhooks", help="The webhooks that came, and what followed.")
webhooks.command(replay)

MOST_DEVICES = 20
"""Devices on the screen; --json has all."""


@webhooks.command(name="list")
async def list_(
    *,
    connector: str | None = None,
    since: str | None = None,
    outcome: str | None = None,
    search: str = "",
    limit: int = 100,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """The newest first, also those that were signed and did not fit (outcome misfit).

    Parameters
    ----------
    connector
        Only what came to this connector.
    since
        Only from then on: "2h" ago, or a date.
    outcome
        Only these: accepted, test, unknown_event, not_concerned, misfit.
    search
        Only where id, type, txn, problem or a device's id holds this text; payloads are not searched.
    limit
        At most so many.
    as_json
        Print JSON.
    """
    from bridge.store.archive import Wanted

    if limit < 1:
        raise WrongCall("--limit must be at least 1")
    want = Wanted(connector, moment(since), outcome, search, limit=limit + 1)
    async with opened(load_config().config) as store:
        found = await store.webhooks(want)
    if as_json:
        write_json([summary(one) for one in found[:limit]])
    else:
        table(
            ("id", "received", "connector", "type", "outcome", "rang for", "payload"),
            (
                (one.id, when(one.received_at), one.connector, one.type, one.outcome, _rang(one), _payload(one))
                for one in found[:limit]
            ),
            empty="no webhook like that",
        )
    if len(found) > limit:
        say(
            f"there are more than {limit}: --limit shows more, --connector, --since, --outcome, --search narrow it down"
        )
    return 0


@webhooks.command
async def show(
    webhook_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    body: Annotated[bool, Parameter(negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """One webhook: when, of which type, the devices that it rang for, the looks and SETs that followed.

    Parameters
    ----------
    webhook_id
        Its id, as the vendor got it in the answer.
    body
        Show the payload too: it holds personal data.
    as_json
        Print JSON.
    """
    async with opened(load_config().config) as store:
        found = await store.webhook(webhook_id)
        if found is None:
            await unknown(store, webhook_id)
            return 1
        document = await _detailed(store, found, body)
    if as_json:
        write_json(document)
    else:
        _print(document)
    return 0


def summary(one: Kept) -> dict[str, Any]:
    """A webhook as `--json` has it, without its payload."""
    return {
        "id": one.id,
        "connector": one.connector,
        "received_at": one.received_at,
        "type": one.type,
        "outcome": one.outcome,
        "problem": one.problem or None,
        "txn": one.txn or None,
        "devices": list(one.devices),
        "payload": "deleted" if one.size is None else "kept",
        "size": one.size,
    }


async def _detailed(store: Store, one: Kept, body: bool) -> dict[str, Any]:
    names = {row.id: row.name for row in await store.streams()}
    sets = [
        {"id": s.id, "stream": names.get(s.stream_id, s.stream_id), "device": f"{s.connector}/{s.device_id}",
         "status": s.status, "state": s.state, "created_at": s.created_at, "settled_at": s.settled_at}
        for s in await store.caused(one.txn)
    ]  # fmt: skip
    looks = [await _look(store, one, device_id) for device_id in one.devices[:MOST_DEVICES]]
    document = {**summary(one), "headers": dict(one.headers), "looks": looks, "sets": sets}
    if body:
        document["body"] = None if one.body is None else one.body.decode("utf-8", "replace")
    return document


async def _look(store: Store, one: Kept, device_id: str) -> dict[str, Any]:
    """How it stands with a device that the webhook rang for."""
    look, device = await store.look(one.connector, device_id), await store.device(one.connector, device_id)
    return {
        "device": device_id,
        "due_at": look.due_at if look else None,
        "attempts": look.attempts if look else 0,
        "last_error": (look.last_error or None) if look else None,
        "looked_at": device.looked_at if device else None,
        "answered": device is not None and device.looked_at is not None and device.looked_at >= one.received_at,
        "status": device.status if device else None,
        "reason": device.reason if device else None,
    }


def _rang(one: Kept) -> str:
    return one.devices[0] if len(one.devices) == 1 else f"{len(one.devices)} devices" if one.devices else ""


def _payload(one: Kept) -> str:
    return "deleted" if one.size is None else f"{one.size} bytes"


def _print(one: dict[str, Any]) -> None:
    deleted = "deleted by retention, or with a person who was forgotten: it cannot be replayed"
    write(f"webhook {one['id']} to {one['connector']}: {one['outcome']}")
    pairs(
        [
            ("  received", when(one["received_at"])),
            ("  type", one["type"] or "unknown"),
            *([("  problem", one["problem"])] if one["problem"] else []),
            ("  txn", one["txn"] or "none: it rang for nobody"),
            ("  payload", deleted if one["size"] is None else f"{one['size']} bytes"),
            *((f"  {name}", value) for name, value in one["headers"].items()),
        ]
    )
    for look in one["looks"]:
        write(f"  rang for {look['device']}: {_looked(look)}")
    if len(one["devices"]) > MOST_DEVICES:
        write(f"  and for {len(one['devices']) - MOST_DEVICES} more")
    for each in one["sets"]:
        write(f"  SET {each['id']} to {each['stream']}, {each['status']}, about {each['device']}: {each['state']}")
    if one["looks"] and not one["sets"]:
        write(
            "  no SET has this txn: nothing changed, or one look answered several webhooks: "
            "see `caep-bridge devices show ID`"
        )
    if "body" in one and one["body"] is not None:
        write(one["body"])


def _looked(look: dict[str, Any]) -> str:
    if look["answered"]:
        return f"looked at {when(look['looked_at'])}, {look['status'] or 'no verdict'} ({look['reason']})"
    if look["due_at"] is not None:
        return f"a look is due {when(look['due_at'])}" + (f", after {look['last_error']}" if look["last_error"] else "")
    return "not looked at since" if look["looked_at"] else "no look has ended well"
