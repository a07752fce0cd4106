"""`caep-bridge streams`: the streams of the configuration and of receivers' own making, and how they do."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from bridge.cli.console.configured import load_config
from bridge.cli.console.near import near
from bridge.cli.console.opened import entries_of, exists, opened
from bridge.cli.console.output import listed, pairs, say, table, when, write, write_json
from bridge.cli.streams.changes import enable, pause, prune, resync, test, verify
from bridge.cli.streams.made import long_use, made_by_receiver, short_use

if TYPE_CHECKING:
    from bridge.config import Loaded
    from bridge.pipeline.streams.roster import Entry
    from bridge.store.records import Backlog, StreamRow

streams = App(name="streams", help="The streams to receivers, and how they do.")
for _change in (pause, enable, verify, test, resync, prune):
    streams.command(_change)

STATES = {
    "": "enabled", "disabled": "disabled", "dry_run": "dry run", "orphaned": "orphaned", "not_started": "not started",
}  # fmt: skip


@streams.command(name="list")
async def list_(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """Each stream: whether it runs, the receiver's health, what is pending and dead. Orphaned ones too.

    Parameters
    ----------
    as_json
        Print JSON.
    """
    found = await _described(load_config())
    if as_json:
        write_json(found)
        return 0
    table(
        ("stream", "profile", "audience", "state", "health", "pending", "dead", "oldest", "last delivered",
         "way", "made by"),
        (
            (one["name"], one["profile"], one["audience"], one["state"], _short_health(one),
             one["pending"], one["dead"],
             when(one["oldest_pending_at"]), when(one["last_delivered_at"]),
             one.get("delivery", ""), short_use(one))
            for one in found
        ),
        empty="no receiver is configured and none made a stream: nobody is told anything",
    )  # fmt: skip
    return 0


@streams.command
async def show(name: str, /, *, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """One stream: its configuration, identity, health with the receiver's own words, and backlog.

    Parameters
    ----------
    name
        The name of the receiver, or a stream id.
    as_json
        Print JSON.
    """
    everything = await _described(load_config(), name)
    found = [one for one in everything if name in (one["name"], one["stream_id"])]
    if not found:
        say(f"there is no stream {name}" + near(name, [one["name"] for one in everything]))
        return 1
    if as_json:
        write_json(found[0])
    else:
        _print(found[0])
    if len(found) > 1:
        say("streams of that name from before, by their ids: " + ", ".join(one["stream_id"] for one in found[1:]))
    return 0


async def _described(loaded: Loaded, name: str = "") -> list[dict[str, Any]]:
    """All of them; of those of that name or id, where there is one, also what is counted stream by stream."""
    from bridge.clock import SystemClock
    from bridge.pipeline.streams.roster import roster

    if not exists(loaded.config):
        say("there is no store yet: the first start of `caep-bridge serve` makes it, and the streams")
        return [describe(entry, None, loaded) for entry in roster(loaded.config.receivers, [])]
    async with opened(loaded.config) as store:
        backlog = {line.stream_id: line for line in await store.backlog(SystemClock().now())}
        entries = await entries_of(loaded.config, store)
        found = [describe(entry, backlog.get(entry.row.id) if entry.row else None, loaded) for entry in entries]
        for one in found:
            if "client" in one and name in (one["name"], one["stream_id"]):
                one["subjects"] = asdict(await store.count_choices(one["stream_id"]))
    return found


def describe(entry: Entry, load: Backlog | None, loaded: Loaded) -> dict[str, Any]:
    """A stream as `--json` has it. What came from a reference is shown as set."""
    row = entry.row
    return {
        "name": entry.name,
        "stream_id": row.id if row else None,
        "state": state_of(entry),
        "paused": row.paused if row else "",
        **(_configured(entry, loaded) if row is None or row.subscription is None else made_by_receiver(entry, loaded)),
        "healthy": row is None or row.failures == 0,
        "health": _health(row),
        "pending": load.pending if load else 0,
        "dead": load.dead if load else 0,
        "oldest_pending_at": load.oldest_at if load else None,
        "last_delivered_at": row.last_delivered_at if row else None,
        "created_at": row.created_at if row else None,
    }


def state_of(entry: Entry) -> str:
    row, standing = entry.row, STATES[entry.standing]
    made = row.subscription if row is not None else None
    paused = row is not None and bool(row.paused or (made is not None and made.status == "paused"))
    return "paused" if paused and not entry.standing else standing


def _configured(entry: Entry, loaded: Loaded) -> dict[str, Any]:
    receiver = entry.receiver
    if receiver is None:
        return {"profile": None, "audience": entry.row.audience if entry.row else None, "endpoint": None}
    return {
        "profile": receiver.profile,
        "audience": _public(entry.name, "audience", receiver.audience, loaded),
        "endpoint": _endpoint(entry, loaded),
        "delivery": receiver.delivery,
        "subject": receiver.subject,
        "aggregate": receiver.aggregate,
        "events": sorted(entry.stream.events) if entry.stream else list(receiver.events or ()),
        "connectors": list(receiver.connectors) if receiver.connectors is not None else "all",
        "domains": list(receiver.domains) if receiver.domains is not None else "all",
        "authorization_header": "set" if receiver.authorization_header is not None else "none",
    }


def _endpoint(entry: Entry, loaded: Loaded) -> str | None:
    """The endpoint without a password; that of an okta receiver is as secret as the audience that it is made of."""
    from bridge.config.sections import without_password

    receiver = entry.receiver
    if receiver is None or receiver.endpoint_url is None:
        return None
    written = ("receivers", entry.name, "endpoint_url") in loaded.written
    key = "endpoint_url" if written else "audience"
    return _public(entry.name, key, without_password(str(receiver.endpoint_url)), loaded)


def _public(name: str, key: str, value: str, loaded: Loaded) -> str:
    origin = loaded.origins.get(("receivers", name, key))
    return value if origin is None else f"set ({origin})"


def _health(row: StreamRow | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {
        "failures": row.failures,
        "unwell_since": row.unwell_since,
        "next_probe_at": row.retry_at,
        "last_code": row.last_code,
        "last_words": row.last_words,
    }


def _short_health(one: dict[str, Any]) -> str:
    health = one["health"]
    return "" if health is None else "well" if one["healthy"] else f"unwell: {health['last_code']}"


def _print(one: dict[str, Any]) -> None:
    keys = ("profile", "audience", "endpoint", "delivery", "subject", "aggregate", "events", "connectors", "domains")
    oldest = f", the oldest since {when(one['oldest_pending_at'])}" if one["pending"] else ""
    write(f"stream {one['name']} ({one['state']})")
    pairs(
        [
            ("  stream id", one["stream_id"] or "none yet: `caep-bridge serve` makes it"),
            *((f"  {key}", listed(one[key])) for key in keys if one.get(key) is not None),
            ("  authorization", one.get("authorization_header", "not known")),
            ("  health", _long_health(one)),
            ("  backlog", f"{one['pending']} pending{oldest}, {one['dead']} dead"),
            ("  last delivered", when(one["last_delivered_at"]) or "nothing yet"),
            *long_use(one),
        ]
    )
    if one["paused"]:
        write(f"  paused {one['paused']}: nothing is made or sent until `caep-bridge streams enable {one['name']}`")
    if one["state"] == "dry run":
        write("  dry_run = true: nothing is sent; `caep-bridge deliveries list --dry-run` has what would have gone")
    if one["state"] == "orphaned" and one.get("client"):
        write("  its client is no longer in [oauth.clients]: nothing is sent, what was pending is superseded")
    elif one["state"] == "orphaned":
        write("  no receiver of this name has its audience any more: nothing is sent, what was pending is superseded")


def _long_health(one: dict[str, Any]) -> str:
    health = one["health"]
    if health is None:
        return "not known yet"
    if one["healthy"]:
        return "well"
    answer = ": ".join(part for part in (health["last_code"], health["last_words"]) if part)
    probe = f"; next probe {when(health['next_probe_at'])}" if health["next_probe_at"] else ""
    return f"unwell since {when(health['unwell_since'])}, {health['failures']} failures in a row: {answer}{probe}"
