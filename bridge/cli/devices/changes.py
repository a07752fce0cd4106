"""`caep-bridge devices recheck` and `retire`: an operator's word about one device."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from bridge.cli.console.changing import confirmed, record
from bridge.cli.console.configured import load_config
from bridge.cli.console.opened import opened
from bridge.cli.console.output import say
from bridge.cli.devices.lookup import found_device
from bridge.cli.devices.outcome import compared, comparison, counted, filled, looked_at, may_look, name_of, vanished
from bridge.clock import SystemClock, SystemIds


async def recheck(
    device_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    connector: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Look at the device now, before everything else, and say what was found.

    Parameters
    ----------
    device_id
        The vendor's id of the device, or connector/id.
    connector
        Which connector's device, where several know the id.
    as_json
        Print JSON.
    """
    from bridge.pipeline.operator.word import recheck, speak

    config = load_config().config
    async with opened(config) as store:
        device = await found_device(config, store, device_id, connector)
        if device is None or not may_look(config, device):
            return 1
        before = await speak(store, device, recheck(SystemClock().now(), SystemIds().token()))
        await record(store, "devices.recheck", name_of(device), "", counted(device), "to be looked at")
        return await looked_at(store, before or device, as_json)


async def retire(
    device_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    reason: str,
    connector: str | None = None,
    yes: Annotated[bool, Parameter(negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Let the device count for nobody any more, until a look sees it again. Asks first.

    Parameters
    ----------
    device_id
        The vendor's id of the device, or connector/id; also of a connector that is no longer configured.
    reason
        Why; it stands with the device and in the audit log.
    connector
        Which connector's device, where several know the id.
    yes
        Do not ask.
    as_json
        Print JSON.
    """
    from bridge.pipeline.operator.word import retire, speak

    filled(reason)
    config = load_config().config
    async with opened(config) as store:
        device = await found_device(config, store, device_id, connector)
        if device is None:
            return 1
        whose = f" of {device.login}" if device.login else ""
        if not confirmed(f"Let {name_of(device)}{whose} count for nobody any more?", yes):
            return 1
        asked = comparison(device)
        before = await speak(store, device, retire(reason, asked))
        if before is None:
            return vanished(device)
        await record(store, "devices.retire", name_of(device), reason, counted(before), "retired")
        if device.connector in config.connectors and not device.gone:
            say("its vendor still knows it: the next look brings it back; an override or an exemption would last")
        return await compared(store, device, asked, as_json)
