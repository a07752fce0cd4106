"""`caep-bridge devices`: what is believed of each device, and why each receiver was, or was not, told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from bridge.cli.console.configured import WrongCall, load_config
from bridge.cli.console.opened import entries_of, opened
from bridge.cli.console.output import say, table, when, write_json
from bridge.cli.devices.changes import recheck, retire
from bridge.cli.devices.lookup import called, named, status_of, summary, the_connector, unknown
from bridge.cli.devices.override import override
from bridge.cli.devices.stuck import show_stuck
from bridge.clock import SystemClock

if TYPE_CHECKING:
    from bridge.pipeline.operator.explain import Explanation

devices = App(name="devices", help="The devices, and why each has its status.")
for command in (recheck, retire, override):
    devices.command(command)


@devices.command(name="list")
async def list_(
    *,
    connector: str | None = None,
    status: Literal["compliant", "not-compliant"] | None = None,
    search: str = "",
    stuck: Annotated[bool, Parameter(negative="")] = False,
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
    stuck
        Only devices that stay as they are until somebody does something, and why: gone, without an owner, failing for
        long ([policy] long_failing, 7 days unless configured), provisional, overridden, or held back.
    limit
        At most so many.
    as_json
        Print JSON.
    """
    if limit < 1:
        raise WrongCall("--limit must be at least 1")
    config = load_config().config
    async with opened(config) as store:
        if stuck:
            return await show_stuck(store, connector, status, search, limit, as_json, config.policy.long_failing)
        found = await store.devices(connector=connector, status=status, search=search, limit=limit + 1)
    shown = found[:limit]
    if as_json:
        write_json([summary(device) for device in shown])
    else:
        table(
            ("connector", "device", "name", "login", "status", "since", "reason"),
            (
                (d.connector, d.device_id, d.name, d.login or f"({d.login_reason})", status_of(d), when(d.since),
                 d.reason)
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
        The vendor's id of the device, connector/id as the deliveries have it, or its name if no other has it.
    connector
        Which connector's device, where several know the id.
    as_json
        Print JSON.
    """
    from bridge.pipeline.operator.explain import explain
    from bridge.pipeline.operator.facts import facts

    config = load_config().config
    async with opened(config) as store:
        device_id, connector = await named(store, device_id, connector, list(config.connectors))
        found = connector or await the_connector(store, device_id, list(config.connectors))
        entries = await entries_of(config, store)
        known = await facts(store, found, device_id, entries) if found else None
        if known is None and (one := await called(store, device_id, connector)) is not None:
            found, device_id = one.key
            known = await facts(store, found, device_id, entries)
        if known is None or found is None:
            await unknown(store, device_id, connector)
            return 1
    now = SystemClock().now()
    explanation = explain(known, now, config.namespaces)
    if as_json:
        write_json(document(explanation, found, device_id))
    else:
        from bridge.cli.devices.screen import show_explanation

        show_explanation(explanation, found, device_id, now)
    return 0


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
