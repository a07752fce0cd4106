"""A recorded request, played through a connector offline: for `connectors test` and for the samples of each folder.

Nothing is sent and nothing is stored. `sample` says what the files look like.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bridge.connector.connector import Connector
from bridge.connector.load import describe, load
from bridge.connector.trial.sample import Recorded, Stopped, read_request
from bridge.errors import Misfit, Unauthenticated
from bridge.model import LookFailed, Parsed, Snapshot, Verdict, Webhook


@dataclass(frozen=True, slots=True)
class Looked:
    """What looking at one device came to. Without an API the verdict is over this one webhook's findings."""

    device_id: str
    snapshot: Snapshot | None
    failed: str
    verdicts: Mapping[str, Verdict]
    """By judgement: all that the type declares, or only the chosen one."""


@dataclass(frozen=True, slots=True)
class Replay:
    """`outcome`: accepted, ignored, misfit or unauthenticated; `detail` says why."""

    outcome: str
    detail: str
    parsed: Parsed | None
    looked: tuple[Looked, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values, without what is empty or stands at its default."""
        return {
            "outcome": self.outcome,
            **({"detail": self.detail} if self.detail else {}),
            **({"webhook": brief(asdict(self.parsed))} if self.parsed else {}),
            **({"looks": [_looked(one) for one in self.looked]} if self.looked else {}),
        }


def replay(
    type_name: str,
    request_file: Path,
    api_file: Path | None,
    settings: Mapping[str, object],
    *,
    base_dir: Path | None = None,
    every_judgement: bool = False,
) -> Replay:
    """Play a request with the admin's table (`type` may be left out). Raises ConfigError, BadSample."""
    return asyncio.run(
        replaying(type_name, request_file, api_file, settings, base_dir=base_dir, every_judgement=every_judgement)
    )


async def replaying(
    type_name: str,
    request_file: Path,
    api_file: Path | None,
    settings: Mapping[str, object],
    *,
    base_dir: Path | None = None,
    every_judgement: bool = False,
) -> Replay:
    """As `replay`, from within an event loop."""
    base_dir = base_dir or Path()
    webhook, received = read_request(request_file)
    clock, recorded = Stopped(), Recorded(api_file)
    names = [one.name for one in describe(type_name, base_dir).judgements]
    chosen = settings.get("judge")
    if not isinstance(chosen, str) or every_judgement:
        chosen = chosen if isinstance(chosen, str) else names[0]
    else:
        names = [chosen]
    by_judgement = {
        name: load(
            "sample",
            {"rate_limit": "none", **settings, "type": type_name, "judge": name},
            outbound=recorded,
            clock=clock,
            base_dir=base_dir,
        )
        for name in dict.fromkeys([chosen, *names])
    }
    return await _play(by_judgement[chosen], by_judgement, webhook, received, ask=api_file is not None)


async def _play(
    connector: Connector, by_judgement: Mapping[str, Connector], webhook: Webhook, received: bool, *, ask: bool
) -> Replay:
    if not received:
        webhook = replace(webhook, received_at=connector.stated_time(webhook) or 0.0)
    try:
        parsed = connector.parse(connector.verify(webhook))
    except Unauthenticated as refused:
        return Replay("unauthenticated", refused.code, None)
    except Misfit as misfit:
        named = f" (devices: {', '.join(misfit.device_ids)})" if misfit.device_ids else ""
        return Replay("misfit", f"{misfit}{named}", None)
    if parsed.ignored:
        return Replay("ignored", parsed.ignored, parsed)
    looked = []
    for device_id in dict.fromkeys(statement.device_id for statement in parsed.statements):
        now = webhook.received_at
        if connector.has_api and ask:
            looked.append(await _look(connector, by_judgement, device_id, now))
        else:
            looked.append(_folded(by_judgement, parsed, device_id, now))
    return Replay("accepted", "", parsed, tuple(looked))


async def _look(connector: Connector, by_judgement: Mapping[str, Connector], device_id: str, now: float) -> Looked:
    try:
        found = await connector.snapshot(device_id, now)
    except LookFailed as failed:
        return Looked(device_id, None, str(failed), {})
    if not found.present or not found.managed or found.keep:
        return Looked(device_id, found, "", {})
    return Looked(
        device_id,
        found,
        "",
        {name: one.judge(found.findings, found.status, held=None, now=now) for name, one in by_judgement.items()},
    )


def _folded(by_judgement: Mapping[str, Connector], parsed: Parsed, device_id: str, now: float) -> Looked:
    findings = [one.finding for one in parsed.statements if one.device_id == device_id and one.finding]
    return Looked(
        device_id,
        None,
        "",
        {
            name: one.judge(findings, None, held=None, now=now)
            for name, one in by_judgement.items()
            if findings and (one.judge.without_api or not one.has_api)
        },
    )


def _looked(one: Looked) -> dict[str, Any]:
    return {
        "device": one.device_id,
        **({"snapshot": brief(asdict(one.snapshot), keep=("present", "managed"))} if one.snapshot else {}),
        **({"failed": one.failed} if one.failed else {}),
        **({"verdicts": {name: _verdict(verdict) for name, verdict in one.verdicts.items()}} if one.verdicts else {}),
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "status": verdict.status,
        "reason": verdict.reason,
        **({"failing": [one.key for one in verdict.failing]} if verdict.failing else {}),
        **({"recheck_at": verdict.recheck_at} if verdict.recheck_at is not None else {}),
    }


def brief(value: Any, keep: tuple[str, ...] = ()) -> Any:
    """Plain values without what is empty or false, but for the keys to be kept."""
    if isinstance(value, dict):
        return {
            key: brief(member)
            for key, member in value.items()
            if key in keep or member not in (None, "", (), [], False)
        }
    if isinstance(value, list | tuple):
        return [brief(part) for part in value]
    return value
