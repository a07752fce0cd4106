"""Which device a command means, and how `--json` has one."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bridge.cli.console.configured import WrongCall
from bridge.cli.console.output import say

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.model import Device
    from bridge.store.protocol import Store


async def found_device(config: Config, store: Store, device_id: str, connector: str | None) -> Device | None:
    """The device that is meant: by its id, `connector/id`, or a name that only one has; None if none is known, which is
    said with near ones. Raises WrongCall for a name that several have."""
    device_id, connector = await named(store, device_id, connector, list(config.connectors))
    found = connector or await the_connector(store, device_id, list(config.connectors))
    device = await store.device(found, device_id) if found else None
    if device is None and found and await store.look(found, device_id) is not None:
        say(f"device {found}/{device_id} was named by a webhook; no look has ended yet, so nothing is believed of it")
    elif device is None and (device := await called(store, device_id, connector)) is None:
        await unknown(store, device_id, connector)
    return device


async def called(store: Store, name: str, connector: str | None) -> Device | None:
    """The device of this name, in any case."""
    near = await store.devices(connector=connector, search=name, limit=1000)
    found = [one for one in near if one.name.casefold() == name.casefold()]
    if len(found) > 1:
        several = ", ".join(f"{one.connector}/{one.device_id}" for one in found[:5])
        raise WrongCall(f"several devices are called {name}: {several}; name one by its id")
    return found[0] if found else None


async def named(store: Store, device_id: str, connector: str | None, configured: list[str]) -> tuple[str, str | None]:
    """Id and connector, if it was written `connector/id`; a connector that is no longer configured counts too."""
    before, slash, after = device_id.partition("/")
    if connector is None and slash and (before in configured or await store.device(before, after) is not None):
        return after, before
    return device_id, connector


async def the_connector(store: Store, device_id: str, configured: list[str]) -> str | None:
    """The only connector that knows the id; None if none does. Raises WrongCall where several do."""
    from bridge.pipeline.operator.facts import connectors_with

    found = await connectors_with(store, device_id, configured)
    if len(found) > 1:
        raise WrongCall(f"several connectors know a device {device_id}: add --connector {' or '.join(found)}")
    return found[0] if found else None


async def unknown(store: Store, device_id: str, connector: str | None) -> None:
    from bridge.pipeline.operator.facts import nearest

    say(f"no device {device_id} is known" + (f" to connector {connector}" if connector else ""))
    near = await nearest(store, device_id, connector)
    if near:
        say("did you mean " + ", ".join(_named(device) for device in near) + "?")


def _named(device: Device) -> str:
    return f"{device.device_id} ({': '.join(part for part in (device.connector, device.name) if part)})"


def summary(device: Device) -> dict[str, Any]:
    """A device as `--json` has it."""
    return {
        "connector": device.connector,
        "id": device.device_id,
        "name": device.name,
        "login": device.login,
        "login_reason": device.login_reason or None,
        "status": device.status,
        "since": device.since,
        "basis": device.basis,
        "why": device.why,
        "reason": device.reason,
        "failing": list(device.failing),
        "gone": device.gone,
        "counts_as": device.counted,
        "hold": asdict(device.hold) if device.hold is not None else None,
        "override": asdict(device.override) if device.override is not None else None,
        "retired": device.retired or None,
        "looked_at": device.looked_at,
        "updated_at": device.updated_at,
    }


def status_of(device: Device) -> str:
    """The status that is believed, and beside it the one that counts where that is another."""
    believed = device.status or "unknown"
    if device.retired:
        return f"{believed} (retired)"
    if device.override is not None:
        return f"{believed} (overridden: {device.override.status})"
    return believed if device.hold is None else f"{believed} (held)"
