"""`caep-bridge guard`: what is held back because too many people would lose access at once, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from bridge.cli.console.changing import confirmed, progress, record
from bridge.cli.console.configured import load_config
from bridge.cli.console.errand import NOBODY, NobodyServes, errand, serves
from bridge.cli.console.near import near
from bridge.cli.console.opened import opened
from bridge.cli.console.output import pairs, say, some, table, when, write, write_json
from bridge.cli.console.release_report import report
from bridge.clock import SystemClock, SystemIds

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.pipeline.fleet.heldback import People
    from bridge.store.protocol import Store

guard = App(name="guard", help="What is held back because too many people would lose access at once.")

KINDS = {"guard": "held", "guard_released": "released", "guard_discarded": "discarded"}
EXAMPLES = 5


@guard.command
async def status(
    *,
    connector: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """The limits, who was told lately, and who is held back, by connector.

    Parameters
    ----------
    connector
        Only this one.
    as_json
        Print JSON.
    """
    from bridge.config.kinds import spoken

    config = load_config().config
    async with opened(config) as store:
        counts = await _counts(store)
        names = _names(config, counts, connector)
        if names is None:
            return 1
        lines = await _lines(config, store, names, counts)
    limits = config.guard
    if as_json:
        shown = {"max_users": limits.max_users, "max_percent": limits.max_percent, "window_s": limits.window}
        write_json({"limits": shown, "connectors": lines})
        return 0
    write(
        f"more than {limits.max_users} people, or {limits.max_percent:g} % of a fleet of 20 devices or more, "
        f"losing access within {spoken(limits.window)}: the rest is held"
    )
    for line in lines:
        _print(line)
    return 0


@guard.command
async def release(
    *,
    connector: str | None = None,
    reason: str = "",
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Let go what is held back: each device is looked at first, and only what is still so is told. It never asks.

    Parameters
    ----------
    connector
        Only what this connector's guard holds.
    reason
        Why; it stands in the audit log.
    as_json
        Print the counts as JSON.
    """
    from collections import Counter

    from bridge.pipeline.fleet.heldback import outcome, release

    config = load_config().config
    clock = SystemClock()
    async with opened(config) as store:
        counts = await _counts(store)
        if _names(config, counts, connector) is None:
            return 1
        since = clock.now()
        with progress("released", _total(counts, connector, "guard")) as advance:
            people = await release(store, connector, SystemIds().token(), clock, advance)
        for one in people.values():  # nobody looks at devices of connectors that are no longer configured
            one.devices = {key for key in one.devices if key[0] in config.connectors}
        if not people:
            say("the guard holds nothing")
            return report("guard", Counter(), None, as_json)
        target = f"connector {connector}" if connector else "all connectors"
        await record(store, "guard.release", target, reason, "held", f"released: {len(people)} people")
        for stream_id in sorted({stream_id for one in people.values() for stream_id, _ in one.alone}):
            await _compared(store, stream_id)
        if not await _is_served(store, people):
            say(
                f"{some(len(people), 'person is', 'people are')} released; {NOBODY}, which looks at their devices first"
            )
            return 1
        devices = {key for one in people.values() for key in one.devices}
        with progress("looked at", len(devices)) as advance:
            done, left = await outcome(store, people, since, clock, advance)
    return report("guard", done, left, as_json)


async def _compared(store: Store, stream_id: str) -> None:
    """Of those who were let go and own nothing any more only a comparison can tell."""
    try:
        await errand(store, "resync", stream_id, {}, "comparing", follows=True)
    except NobodyServes:
        say(f"{NOBODY}, which compares those who own no device any more")


async def _is_served(store: Store, people: People) -> bool:
    key = next((key for one in people.values() for key in one.devices), None)
    return key is None or await serves(store, *key)


