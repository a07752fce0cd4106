"""`caep-bridge notify`: the operator's own channels, and whether a message arrives there."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from bridge.cli.console.configured import SIGNING_STAND_IN, URL_STAND_IN, WrongCall, load_config
from bridge.cli.console.opened import exists, opened
from bridge.cli.console.output import say, table, when, write_json

if TYPE_CHECKING:
    from bridge.config import Config, Notify
    from bridge.notify.retry import Sent
    from bridge.store.notices import Notice

notify = App(name="notify", help="Your own channels: who is told of what is wrong, and whether it arrives.")

NONE = "there is no [[notify]] in the configuration: nobody is told of what is wrong"


@notify.command(name="list")
async def list_(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """Each channel: what it is told, what waits, and how the last try ended. Of a URL only the host is shown.

    Parameters
    ----------
    as_json
        Print JSON.
    """
    config = load_config().config
    rows = await _rows(config)
    found = [{**described(one), **_state([row for row in rows if row.target == one.name])} for one in config.notify]
    if as_json:
        write_json(found)
        return 0
    if not found:
        say(NONE)
        return 0
    table(
        ("target", "kind", "url", "waiting", "last sent", "last answer", "on"),
        (
            (one["name"], one["kind"], one["url"], one["waiting"], when(one["sent_at"]), one["last_code"],
             ", ".join(one["on"]))
            for one in found
        ),
    )  # fmt: skip
    return 0


@notify.command
async def test(
    name: str | None = None, /, *, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False
) -> int:
    """Send a test message now, to one channel or to all. Exit code 0: each took it; 1: one did not.

    Nothing is kept and nothing is tried again.

    Parameters
    ----------
    name
        The name of the channel; default: all.
    as_json
        Print JSON.
    """
    config = load_config().config
    chosen = _chosen(config, name)
    answers = await _send(config, chosen)
    results = [
        {"name": one.name, "url": one.place, "taken": answer.kind == "sent", "answer": answer.code}
        for one, answer in zip(chosen, answers, strict=True)
    ]
    if as_json:
        write_json(results)
    else:
        table(("target", "url", "taken", "answer"), ([row[key] for key in row] for row in results))
    return 0 if all(row["taken"] for row in results) else 1


def described(target: Notify) -> dict[str, Any]:
    """A channel as it may be shown: its URL down to the host, its secret as set."""
    origins = ", ".join(secret.origin or "set" for secret in target.secret)
    shown = f" ({target.url.origin})" if target.url.origin else ""
    return {
        "name": target.name,
        "kind": target.kind,
        "url": f"{target.place}/…{shown}",
        "secret": origins and f"set ({origins})" if origins != "set" else "set",
        "on": target.on,
        "min_interval": target.min_interval,
        "allow_device_names": target.allow_device_names,
    }


def _state(rows: list[Notice]) -> dict[str, Any]:
    sent = max((row for row in rows if row.sent_at is not None), key=lambda row: row.sent_at or 0.0, default=None)
    tried = max(
        (row for row in rows if row.last_code), key=lambda row: max(row.begun_at, row.sent_at or 0), default=None
    )
    return {
        "waiting": sum(bool(row.fresh or row.message_id) for row in rows),
        "standing": sorted(row.key for row in rows if row.standing),
        "sent_at": sent.sent_at if sent else None,
        "last_code": tried.last_code if tried else "",
    }


async def _rows(config: Config) -> list[Notice]:
    """What the store knows; nothing where there is no store yet, or none that a command can see."""
    if config.store.file is None or not exists(config):
        return []
    async with opened(config) as store:
        return await store.notices()


def _chosen(config: Config, name: str | None) -> list[Notify]:
    if not config.notify:
        raise WrongCall(NONE)
    found = [one for one in config.notify if name in (None, one.name)]
    for secret in [secret for one in found for secret in (one.url, *one.secret)]:
        if secret.reveal() in (URL_STAND_IN, SIGNING_STAND_IN):
            raise WrongCall(f"{secret.origin} is not set where this command runs")
    if not found and name is not None:
        known = [one.name for one in config.notify]
        near = get_close_matches(name, known, n=1)
        hint = f" (did you mean {near[0]}?)" if near else f"; there is {', '.join(known)}"
        raise WrongCall(f"no [[notify]] has the name {name}{hint}")
    return found


async def _send(config: Config, chosen: list[Notify]) -> list[Sent]:
    """One after the other, each once."""
    from bridge.clock import SystemClock, SystemIds
    from bridge.notify.message import Message, body_of
    from bridge.notify.occasion import Occasion
    from bridge.notify.send import send, targets_of
    from bridge.parts import outbound_of

    clock, ids = SystemClock(), SystemIds()
    message = Message(Occasion("test"), clock.now(), config.transmitter.issuer)
    outbound = outbound_of(config)
    try:
        return [
            await send(outbound, target, ids.new(), body_of(message, target.shape), clock)
            for target in targets_of(chosen)
        ]
    finally:
        await outbound.close()
