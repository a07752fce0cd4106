"""`caep-bridge devices`: what is believed of each device, and why each receiver was, or was not, told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from bridge.cli.configured import WrongCall, load_config
from bridge.cli.opened import entries_of, opened
from bridge.cli.output import say, table, when, write_json
from bridge.clock import SystemClock

if TYPE_CHECKING:
    from bridge.model import Device
    from bridge.pipeline.explain import Explanation
    from bridge.store.protocol import Store

devices = App(name="devices", help="The devices, and why each has its status.")


@devices.command(name="list")
async def list_(
    *,
    connector: str | None = None,
    status: Literal["compliant", "not-compliant"] | None = None,
    search: str = "",
    limit: int = 100,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Each device with its owner's login, status and the reason of the last decision.

    Parameters
    ----------
    connector
        Only devices of this connector.
    status
        Only devices of this status.
    search
        Only devices whose id, name or login holds this text.
    limit
        At most so many.
    as_json
        Print JSON.
    """
    if limit < 1:
        raise WrongCall("--limit must be at least 1")
    config = load_config().config
    async with opened(config) as store:
        found = await store.devices(connector=connector, status=status, search=search, limit=limit + 1)
    shown = found[:limit]
    if as_json:
        write_json([summary(device) for device in shown])
    else:
        table(
            ("connector", "device", "name", "login", "status", "since", "reason"),
            (
                (d.connector, d.device_id, d.name, d.login or f"({d.login_reason})", d.status or "unknown",
                 when(d.since), d.reason)
                for d in shown
            ),
            empty="no device" + (" like that" if connector or status or search else " yet: no webhook came in"),
        )  # fmt: skip
    if len(found) > limit:
        say(f"there are more than {limit}: --limit shows more, --search, --status and --connector narrow it down")
    return 0


@devices.command
async def show(
    device_id: Annotated[str, Parameter(name="ID")],
    /,
    *,
    connector: str | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Why a device has its status, what each receiver was told and when, and what would change it.

    Parameters
    ----------
    device_id
        The vendor's id of the device, or connector/id as the deliveries have it.
    connector
        Which connector's device, where several know the id.
    as_json
        Print JSON.
    """
    from bridge.pipeline.explain import explain
    from bridge.pipeline.facts import facts

    config = load_config().config
    before, slash, after = device_id.partition("/")
    if connector is None and slash and before in config.connectors:
        connector, device_id = before, after
    async with opened(config) as store:
        found = connector or await the_connector(store, device_id, list(config.connectors))
        known = await facts(store, found, device_id, await entries_of(config, store)) if found else None
        if known is None or found is None:
            await _unknown(store, device_id, connector)
            return 1
    now = SystemClock().now()
    explanation = explain(known, now)
    if as_json:
        write_json(document(explanation, found, device_id))
    else:
        from bridge.cli.device_screen import show_explanation

        show_explanation(explanation, found, device_id, now)
    return 0


async def the_connector(store: Store, device_id: str, configured: list[str]) -> str | None:
    """The only connector that knows the id; None if none does. Raises WrongCall where several do."""
    from bridge.pipeline.facts import connectors_with

    found = await connectors_with(store, device_id, configured)
    if len(found) > 1:
        raise WrongCall(f"several connectors know a device {device_id}: add --connector {' or '.join(found)}")
    return found[0] if found else None


async def _unknown(store: Store, device_id: str, connector: str | None) -> None:
    from bridge.pipeline.facts import nearest

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
        "looked_at": device.looked_at,
        "updated_at": device.updated_at,
    }


def document(explanation: Explanation, connector: str, device_id: str) -> dict[str, Any]:
    """The explanation as `--json` has it: times in seconds since 1970, UTC."""
    from dataclasses import asdict

    device = explanation.device
    return {
        **({"connector": connector, "id": device_id} if device is None else summary(device)),
        "decision": asdict(explanation.decision),
        "owner": asdict(explanation.owner) if explanation.owner else None,
        "findings": {
            "deciding": [asdict(one) for one in explanation.deciding],
            "exempt": [asdict(one) for one in explanation.exempt],
            "others": [asdict(one) for one in explanation.others],
        },
        "look": asdict(explanation.look) if explanation.look else None,
        "receivers": [asdict(one) for one in explanation.streams],
    }
