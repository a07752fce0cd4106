"""A recorded list of a fleet, swept offline: for the `<case>.list.json` of each folder's samples.

The file holds `answers`, what the API answers (as in `sample`), and what must come of it: `devices` and `faults`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bridge.connector.connector import Connector
from bridge.connector.language.tree import NotJson, read_json
from bridge.connector.load import load
from bridge.connector.trial.replay import brief
from bridge.connector.trial.sample import BadSample, Recorded, Stopped
from bridge.model import LookFailed


def read_list(file: Path) -> Mapping[str, Any]:
    """Raises BadSample."""
    try:
        case = read_json(file.read_bytes())
    except NotJson as error:
        raise BadSample(f"{file.name}: {error}") from None
    if not isinstance(case, dict) or not isinstance(case.get("answers"), dict):
        raise BadSample(f"{file.name}: must be an object with answers, and with devices and faults expected of them")
    return case


def listing_of(
    type_name: str, answers: Recorded, settings: Mapping[str, object], base_dir: Path | None = None
) -> Connector:
    """A connector that is answered by the recording alone. Raises ConfigError."""
    table = {"rate_limit": "none", **settings, "type": type_name}
    return load("sample", table, outbound=answers, clock=Stopped(), base_dir=base_dir or Path())


async def swept(connector: Connector) -> dict[str, Any]:
    """What a sweep comes to, in plain values: `devices`, `faults`, and `failed` if it did not reach its end."""
    devices: list[Any] = []
    faults: list[Any] = []
    failed: dict[str, Any] = {}
    try:
        async for page in connector.sweep():
            devices += [brief(asdict(one), keep=("present", "managed")) for one in page.snapshots]
            faults += [asdict(one) for one in page.faults]
    except LookFailed as failure:
        failed = {"failed": str(failure)}
    return {"devices": devices, "faults": faults, **failed}
