"""`caep-bridge deliveries`: each SET on its way: what waits, what was delivered, what died and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from bridge.cli.console.configured import WrongCall, load_config
from bridge.cli.console.near import near
from bridge.cli.console.opened import opened
from bridge.cli.console.output import pairs, say, table, when, write, write_json
from bridge.cli.console.seen import login_in, seen
from bridge.cli.deliveries.changes import drop, retry
from bridge.cli.deliveries.lookup import NONE, Ways, find, named, stream_ids, ways
from bridge.clock import SystemClock
from bridge.model import DeliveryState

if TYPE_CHECKING:
    from bridge.store.protocol import Store
    from bridge.store.records import Delivery

deliveries = App(name="deliveries", help="The SETs: waiting, delivered, dead, and why.")
deliveries.command(retry)
deliveries.command(drop)


@deliveries.command(name="list")
async def list_(
    *,
    stream: str | None = None,
    state: DeliveryState | None = None,
    device: str | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    limit: int = 100,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """The newest first.

    Parameters
    ----------
    stream
        Only this stream's: its name or stream id.
    state
        Only those in this state.
    device
        Only those about this device: its id, or CONNECTOR/ID.
    dry_run
        What would have gone, were it not for dry_run = true of the receiver or the connector.
    limit
        At most so many.
    as_json
        Print JSON.
    """
    if limit < 1:
        raise WrongCall("--limit must be at least 1")
    if dry_run and state not in (None, "dry_run"):
        raise WrongCall("--dry-run and --state exclude each other: what is rehearsed is never sent")
    state = "dry_run" if dry_run else state
    config = load_config().config
    async with opened(config) as store:
        names = await named(store)
        ids = stream_ids(names, stream)
        if ids == []:
            say(f"there is no stream {stream}" + near(stream or "", list(names.values())))
            return 1
        about = await _about(store, device, list(config.connectors))
        found: list[Delivery] = []
        wanted: list[str | None] = [None] if ids is None else [*ids]
        for stream_id in wanted:
            found += await store.deliveries(stream_id=stream_id, state=state, device=about, limit=limit + 1)
        how = await ways(config, store)
    found.sort(key=lambda one: -one.id)
    if as_json:
        write_json([summary(one, names, how) for one in found[:limit]])
    else:
        _table(found[:limit], names, how)
    if len(found) > limit:
        say(f"there are more than {limit}: --limit shows more, --stream, --state and --device narrow it down")
    return 0


@deliveries.command
async def show(
    which: Annotated[str, Parameter(name="ID_OR_JTI")],
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """One SET: its header and claims, its attempts, the receiver's last answer, and what happened when.

    Where the receiver can be asked (`api_token`), also whether the SET shows in its log: accepted is no proof.

    Parameters
    ----------
    which
        The delivery's number, or the `jti` of its SET.
    as_json
        Print JSON.
    """
    config = load_config().config
    async with opened(config) as store:
        names = await named(store)
        found = await find(store, which)
        how = await ways(config, store)
    if found is None:
        say(f"there is no delivery {which}")
        return 1
    document = detailed(found, names, SystemClock().now(), how)
    receiver = config.receivers.get(names.get(found.stream_id, ""))
    document["seen"] = await seen(found, receiver, config, login_in(document["claims"] or {}))
    if as_json:
        write_json(document)
    else:
        _print(document)
    return 0


async def _about(store: Store, device: str | None, configured: list[str]) -> tuple[str, str] | None:
    from bridge.cli.devices.lookup import the_connector

    if device is None:
        return None
    connector, slash, device_id = device.partition("/")
    if slash and connector in configured:
        return connector, device_id
    return (await the_connector(store, device, configured) or ""), device


def summary(one: Delivery, names: dict[str, str], how: Ways = NONE) -> dict[str, Any]:
    """A delivery as `--json` has it; the SET itself only in `deliveries show`. One about the stream has no status."""
    about_a_device = kind(one) == "event"
    return {
        "id": one.id,
        "jti": one.jti,
        "stream": names.get(one.stream_id),
        "stream_id": one.stream_id,
        "kind": kind(one),
        "connector": one.connector,
        "device": one.device_id,
        "subject": one.subject,
        "status": one.status if about_a_device else None,
        "previous": one.previous if about_a_device else None,
        "state": one.state,
        "created_at": one.created_at,
        "attempts": one.attempts,
        "next_at": one.next_at if one.state == "pending" else None,
        "waiting": how.waiting(one, SystemClock().now()) if one.state == "pending" else None,
        "leased_until": one.leased_until if one.state == "pending" else None,
        "settled_at": one.settled_at,
        "last_code": one.last_code,
        "last_words": one.last_words,
        "txn": one.txn,
    }


def _table(found: list[Delivery], names: dict[str, str], how: Ways) -> None:
    now = SystemClock().now()
    table(
        ("id", "stream", "device", "status", "state", "made", "attempts", "next", "last answer"),
        (
            (one.id, names.get(one.stream_id, one.stream_id),
             _about_whom(one.connector, one.device_id, kind(one)), _status(one), one.state,
             when(one.created_at), one.attempts, _next(one, now, how), answer(one))
            for one in found
        ),
        empty="no delivery like that",
    )  # fmt: skip


def _status(one: Delivery) -> str:
    return one.status if kind(one) == "event" else ""


def kind(one: Delivery) -> str:
    """`event`, or what is told about the stream itself."""
    return {0: "stream-updated", 1: "verification"}.get(one.rank, "event")


def _about_whom(connector: str, device_id: str, kind: str) -> str:
    """A test of the stream has no device."""
    return f"{connector}/{device_id}" if device_id else "(a test)" if kind == "event" else f"({kind})"


def _next(one: Delivery, now: float, how: Ways) -> str:
    if one.state != "pending":
        return ""
    word = how.waiting(one, now)
    if word == "handed out":
        return f"handed out until {when(one.leased_until)}"
    if word in ("unverified", "to be fetched"):
        return word
    return when(one.next_at) if one.next_at > now else "now"


def answer(one: Delivery) -> str:
    return ": ".join(part for part in (one.last_code, one.last_words) if part)


def detailed(one: Delivery, names: dict[str, str], now: float, how: Ways = NONE) -> dict[str, Any]:
    """As `--json` shows one delivery. The signature of the SET is left out: who sees this could send it."""
    from bridge.ssf.decoded import decoded

    header, claims = decoded(one.text)
    return {
        **summary(one, names, how),
        "kid": one.kid,
        "order": one.order,
        "faults": one.faults,
        "maybe_received": one.maybe_received,
        "header": header,
        "claims": claims,
        "timeline": [{"at": at, "what": what} for at, what in timeline(one)],
    }


def timeline(one: Delivery) -> list[tuple[float, str]]:
    """What the store knows of when things happened, oldest first; what is yet to come stands last."""
    last = f" ({answer(one)})" if answer(one) else ""
    tries = f"{one.attempts} attempt{'' if one.attempts == 1 else 's'}"
    ends = {"delivered": "acknowledged by the receiver", "dead": "given up", "superseded": "superseded"}
    doubt = "; the receiver may have it nevertheless" if one.state == "superseded" and one.maybe_received else ""
    moments = [
        (one.rung_at, "the webhook that began it came in"),
        (one.created_at, "would have been sent (dry run)" if one.state == "dry_run" else "minted and signed"),
        (one.faulted_at, "first refused for its own fault"),
        (one.settled_at, f"{ends.get(one.state, one.state)} after {tries}{last}{doubt}"),
        (one.next_at if one.state == "pending" and one.attempts else None, f"next attempt after {tries}{last}"),
    ]
    known = [(at, what) for at, what in moments if at is not None]
    return sorted(known, key=lambda moment: moment[0])


def _at_receiver(seen: dict[str, Any]) -> str:
    at = f" ({seen['at']}, event {seen['event']})" if seen["state"] == "seen" else ""
    return f"accepted; {seen['words']}{at}"


def _now(one: dict[str, Any]) -> str:
    handed_out = one["waiting"] == "handed out"
    return f"handed out until {when(one['leased_until'])}" if handed_out else str(one["waiting"])


def _print(one: dict[str, Any]) -> None:
    import json

    write(f"delivery {one['id']} to {one['stream'] or one['stream_id']}: {one['state']}")
    pairs(
        [
            ("  device", _about_whom(one["connector"], one["device"], one["kind"])),
            ("  subject", one["subject"]),
            *([("  status", f"{one['status']} (was told {one['previous']} before)")] if one["status"] else []),
            ("  attempts", f"{one['attempts']}, {one['faults']} of them faults of its own"),
            ("  last answer", ": ".join(part for part in (one["last_code"], one["last_words"]) if part) or "none"),
            ("  txn", one["txn"]),
            *([("  now", _now(one))] if one["waiting"] else []),
            *([("  at the receiver", _at_receiver(one["seen"]))] if one["seen"] else []),
        ]
    )
    for moment in one["timeline"]:
        write(f"  {when(moment['at'])}  {moment['what']}")
    write("header " + json.dumps(one["header"], ensure_ascii=False))
    write("claims " + json.dumps(one["claims"], indent=2, ensure_ascii=False))
