"""Sweeps a fleet once, `python -m tests.e2e.sweeping URL`, and prints what it found and what memory that took."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from bridge.clock import SystemClock
from bridge.connector.load import load
from bridge.outbound import Outbound


def memory(field: str) -> int:
    """KiB, of VmRSS or VmHWM, its peak."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition(f"{field}:")[2].split()[0])


async def main(url: str) -> None:
    outbound = Outbound(insecure=True, user_agent="test", limit_per_host=4)
    table = {"type": "kolide", "judge": "issues", "signing_secret": "s" * 16, "api_key": "k", "rate_limit": "none"}
    ours = load("kolide", {**table, "base_url": url}, outbound=outbound, clock=SystemClock(), base_dir=Path())
    before, began = memory("VmRSS"), time.monotonic()
    devices = findings = owners = faults = 0
    async for page in ours.sweep():
        devices += len(page.snapshots)
        faults += len(page.faults)
        findings += sum(len(one.findings) for one in page.snapshots)
        owners += sum(one.owner is not None and one.owner.email is not None for one in page.snapshots)
    took = time.monotonic() - began
    found = {"devices": devices, "findings": findings, "owners": owners, "faults": faults}
    print(json.dumps({**found, "grown_mib": (memory("VmHWM") - before) / 1024, "seconds": took}))
    await outbound.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