@guard.command
async def discard(
    *,
    connector: str | None = None,
    reason: str = "",
    yes: Annotated[bool, Parameter(negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Tell nobody of what is held back: it is told when the device next changes. Asks first.

    Parameters
    ----------
    connector
        Only what this connector's guard holds.
    reason
        Why; it stands in the audit log.
    yes
        Do not ask.
    as_json
        Print the count as JSON.
    """
    from bridge.pipeline.fleet.heldback import discard

    config = load_config().config
    async with opened(config) as store:
        counts = await _counts(store)
        if _names(config, counts, connector) is None:
            return 1
        total = _total(counts, connector, "guard") + _total(counts, connector, "guard_released")
        done = 0
        if total:
            if not confirmed(f"Tell nobody of {some(total, 'person', 'people')} until their devices change?", yes):
                return 1
            with progress("discarded", total) as advance:
                done = await discard(store, connector, SystemClock(), advance)
            target = f"connector {connector}" if connector else "all connectors"
            await record(store, "guard.discard", target, reason, "held", f"discarded: {done} people")
    if as_json:
        write_json({"discarded": done})
    else:
        say(f"{some(done, 'person is', 'people are')} discarded" if done else "the guard holds nothing")
    return 0


# -- what stands --------------------------------------------------------------------------------------

Counts = dict[tuple[str, str], int]
"""(connector, kind) → people"""


async def _counts(store: Store) -> Counts:
    return {(one.connector, one.kind): one.count for one in await store.holds() if one.kind in KINDS}


def _total(counts: Counts, connector: str | None, kind: str) -> int:
    return sum(n for (name, what), n in counts.items() if what == kind and connector in (None, name))


def _names(config: Config, counts: Counts, connector: str | None) -> list[str] | None:
    """The connectors to show: those configured, and those for which something is held; None: no such connector."""
    known = list(dict.fromkeys([*config.connectors, *(name for name, _ in counts)]))
    if connector is None:
        return known
    if connector in known:
        return [connector]
    say(f"there is no connector {connector}" + near(connector, known, "connector"))
    return None


async def _lines(config: Config, store: Store, names: list[str], counts: Counts) -> list[dict[str, Any]]:
    from bridge.pipeline.gate import recalled
    from bridge.posture.guard import Limits

    limits = Limits(config.guard.max_users, config.guard.max_percent, config.guard.window)
    now = SystemClock().now()
    tally = await recalled(store, limits.window, now)
    lines = []
    for name in names:
        fleet = await store.fleet(name)
        lost = tally.count(name, "loses", now)
        lines.append(
            {
                "connector": name,
                "fleet": fleet,
                "allowed": limits.allowed(fleet),
                "lost": lost,
                "regained": tally.count(name, "regains", now),
                "allowed_now": max(0, limits.allowed(fleet) - lost),
                **{shown: counts.get((name, kind), 0) for kind, shown in KINDS.items()},
                **await _held(store, name),
            }
        )
    return lines


async def _held(store: Store, name: str) -> dict[str, Any]:
    """Since when the oldest is held, and the first few."""
    from bridge.pipeline.fleet.heldback import pages

    since: float | None = None
    examples: dict[str, dict[str, Any]] = {}
    async for page in pages(store, name, "guard"):
        for row in page:
            assert row.held is not None
            since = row.held.at if since is None else min(since, row.held.at)
            if len(examples) < EXAMPLES:
                examples.setdefault(row.login, {"login": row.login, "status": row.held.status, "at": row.held.at})
    return {"since": since, "examples": list(examples.values())}


def _print(line: dict[str, Any]) -> None:
    write(f"\nconnector {line['connector']}")
    pairs(
        [
            ("  fleet", f"{some(line['fleet'], 'device')}, so {some(line['allowed'], 'person', 'people')} at once"),
            ("  lately", f"{some(line['lost'], 'person', 'people')} lost access, {line['regained']} got it back"),
            ("  now", f"{line['allowed_now']} more may lose it"),
            (
                "  held",
                some(line["held"], "person", "people") + (f" since {when(line['since'])}" if line["since"] else ""),
            ),
            *([("  released", f"{line['released']}, not confirmed by a look yet")] if line["released"] else []),
            *([("  discarded", line["discarded"])] if line["discarded"] else []),
        ]
    )
    if line["examples"]:
        shown = ((one["login"], one["status"], when(one["at"])) for one in line["examples"])
        table(("login", "would be told", "held since"), shown)
        if more := line["held"] - len(line["examples"]):
            say(f"and {some(more, 'person', 'people')} more: `caep-bridge devices list --stuck` has them all")
        say(f"`caep-bridge guard release --connector {line['connector']}` looks at each, and tells what is still so;")
        say("`caep-bridge guard discard` tells nobody until their devices change")
