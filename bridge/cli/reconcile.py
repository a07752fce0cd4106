"""`caep-bridge reconcile`: the vendors' whole lists against what is believed, now."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from bridge.cli.console.changing import record
from bridge.cli.console.configured import load_config
from bridge.cli.console.errand import Show, bars, errand
from bridge.cli.console.near import near
from bridge.cli.console.opened import opened
from bridge.cli.console.output import pairs, say, some, table, write, write_json

if TYPE_CHECKING:
    from bridge.store.errands import Errand
    from bridge.store.protocol import Store

COUNTS = (
    "listed", "first_seen", "unchanged", "drifted", "failed", "baseline", "looked_at", "recovered", "still_true",
    "told", "delivered", "held", "held_by_guard", "pending", "missing", "unanswered", "faults",
)  # fmt: skip
SHOWN = 20
"""Changes that a screen names."""
WHAT = {
    "first": "not known before",
    "failed": "fails, and no webhook said so",
    "doubtful": "listed as well, or as somebody else's: looked at singly",
}


async def reconcile(
    *,
    connector: str | None = None,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """List the vendor's devices, compare each with what is believed, and tell what drifted, through the guard.

    The running `serve` does it; this waits until what was found is told or held. It never asks.

    Parameters
    ----------
    connector
        Only this one; else each that has a list and API credentials.
    dry_run
        Change nothing and tell nobody; show what would change.
    as_json
        Print JSON: the counts of all, and each connector's under `connectors`.
    """
    config = load_config().config
    if connector is not None and connector not in config.connectors:
        say(f"there is no connector {connector}" + near(connector, list(config.connectors), "connector"))
        return 1
    names = [connector] if connector else list(config.connectors)
    if not names:
        say("no connector is configured: there is nothing to list")
        return 1
    async with opened(config) as store:
        with bars(names) as shows:
            ended = await _each(_one(store, name, dry_run, shows[name]) for name in names)
    listless = [name for name, one in zip(names, ended, strict=True) if one.doc.get("no_list")]
    found = {name: one for name, one in zip(names, ended, strict=True) if name not in listless or connector is not None}
    document = _document(found, dry_run, listless)
    if as_json:
        write_json(document)
    else:
        _print(document)
    return _code(found, listless)


async def _each(works: Iterable[Coroutine[Any, Any, Errand]]) -> list[Errand]:
    """All to their end before the first trouble is raised: an errand that nobody takes is withdrawn by who asked."""
    ended = await asyncio.gather(*works, return_exceptions=True)
    for one in ended:
        if isinstance(one, BaseException):
            raise one
    return [one for one in ended if not isinstance(one, BaseException)]


async def _one(store: Store, name: str, dry_run: bool, show: Show) -> Errand:
    ended = await errand(store, "reconcile", name, {"dry_run": True} if dry_run else {}, f"reconcile {name}", show)
    if not dry_run:
        counts = ", ".join(f"{key} {ended.doc[key]}" for key in ("drifted", "told", "held") if key in ended.doc)
        await record(store, "reconcile.run", f"connector {name}", "", "", counts or str(ended.doc.get("problem", "")))
    return ended


def _document(found: Mapping[str, Errand], dry_run: bool, listless: Sequence[str]) -> dict[str, Any]:
    total: Counter[str] = Counter(dict.fromkeys(COUNTS, 0))
    for one in found.values():
        total.update({key: int(one.doc.get(key, 0)) for key in COUNTS})
    return {
        "dry_run": dry_run,
        **total,
        "connectors": {name: _shown(one) for name, one in found.items()},
        "without_list": list(listless),
    }


def _shown(one: Errand) -> dict[str, Any]:
    return {
        "state": one.state,
        "problem": one.doc.get("problem") or one.doc.get("complaint") or None,
        "seconds": one.doc.get("seconds"),
        **{key: one.doc.get(key, 0) for key in COUNTS},
        "changes": one.doc.get("changes", []),
    }


def _code(found: Mapping[str, Errand], listless: Sequence[str]) -> int:
    for name in listless:
        if name not in found:
            say(f"{name} was left out: it has no list of devices, or no API credentials")
    faulty = {name: one for name, one in found.items() if one.state == "failed" or one.doc.get("complaint")}
    for name, one in faulty.items():
        say(f"{name}: {one.doc.get('problem') or one.doc.get('complaint') or 'it was withdrawn'}")
    if not found:
        say("no connector has a list of devices: there is nothing to reconcile")
    return 1 if faulty or not found else 0


def _print(document: dict[str, Any]) -> None:
    for name, one in document["connectors"].items():
        if one["state"] != "done":
            continue
        write(f"{name}: {'what would change' if document['dry_run'] else 'reconciled'} ({one['seconds']} s)")
        pairs([(f"  {key.replace('_', ' ')}", one[key]) for key in COUNTS if one[key] or key in _ALWAYS])
        if one["changes"]:
            table(
                ("device", "what"),
                ((f"{c['connector']}/{c['device']}", WHAT.get(c["what"], c["what"])) for c in one["changes"][:SHOWN]),
            )
        if one["unanswered"]:
            say(f"{name}: {some(one['unanswered'], 'look')} got no answer; they are tried again without you")
        if one["held_by_guard"]:
            say(f"{name}: the guard holds {some(one['held_by_guard'], 'person', 'people')}: `caep-bridge guard status`")


_ALWAYS = ("listed", "drifted", "told", "held")
