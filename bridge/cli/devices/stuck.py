"""`caep-bridge devices list --stuck`: what stays as it is until somebody does something."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.cli.console.output import say, table, when, write_json
from bridge.cli.devices.lookup import status_of, summary
from bridge.clock import SystemClock
from bridge.model import Status

if TYPE_CHECKING:
    from bridge.model import Device
    from bridge.pipeline.operator.wording import Said
    from bridge.store.protocol import Store


async def show_stuck(
    store: Store, connector: str | None, status: Status | None, search: str, limit: int, as_json: bool, long: float
) -> int:
    """`long`: for how many seconds a device may fail before it counts as stuck."""
    from bridge.pipeline.operator.stuck import stuck

    found: list[tuple[Device, Said]] = []
    async for pair in stuck(store, connector, status, search, SystemClock().now(), long):
        found.append(pair)
        if len(found) > limit:
            break
    shown = found[:limit]
    if as_json:
        write_json(
            [
                {
                    **summary(device),
                    "stuck": {"reason": said.reason, "words": said.words, "remedy": said.remedy or None},
                }
                for device, said in shown
            ]
        )
    else:
        table(
            ("connector", "device", "login", "status", "since", "stuck", "why", "what helps"),
            (
                (d.connector, d.device_id, d.login or f"({d.login_reason})", status_of(d), when(d.since), said.reason,
                 said.words, said.remedy)
                for d, said in shown
            ),
            empty="no device is stuck",
        )  # fmt: skip
    if len(found) > limit:
        say(f"there are more than {limit}: --limit shows more, --search, --status and --connector narrow it down")
    return 0
