"""What an operator does to a stream: pause it, let it go on, verify, test, compare it with the truth, forget it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from bridge.cli.console.changing import confirmed, record
from bridge.cli.console.configured import WrongCall, load_config
from bridge.cli.console.errand import errand
from bridge.cli.console.opened import entries_of, opened
from bridge.cli.console.output import say, table, write, write_json
from bridge.cli.streams.carried import still_carried
from bridge.cli.streams.enable import done, let_go_on

if TYPE_CHECKING:
    from bridge.pipeline.operator.differences import Difference
    from bridge.pipeline.streams.roster import Entry
    from bridge.store.errands import ErrandKind
    from bridge.store.protocol import Store

Json = Annotated[bool, Parameter(name="--json", negative="")]
Yes = Annotated[bool, Parameter(negative="")]
SHOWN = 50
"""Differences that are listed for people; `--json` has them all."""


async def pause(name: str, /, *, reason: str = "", as_json: Json = False) -> int:
    """Make and send nothing to a stream until `enable`. What is pending waits; what changes meanwhile is told then.

    Parameters
    ----------
    name
        The name of the receiver, or a stream id.
    reason
        Why, for whoever looks at it later; its receiver is told it, too.
    as_json
        Print JSON.
    """
    from bridge.pipeline.streams.running import UNSAID

    async with opened(load_config().config) as store:
        entry = await _one(store, name)
        if entry is None or entry.row is None:
            return 1
        before = entry.row.paused
        why = reason or UNSAID
        await store.pause(entry.row.id, why)
        await record(store, "streams.pause", entry.name, reason, before or "runs", "paused")
    return done(entry.name, "paused", f"{entry.name} is paused: {why}", as_json)


async def enable(name: str, /, *, reason: str = "", as_json: Json = False) -> int:
    """Let a paused stream go on: it is told what differs from what it was told before.

    One that its receiver itself paused or disabled stays so; one that the service paused goes on.

    Parameters
    ----------
    name
        The name of the receiver, or a stream id.
    reason
        Why, for whoever looks at it later.
    as_json
        Print JSON.
    """
    async with opened(load_config().config) as store:
        entry = await _one(store, name)
        if entry is None or entry.row is None:
            return 1
        if entry.row.subscription is not None:
            return await let_go_on(store, entry, reason, as_json)
        if entry.standing in ("disabled", "orphaned"):
            remedy = "enabled = true in its [receivers] table" if entry.standing == "disabled" else "its return there"
            say(f"{entry.name} is {entry.standing} by the configuration: what changes that is {remedy}, and a restart")
            return 1
        if entry.standing == "dry_run" and not entry.row.paused:
            say(f"{entry.name} is in dry run: dry_run = false in its [receivers] table and a restart end that")
            return 1
        if not entry.row.paused:
            return done(entry.name, "enabled", f"{entry.name} was not paused", as_json)
        await store.pause(entry.row.id, "")
        await record(store, "streams.enable", entry.name, reason, f"paused: {entry.row.paused}", "runs")
    return done(entry.name, "enabled", f"{entry.name} goes on", as_json)


async def verify(name: str, /, *, as_json: Json = False) -> int:
    """Send a verification event (SSF 1.0 §8.1.4) and say what the receiver answered.

    Parameters
    ----------
    name
        The name of the receiver, or a stream id.
    as_json
        Print JSON.
    """
    async with opened(load_config().config) as store:
        entry = await _one(store, name)
        if entry is None:
            return 1
        if entry.stream is not None and entry.stream.profile == "okta":
            raise WrongCall(
                f"{entry.name} has the okta profile, which knows no verification event: Okta would refuse it. "
                f"`caep-bridge streams test {entry.name} --user LOGIN` sends it something that it knows."
            )
        return await _asked(store, "verify", entry.name, {}, as_json)


async def test(name: str, /, *, user: str, as_json: Json = False) -> int:
    """Send one labelled pair about one person, failing and then compliant, to see whether it arrives and is acted on.

    The person is out for the moment between the two. Refused if this receiver was told that the person is not
    compliant: the test would let them in.

    Parameters
    ----------
    name
        The name of the receiver, or a stream id.
    user
        The login of the person, as the receiver knows it: best your own.
    as_json
        Print JSON.
    """
    if "@" not in user:
        raise WrongCall("--user must be a login such as me@acme.example")
    async with opened(load_config().config) as store:
        entry = await _one(store, name)
        if entry is None:
            return 1
        await record(store, "streams.test", entry.name, "", "", user)
        return await _asked(store, "test", entry.name, {"user": user}, as_json)


async def resync(
    name: str, /, *, dry_run: Annotated[bool, Parameter(negative="")] = False, as_json: Json = False
) -> int:
    """Compare what is so with what a stream was told, say what differs, and tell it, through the guard.

    Parameters
    ----------
    name
        The name of the receiver, or a stream id.
    dry_run
        Only say what differs; of a stream that is paused or in dry run, what it would be told once it runs.
    as_json
        Print JSON.
    """
    from bridge.pipeline.operator.differences import differences

    config = load_config().config
    async with opened(config) as store:
        entry = await _one(store, name)
        if entry is None:
            return 1
        if entry.stream is None or not entry.stream.id:
            say(f"{entry.name} has no stream yet, or is not configured any more")
            return 1
        if dry_run:
            running = replace(entry.stream, enabled=True, paused=False)
            found = [one async for one in differences(store, running, config.namespaces)]
            return _differ(entry, found, as_json)
        found = [one async for one in differences(store, entry.stream, config.namespaces)]
        _announce(entry.name, found)
        await record(store, "streams.resync", entry.name, "", f"{len(found)} differ", "")
        return await _asked(store, "resync", entry.name, {}, as_json, differed=len(found))


async def prune(name: str, /, *, yes: Yes = False, as_json: Json = False) -> int:
    """Forget a stream whose receiver is gone from the configuration, with all that it was told.

    Parameters
    ----------
    name
        The name of the receiver that was, or a stream id.
    yes
        Do not ask.
    as_json
        Print JSON.
    """
    async with opened(load_config().config) as store:
        entry = await _one(store, name, orphaned=True)
        if entry is None or entry.row is None:
            return 1
        if entry.standing != "orphaned" and entry.row.subscription is not None:
            say(f"{entry.name} is a stream of client {entry.row.client}: its receiver deletes it, by the API")
            return 1
        if entry.standing != "orphaned":
            say(f"{entry.name} stands in the configuration: only a stream without its receiver is pruned")
            return 1
        if await still_carried(load_config().config, store, entry.row):
            say(f"the `serve` that runs still carries {entry.name}: restart it with this configuration first")
            return 1
        if not confirmed(f"Forget stream {entry.name} ({entry.row.id}) and everything that it was told?", yes):
            return 1
        gone = await store.prune_stream(entry.row.id)
        await record(store, "streams.prune", entry.name, "", f"{entry.row.id}: {gone} rows", "forgotten")
    if as_json:
        write_json({"stream": entry.name, "stream_id": entry.row.id, "rows": gone})
    else:
        write(f"{entry.name} is forgotten, with {gone} ledger rows and deliveries")
    return 0


# -- what they share --------------------------------------------------------------------------------


async def _one(store: Store, name: str, *, orphaned: bool = False) -> Entry | None:
    """The stream of that name or id; where several were called so, the one that runs, or with `orphaned` one that
    does not."""
    from bridge.cli.console.near import near

    entries = await entries_of(load_config().config, store)
    found = [one for one in entries if one.name == name or (one.row is not None and one.row.id == name)]
    if not found:
        say(f"there is no stream {name}" + near(name, [one.name for one in entries]))
        return None
    found.sort(key=lambda one: (one.standing == "orphaned") != orphaned)
    if found[0].row is None:
        say(f"{name} has no stream yet: the first start of `caep-bridge serve` with it in [receivers] makes one")
        return None
    return found[0]


async def _asked(store: Store, kind: ErrandKind, name: str, asked: dict[str, Any], as_json: bool, **more: Any) -> int:
    ended = await errand(store, kind, name, asked, f"{kind} {name}")
    document = {"stream": name, **more, **ended.doc, "state": ended.state}
    if as_json:
        write_json(document)
    if ended.state == "failed":
        say(f"{name}: {ended.doc.get('problem', 'it came to nothing')}")
        return 1
    told, delivered = ended.doc.get("told", 0), ended.doc.get("delivered", 0)
    if not as_json:
        held = f", {ended.doc['held']} people held by the guard" if ended.doc.get("held") else ""
        write(f"{name}: {told} SETs made, {delivered} of them acknowledged so far{held}")
    if kind in ("verify", "test") and delivered < told:
        say(f"{name} has not taken all of it yet: `caep-bridge deliveries list --stream {name}` shows its answer")
        return 1
    return 0


def _announce(name: str, found: Sequence[Difference]) -> None:
    told = [one for one in found if one.reason == "told"]
    failing = sum(one.so == "not-compliant" for one in told)
    kept = f"; {len(found) - len(told)} would not, for the reason that stands there" if len(told) < len(found) else ""
    say(f"{name}: {failing} would be told not compliant, {len(told) - failing} compliant{kept}")


def _differ(entry: Entry, found: Sequence[Difference], as_json: bool) -> int:
    name, row = entry.name, entry.row
    stands = entry.standing.replace("_", " ") or ("paused" if row is not None and row.paused else "")
    if stands:
        say(f"{name} tells nobody anything now ({stands}); this is what it would be told once it runs")
    if as_json:
        write_json([asdict(one) for one in found])
        return 0
    table(
        ("login", "was told", "is", "because of", "reason"),
        ((one.login, one.told, one.so, ", ".join(one.because), one.reason) for one in found[:SHOWN]),
        empty=f"{name} was told everything that is so",
    )
    _announce(name, found)
    if len(found) > SHOWN:
        say(f"{len(found) - SHOWN} more: --json has them all")
    return 0
