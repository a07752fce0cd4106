"""What an operator's word about one device came to: the looks and comparisons that follow, waited for and printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.cli.console.changing import operator
from bridge.cli.console.configured import WrongCall
from bridge.cli.console.errand import NOBODY, followed, serves
from bridge.cli.console.output import say, some, when, write, write_json
from bridge.cli.devices.lookup import summary
from bridge.clock import SystemClock, SystemIds

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.model import Device
    from bridge.store.errands import Errand
    from bridge.store.protocol import Store


def filled(reason: str) -> None:
    """Raises WrongCall for a reason that says nothing."""
    if not reason.strip():
        raise WrongCall("--reason must say why: it is shown wherever the device is")


def comparison(device: Device) -> Errand:
    """What the running `serve`, or the next one, is to do after a word about the device."""
    from bridge.pipeline.operator.word import comparison

    return comparison(device, SystemIds().new(), SystemClock().now(), operator())


async def compared(store: Store, device: Device, asked: Errand, as_json: bool) -> int:
    """Wait until `serve` has told what follows."""
    ended = await followed(store, asked, name_of(device))
    after = await store.device(*device.key)
    told, held = int(ended.doc.get("told", 0)), int(ended.doc.get("held_by_guard", 0))
    if as_json:
        write_json({**summary(after or device), "told": told, "held": held, "problem": ended.doc.get("problem")})
    elif ended.state == "done":
        write(
            f"{some(told, 'SET')} made"
            + (f"; the guard holds {some(held, 'person', 'people')}: `caep-bridge guard status`" if held else "")
        )
    return _failed(ended)


def _failed(ended: Errand) -> int:
    if ended.state == "done":
        return 0
    say(str(ended.doc.get("problem", "it was withdrawn")))
    return 1


async def looked_at(store: Store, before: Device, as_json: bool) -> int:
    from bridge.pipeline.errands.awaited import Key, awaited
    from bridge.pipeline.operator.wording import again

    if not await serves(store, *before.key):
        say(f"{name_of(before)} is to be looked at; {NOBODY}")
        return 1
    clock = SystemClock()

    async def left() -> list[Key]:
        now = await store.device(*before.key)
        return [before.key] if now is not None and now.updated_at <= before.updated_at else []

    rest = await awaited(store, clock, left, before.updated_at, lambda done: None)
    after = await store.device(*before.key) or before
    look = await store.look(*before.key)
    answer = look.last_error if look is not None and look.last_error.startswith("look_") else rest.answer
    problem = again(answer).words if answer else None
    if as_json:
        write_json({**summary(after), "changed": after.status != before.status, "problem": problem})
    elif problem is None:
        write(
            f"{name_of(after)}: {after.status or 'unknown'} [{after.reason}]" + (f": {after.why}" if after.why else "")
        )
    if problem is not None:
        say(f"{name_of(after)}: {problem}; it is tried again by itself")
    return 1 if problem is not None else 0


def may_look(config: Config, device: Device) -> bool:
    if device.connector in config.connectors:
        return True
    say(f"{device.connector} is no longer configured: nobody can be asked about {device.device_id}")
    return False


def vanished(device: Device) -> int:
    say(f"{name_of(device)} is no longer known: it was removed meanwhile, and nothing was changed")
    return 1


def name_of(device: Device) -> str:
    return f"device {device.connector}/{device.device_id}"


def counted(device: Device) -> str:
    """What counted, for the audit log."""
    if device.retired:
        return f"retired: {device.retired}"
    if device.override is not None:
        return f"{device.override.status} until {when(device.override.until)}, by {device.override.who}"
    return device.status or "unknown"
