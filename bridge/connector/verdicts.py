"""What each judgement of a connector would make of a device, also those that are not chosen. Pure."""

from __future__ import annotations

from bridge.connector.connector import Connector
from bridge.model import Snapshot, Verdict


def verdict_of(connector: Connector, snapshot: Snapshot, judge_name: str, now: float) -> Verdict:
    """As a first look would judge: nothing is held from before. Raises KeyError if there is no such judgement."""
    judge = connector.judge_named(judge_name)
    if not snapshot.present:
        return Verdict(None, "gone: the vendor does not have it")
    if not snapshot.managed:
        return Verdict(None, "unmanaged: not under the vendor's rule")
    if snapshot.keep:
        return Verdict(None, "kept: the vendor's answer asks to keep the last verdict")
    return judge(snapshot.findings, snapshot.status, held=None, now=now)
