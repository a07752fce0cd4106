"""`caep-bridge keys retire`: a key that shall sign no more, and one that somebody else may have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from bridge.cli.console.changing import confirmed, progress, record
from bridge.cli.console.configured import WrongCall, load_config
from bridge.cli.console.opened import opened
from bridge.cli.console.output import say, write_json
from bridge.cli.console.signing import key_source, remint_with, ring_now
from bridge.clock import SystemClock
from bridge.errors import Conflict

if TYPE_CHECKING:
    from bridge.config import Loaded
    from bridge.key import KeyRow
    from bridge.store.protocol import Store

SHORTEST = 6
"""Characters by which a key may be named, at least."""
AT_ONCE = 128


async def retire(
    kid: str,
    /,
    *,
    reason: str,
    compromised: Annotated[bool, Parameter(negative="")] = False,
    yes: Annotated[bool, Parameter(negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Take back the next key; or withdraw any key that somebody else may have.

    The key that signs retires by itself when the next one begins (`keys rotate`).

    Parameters
    ----------
    kid
        The key, or the beginning of its `kid`, six characters at least.
    reason
        Why; it stands in the audit log.
    compromised
        Somebody else may have it: it leaves the key set at once and never signs again, another key signs instead, and
        every SET that is not delivered is minted anew.
    yes
        Do not ask.
    as_json
        Print JSON: what signs now, and how many SETs were minted anew.
    """
    if not reason.strip():
        raise WrongCall("--reason must not be empty: it stands in the audit log")
    loaded = load_config()
    async with opened(loaded.config) as store:
        row = _named(await store.keys(), kid)
        if compromised:
            return await _withdraw(loaded, store, row, reason, yes, as_json)
        return await _retire(store, row, reason, yes, as_json)


def _named(rows: Sequence[KeyRow], kid: str) -> KeyRow:
    exact = [row for row in rows if row.kid == kid]
    found = exact or [row for row in rows if len(kid) >= SHORTEST and row.kid.startswith(kid)]
    if len(found) != 1:
        why = f"{len(found)} keys begin with {kid}" if found else f"there is no key {kid}"
        raise Conflict(f"{why}; `caep-bridge keys list` shows them")
    return found[0]


async def _retire(store: Store, row: KeyRow, reason: str, yes: bool, as_json: bool) -> int:
    from bridge.pipeline.keys.rotation import changed
    from bridge.ssf import ring

    now = SystemClock().now()
    ring.retired(await store.keys(), row.kid, now)
    if not confirmed(f"Retire key {row.kid} ({row.state})?", yes):
        return 1
    await changed(store, lambda rows: ring.retired(rows, row.kid, now))
    await record(store, "keys.retire", f"key {row.kid}", reason, row.state, "retired")
    say(f"key {row.kid} is retired; it stays published for a while")
    if as_json:
        write_json({"kid": row.kid, "state": "retired", "compromised": False})
    return 0


async def _withdraw(loaded: Loaded, store: Store, row: KeyRow, reason: str, yes: bool, as_json: bool) -> int:
    from bridge.pipeline.keys import rotation
    from bridge.ssf import ring

    source = key_source(loaded)
    if source.secret is not None and row.state == "active":
        raise WrongCall(
            f"key {row.kid} is the one of [keys] signing_key ({source.where}): put another key there first; then "
            "it is withdrawn and what waits is minted anew, and this command notes that it was compromised"
        )
    if row.compromised:
        raise Conflict(f"key {row.kid} was withdrawn as compromised already")
    named = await store.stranded([one.kid for one in await store.keys() if one.kid != row.kid])
    question = f"Withdraw key {row.kid} ({row.state}) at once, and mint {len(named)} undelivered SETs anew?"
    if not confirmed(question, yes):
        return 1
    rows = await rotation.withdraw(store, source.files, row.kid, SystemClock().now())
    signing = ring.active(rows)
    signs = signing.kid if signing is not None else ""
    await record(store, "keys.retire", f"key {row.kid}", reason, row.state, f"compromised; {signs} signs")
    say(f"key {row.kid} is withdrawn; key {signs} signs")
    counts = await _mint_anew(loaded, store, row.kid, named)
    await record(store, "keys.mint_anew", f"key {row.kid}", reason, "", f"{counts['minted_anew']} SETs")
    _say(counts)
    if as_json:
        write_json({"kid": row.kid, "state": "retired", "compromised": True, "signs": signs, **counts})
    return 0


async def _mint_anew(loaded: Loaded, store: Store, kid: str, named: Sequence[int]) -> dict[str, Any]:
    """A running `serve` does the same meanwhile; so what counts is how each of them stands in the end."""
    ring = await ring_now(loaded, store)
    remint = await remint_with(loaded, store, ring)
    late = [one for one in await store.stranded(ring.kids) if one not in set(named)]
    every = [*named, *late]
    with progress("minting anew", len(every)) as advance:
        await remint.some(every, ring.kids, advance)
    return await _counted(store, kid, every)


async def _counted(store: Store, kid: str, ids: Sequence[int]) -> dict[str, Any]:
    import asyncio

    counts: Counter[str] = Counter(minted_anew=0, delivered_before=0, being_sent=0)
    for start in range(0, len(ids), AT_ONCE):
        found = await asyncio.gather(*(store.delivery(id_) for id_ in ids[start : start + AT_ONCE]))
        for row in found:
            if row is not None and row.kid != kid:
                counts["minted_anew"] += 1
            elif row is not None:
                counts["being_sent" if row.state in ("pending", "dead") else "delivered_before"] += 1
    return dict(counts)


def _say(counts: dict[str, Any]) -> None:
    say(f"{counts['minted_anew']} undelivered SETs were minted anew")
    if counts["delivered_before"]:
        say(f"{counts['delivered_before']} were delivered meanwhile")
    if counts["being_sent"]:
        say(f"{counts['being_sent']} are being sent at this moment: `serve` mints anew those that are not taken")
