"""`caep-bridge db`: the database, its schema and its size."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from bridge.cli.console.changing import confirmed, record
from bridge.cli.console.configured import load_config
from bridge.cli.console.opened import opened
from bridge.cli.console.output import pairs, say, table, when, write_json
from bridge.errors import StoreProblem

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.store.expiry import Sizes

db = App(name="db", help="The database, its schema and its size.")


@db.command
def upgrade(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """Bring the database to the revision that this version needs. Refused while a `serve` runs on it: stop that first.

    Parameters
    ----------
    as_json
        Print JSON.
    """
    from bridge.store.upgrade import status as read_status
    from bridge.store.upgrade import upgrade_unserved as bring_up

    url = load_config().config.store.url
    before, head = read_status(url)
    if before == head:
        say(f"the database is at revision {head} already")
    else:
        bring_up(url)
        say(f"the database went from revision {before or 'none'} to {head}")
    if as_json:
        write_json({"before": before, "revision": head})
    return 0


@db.command
async def status(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """The revision of the database, its size, and the rows of each table with the oldest. Exit code 1 if it has
    another revision than this version needs.

    Parameters
    ----------
    as_json
        Print JSON.
    """
    from bridge.store.upgrade import status as read_status

    config = load_config().config
    store = config.store
    current, head = read_status(store.url)
    sizes = await _sizes(config) if current == head else None
    if as_json:
        found = {"url": store.shown, "revision": current, "needed": head, "ok": current == head}
        write_json(found | (_document(sizes) if sizes else {}))
        return 0 if current == head else 1
    pairs([("database", store.shown), ("revision", current or "none"), ("needed", head), *_size(sizes)])
    if sizes is None:
        say(_remedy(current))
        return 1
    table(("table", "rows", "oldest"), ((one.name, one.rows, when(one.oldest_at)) for one in sizes.tables))
    return 0


@db.command
async def compact(*, yes: Annotated[bool, Parameter(negative="")] = False) -> int:
    """Give the space of deleted rows back to the disk. It is used again anyway: this is for after a large clean-up.

    No serve may run meanwhile, and the disk needs room for a second copy.

    Parameters
    ----------
    yes
        Do not ask.
    """
    from bridge.store import compact_database

    config = load_config().config
    async with opened(config) as store:
        before = await store.sizes()
    if not confirmed(
        f"Write the database anew ({_megabytes(before.bytes)}, of which {_megabytes(before.free)} free)?", yes
    ):
        return 1
    await compact_database(config.store.url)
    async with opened(config) as store:
        after = await store.sizes()
        await record(store, "db.compact", "database", "", _megabytes(before.bytes), _megabytes(after.bytes))
    say(f"the database went from {_megabytes(before.bytes)} to {_megabytes(after.bytes)}")
    return 0


async def _sizes(config: Config) -> Sizes:
    async with opened(config) as store:
        return await store.sizes(thorough=True)


def _remedy(current: str | None) -> str:
    from bridge.store.upgrade import COMMAND, check

    try:
        check(current)
    except StoreProblem as problem:
        return str(problem)
    return f"{COMMAND} brings it there"


def _document(sizes: Sizes) -> dict[str, Any]:
    return {"bytes": sizes.bytes, "free": sizes.free, "tables": [asdict(one) for one in sizes.tables]}


def _size(sizes: Sizes | None) -> list[tuple[str, object]]:
    if sizes is None:
        return []
    return [("size", f"{_megabytes(sizes.bytes)}, of which {_megabytes(sizes.free)} are free for rows to come")]


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"
