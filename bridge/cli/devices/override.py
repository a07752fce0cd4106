"""`caep-bridge devices override`: what counts for a time, whatever is believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bridge.cli.console.changing import operator, record
from bridge.cli.console.configured import WrongCall, load_config
from bridge.cli.console.opened import opened
from bridge.cli.console.output import say, when, write_json
from bridge.cli.devices.lookup import found_device, summary
from bridge.cli.devices.outcome import compared, comparison, counted, filled, looked_at, name_of, vanished
from bridge.clock import SystemClock, SystemIds
from bridge.model import Status

if TYPE_CHECKING:
    from bridge.config import Config
    from bridge.model import Device
    from bridge.store.protocol import Store


async def override(
    device_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    status: Status | None = None,
    for_: Annotated[str | None, Parameter(name="--for")] = None,
    clear: Annotated[bool, Parameter(negative="")] = False,
    reason: str = "",
    connector: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Let a status count instead of what is believed, for a time; then the device is looked at, and what is so is told.

    Parameters
    ----------
    device_id
        The vendor's id of the device, or connector/id.
    status
        What counts meanwhile.
    for_
        How long, such as 30m, 8h or 2d; [policy] longest_override at most, which is 30 days unless configured.
    clear
        End the override that stands, now.
    reason
        Why; it stands with the device and in the audit log. Needed with --status.
    connector
        Which connector's device, where several know the id.
    as_json
        Print JSON.
    """
    config = load_config().config
    lasts = _lasts(status, for_, clear, reason, config.policy.longest_override)
    async with opened(config) as store:
        device = await found_device(config, store, device_id, connector)
        if device is None:
            return 1
        if status is None:
            return await _cleared(config, store, device, reason, as_json)
        return await _overridden(config, store, device, status, lasts, reason, as_json)


def _lasts(status: str | None, for_: str | None, clear: bool, reason: str, longest: float) -> float:
    """How many seconds; 0 with --clear. Raises WrongCall."""
    from bridge.config.kinds import seconds, spoken

    if clear:
        if status is not None or for_ is not None:
            raise WrongCall("--clear stands alone: it ends the override that there is")
        return 0.0
    if status is None or for_ is None:
        raise WrongCall("name --status and --for, or --clear")
    filled(reason)
    try:
        lasts = seconds(for_)
    except ValueError as problem:
        raise WrongCall(f"--for {problem}") from None
    if not 0 < lasts <= longest:
        most = f"{spoken(longest)} at most ([policy] longest_override)"
        raise WrongCall(f"--for must be longer than nothing, and {most}; [policy] exempt lasts for good")
    return lasts


async def _overridden(
    config: Config, store: Store, device: Device, status: Status, lasts: float,
    reason: str, as_json: bool,
) -> int:  # fmt: skip
    from bridge.pipeline.operator.word import override, speak

    if device.retired:
        say(f"{name_of(device)} is retired ({device.retired}): it counts for nobody, whatever its status is")
        return 1
    now = SystemClock().now()
    until = now + lasts
    asked = comparison(device)
    word = override(status, until, now, operator(), reason, SystemIds().token(), asked)
    before = await speak(store, device, word)
    if before is None:
        return vanished(device)
    after = f"{status} until {when(until)}"
    await record(store, "devices.override", name_of(device), reason, counted(before), after)
    say(f"{name_of(device)} counts as {after}; then it is looked at")
    if device.gone:
        say(
            "its vendor does not know it any more: after that its last status counts; "
            f"`caep-bridge devices retire {device.connector}/{device.device_id} --reason …` is for good"
        )
    if device.connector not in config.connectors:
        say(
            f"{device.connector} is no longer configured, so nobody will look: "
            f"`caep-bridge devices override {device.connector}/{device.device_id} --clear` ends it"
        )
    return await compared(store, device, asked, as_json)


async def _cleared(config: Config, store: Store, device: Device, reason: str, as_json: bool) -> int:
    from bridge.pipeline.operator.word import clear, speak

    if device.override is None:
        say(f"{name_of(device)} is not overridden")
        if as_json:
            write_json({**summary(device), "changed": False, "problem": None})
        return 0
    asked = None if device.connector in config.connectors else comparison(device)
    before = await speak(store, device, clear(SystemClock().now(), SystemIds().token(), asked))
    if before is None:
        return vanished(device)
    await record(store, "devices.override", name_of(device), reason, counted(before), "cleared")
    if asked is not None:
        return await compared(store, device, asked, as_json)
    return await looked_at(store, before, as_json)
