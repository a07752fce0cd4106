"""`caep-bridge db`: the database and its schema."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from bridge.cli.configured import load_config
from bridge.cli.output import pairs, say, write_json

db = App(name="db", help="The database and its schema.")


@db.command
def upgrade(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """Bring the database to the revision that this version needs.

    Parameters
    ----------
    as_json
        Print JSON.
    """
    from bridge.store.upgrade import status as read_status
    from bridge.store.upgrade import upgrade as bring_up

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
def status(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """Which revision the database has, and which one this version needs. Exit code 1 if they differ.

    Parameters
    ----------
    as_json
        Print JSON.
    """
    from bridge.store.upgrade import status as read_status

    store = load_config().config.store
    current, head = read_status(store.url)
    if as_json:
        write_json({"url": store.shown, "revision": current, "needed": head, "ok": current == head})
    else:
        pairs([("database", store.shown), ("revision", current or "none"), ("needed", head)])
        if current != head:
            say("caep-bridge db upgrade brings it there")
    return 0 if current == head else 1
