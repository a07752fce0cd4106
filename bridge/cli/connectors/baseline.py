"""`caep-bridge connectors baseline`: what already failed when a connector first listed its devices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from bridge.cli.console.changing import confirmed, progress, record
from bridge.cli.console.configured import WrongCall, load_config
from bridge.cli.console.errand import NOBODY, serves
from bridge.cli.console.near import near
from bridge.cli.console.opened import opened
from bridge.cli.console.output import pairs, say, some, table, when, write_json
from bridge.cli.console.release_report import report
from bridge.clock import SystemClock, SystemIds

if TYPE_CHECKING:
    from bridge.model import Device
    from bridge.store.protocol import Store

KINDS = ("baseline", "released", "discarded")


async def baseline(
    name: Annotated[str, Parameter(name="NAME")],
    /,
    *,
    release: Annotated[bool, Parameter(negative="")] = False,
    discard: Annotated[bool, Parameter(negative="")] = False,
    reason: str = "",
    limit: int = 100,
    yes: Annotated[bool, Parameter(negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """What failed already when the connector first listed its devices is held, and told to nobody: how many, and who.

    Parameters
    ----------
    name
        The name of the connector.
    release
        Let all of it go. Each device is looked at first; what is still so is told, through the guard.
    discard
        Never tell of it as it is: a device is told again once it fails anew, or has recovered. Asks first.
    reason
        Why; it stands in the audit log.
    limit
        Without a flag: show at most so many devices.
    yes
        Do not ask.
    as_json
        Print JSON.
    """
    if release and discard:
        raise WrongCall("--release or --discard, not both")
    if limit < 1:
        raise WrongCall("--limit must be at least 1")
    config = load_config().config
    async with opened(config) as store:
        counts = await _counts(store, name)
        if name not in config.connectors and not any(counts.values()):
            say(f"there is no connector {name}" + near(name, list(config.connectors), "connector"))
            return 1
        if release:
            if name not in config.connectors:
                say(f"{name} is no longer configured: nobody can be asked whether it is still so: use --discard")
                return 1
            return await _release(store, name, counts, reason, as_json)
        if discard:
            return await _discard(store, name, counts, reason, yes, as_json)
        return await _show(store, name, counts, limit, as_json)


async def _counts(store: Store, name: str) -> dict[str, int]:
    """How many devices, by the kind of their hold."""
    found = {one.kind: one.count for one in await store.holds() if one.connector == name}
    return {kind: found.get(kind, 0) for kind in KINDS}


# -- what is held -----------------------------------------------------------------------------------


async def _show(store: Store, name: str, counts: dict[str, int], limit: int, as_json: bool) -> int:
    row = next((one for one in await store.connectors() if one.name == name), None)
    taken_at = row.baseline_at if row is not None else None
    shown = await store.devices(connector=name, hold="baseline", limit=limit)
    if as_json:
        write_json(
            {
                "connector": name,
                "baseline_at": taken_at,
                "held": counts["baseline"],
                "released": counts["released"],
                "discarded": counts["discarded"],
                "devices": [_device(one) for one in shown],
            }
        )
        return 0
    listed = when(taken_at) or "not yet: no whole list of its devices was taken so far"
    pairs(
        [
            ("baseline taken", listed),
            ("held", f"{some(counts['baseline'], 'device')}, told to nobody"),
            *([("released", f"{counts['released']}, not confirmed by a look yet")] if counts["released"] else []),
            *([("discarded", counts["discarded"])] if counts["discarded"] else []),
        ]
    )
    if shown:
        table(
            ("device", "name", "login", "held since", "why it fails"),
            ((d.device_id, d.name, d.login or f"({d.login_reason})", when(d.hold.at if d.hold else None), d.why)
             for d in shown),
        )  # fmt: skip
        say(f"`caep-bridge connectors baseline {name} --release` looks at each, and tells what is still so")
    if counts["baseline"] > len(shown):
        say(f"{len(shown)} of {counts['baseline']} are shown: --limit shows more")
    return 0


def _device(device: Device) -> dict[str, Any]:
    return {
        "id": device.device_id,
        "name": device.name,
        "login": device.login,
        "held_since": device.hold.at if device.hold is not None else None,
        "why": device.why,
        "failing": list(device.failing),
    }


# -- let go, or put away ------------------------------------------------------------------------------


async def _release(store: Store, name: str, counts: dict[str, int], reason: str, as_json: bool) -> int:
    from collections import Counter

    from bridge.pipeline.fleet.baseline import outcome, release

    clock = SystemClock()
    since = clock.now()
    with progress("released", counts["baseline"]) as advance:
        ids = await release(store, name, SystemIds().token(), clock, advance)
    if not ids:
        say(f"nothing of {name} is held as its baseline")
        return report(name, Counter(), None, as_json)
    await record(store, "baseline.release", f"connector {name}", reason, "held", f"released: {len(ids)} devices")
    if not await serves(store, name, ids[0]):
        say(f"{some(len(ids), 'device is', 'devices are')} released; {NOBODY}, which looks at them first")
        return 1
    with progress("looked at", len(ids)) as advance:
        done, left = await outcome(store, name, ids, since, clock, advance)
    return report(name, done, left, as_json)


async def _discard(store: Store, name: str, counts: dict[str, int], reason: str, yes: bool, as_json: bool) -> int:
    from bridge.pipeline.fleet.baseline import discard

    total = counts["baseline"] + counts["released"]
    count = 0
    if total:
        if not confirmed(f"Never tell of {some(total, 'device')} of {name} as it is now?", yes):
            return 1
        with progress("discarded", total) as advance:
            count = await discard(store, name, reason, SystemClock(), advance)
        await record(store, "baseline.discard", f"connector {name}", reason, "held", f"discarded: {count} devices")
    if as_json:
        write_json({"connector": name, "discarded": count})
    else:
        say(f"{some(count, 'device')} of {name} discarded" if count else f"nothing of {name} is held as its baseline")
    return 0
