"""`caep-bridge keys`: the keys that sign SETs. How one is retired stands in `key_retirement`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from bridge.cli.console.changing import record
from bridge.cli.console.configured import WrongCall, load_config
from bridge.cli.console.opened import exists, opened
from bridge.cli.console.output import say, table, when, write_json
from bridge.cli.console.signing import key_files
from bridge.cli.keys.retirement import retire
from bridge.cli.keys.screen import as_json as shown
from bridge.cli.keys.screen import stands

if TYPE_CHECKING:
    from bridge.config import Loaded
    from bridge.key import KeyRow
    from bridge.store.protocol import Store

keys = App(name="keys", help="The keys that sign SETs.")
keys.command(retire)

NONE_YET = "no signing key yet: the first start of `caep-bridge serve` makes one"


@keys.command(name="list")
async def list_(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """Each signing key that is or was: its `kid`, how it stands, and its times. Never the key itself.

    Parameters
    ----------
    as_json
        Print JSON.
    """
    loaded = load_config()
    rows: list[KeyRow] = []
    if exists(loaded.config):
        async with opened(loaded.config) as store:
            rows = await store.keys()
    keep = loaded.config.keys.keep_retired
    if as_json:
        write_json([shown(row, keep) for row in rows])
        return 0
    if not rows:
        say(NONE_YET)
        return 0
    table(
        ("kid", "state", "created", "published", "signs from", "retired", "stands"),
        (
            (row.kid, row.state, when(row.created_at), when(row.published_at), when(row.activates_at),
             when(row.retired_at), stands(row, keep))
            for row in rows
        ),
    )  # fmt: skip
    return 0


@keys.command
async def rotate(
    *,
    publish_for: str | None = None,
    now: Annotated[bool, Parameter(negative="")] = False,
    reason: str = "",
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Make the next key. A running `serve` publishes it at once; it signs once it was published for a while.

    Parameters
    ----------
    publish_for
        How long it is published before it signs, such as 24h; otherwise as [keys] publish_for says.
    now
        It signs as soon as it is published; so does one that is the next already. Receivers that keep an older copy of
        the key set may refuse SETs until they fetch it again; those are sent again.
    reason
        Why; it stands in the audit log.
    as_json
        Print the key as JSON.
    """
    if now and publish_for is not None:
        raise WrongCall("--now and --publish-for exclude each other")
    loaded = load_config()
    files = key_files(loaded, "keys rotate")
    wait = 0.0 if now else _wait(publish_for, loaded)
    from bridge.pipeline.keys import rotation
    from bridge.ssf.ring import upcoming

    async with opened(loaded.config) as store:
        if not await _begun(store):
            return 1
        coming = upcoming(await store.keys())
        before = "" if coming is None else "next"
        hurried = now and coming is not None
        row = await (rotation.hasten(store) if hurried else rotation.rotate(store, files, wait))
        await record(store, "keys.rotate", f"key {row.kid}", reason, before, _after(row))
    return _said(row, loaded, as_json)


@keys.command(name="import")
async def import_(
    file: Path,
    /,
    *,
    reason: str = "",
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Take the key of a PEM file as the next one: RSA, 2048 bits or more, without passphrase, readable by us alone.

    Parameters
    ----------
    file
        The PEM file. It is copied, and may be removed afterwards.
    reason
        Why; it stands in the audit log.
    as_json
        Print the key as JSON.
    """
    loaded = load_config()
    files = key_files(loaded, "keys import")
    from bridge.pipeline.keys import rotation

    async with opened(loaded.config) as store:
        if not await _begun(store):
            return 1
        row = await rotation.adopt(store, files, file, loaded.config.keys.publish_for)
        await record(store, "keys.import", f"key {row.kid}", reason, "", _after(row))
    return _said(row, loaded, as_json)


def _wait(text: str | None, loaded: Loaded) -> float:
    from bridge.config.kinds import seconds

    if text is None:
        return loaded.config.keys.publish_for
    try:
        return seconds(text)
    except ValueError as problem:
        raise WrongCall(f"--publish-for {problem}") from None


async def _begun(store: Store) -> bool:
    if await store.keys():
        return True
    say(NONE_YET)
    return False


def _after(row: KeyRow) -> str:
    return f"next, signs once published for {row.publish_for:g} s"


def _said(row: KeyRow, loaded: Loaded, as_json: bool) -> int:
    from bridge.web.wellknown import keys_age

    if as_json:
        write_json(shown(row, loaded.config.keys.keep_retired))
        return 0
    say(f"key {row.kid} is the next one: a running `caep-bridge serve` publishes it within a second,")
    say("and it signs at once" if row.publish_for == 0 else f"and it signs {_long(row.publish_for)} after that")
    cached = keys_age(loaded.config.keys.publish_for)
    if row.publish_for < cached:
        say(
            f"receivers may have cached the keys for {cached} seconds: they may refuse SETs until they fetch them again"
        )
    return 0


def _long(seconds: float) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{hours:g} hours" if hours and not rest else f"{seconds:g} seconds"
