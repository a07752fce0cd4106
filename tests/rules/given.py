"""A device, a judge and a stream to begin from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from bridge.model import Device, Finding, LedgerRow, Owner, Snapshot, Statement, Status, Stream, Tail, Verdict
from bridge.posture.decision import Context
from bridge.posture.identity import Identity

NOW = 1_800_000_000.0
ADA, BOB = Owner("p1", "ada@acme.example"), Owner("p2", "bob@acme.example")
CHECKED = frozenset({"acme.example"})


@dataclass
class OpenIssues:
    """Any open finding that is neither exempt nor before its deadline fails; the status `unknown` gives no verdict."""

    without_api: bool = True

    def __call__(self, findings: Sequence[Finding], status: str | None, *, held: Status | None, now: float) -> Verdict:
        if status == "unknown":
            return Verdict(None, "unknown_status: unknown")
        if status == "blocked":
            return Verdict("not-compliant", "the vendor reports blocked")
        failing = tuple(one for one in findings if not one.exempt and (one.blocks_at is None or one.blocks_at <= now))
        later = [one.blocks_at for one in findings if one.blocks_at is not None and one.blocks_at > now]
        words = ", ".join(one.title for one in failing) or "nothing counts"
        return Verdict("not-compliant" if failing else "compliant", words, failing, min(later, default=None))


def finding(key: str = "1", state: Any = "failing", at: float = NOW - 60, **changes: Any) -> Finding:
    return replace(Finding(key, state, at, title=f"Check {key}"), **changes)


def stated(key: str = "1", state: Any = "failing", at: float = NOW - 60, **changes: Any) -> Statement:
    return replace(Statement("d1", finding(key, state, at)), **changes)


def snapshot(*findings: Finding, **changes: Any) -> Snapshot:
    return replace(Snapshot("d1", NOW, owner=ADA, name="laptop", findings=findings), **changes)


def context(*statements: Statement, **changes: Any) -> Context:
    return replace(Context("kolide", OpenIssues(), Identity(), NOW, "t1", statements), **changes)


def clean(**changes: Any) -> Device:
    """Ada's device, compliant since an hour ago."""
    plain = Device(
        "kolide", "d1", name="laptop", owner=ADA, login=ADA.email, login_reason="", status="compliant",
        since=NOW - 3600, status_at=NOW - 3600, seen_clean=True, looked_at=NOW - 3600, reason="still_compliant",
        first_seen=NOW - 3600,
    )  # fmt: skip
    return replace(plain, **changes)


def broken(*findings: Finding, **changes: Any) -> Device:
    """Ada's device, failing since an hour ago."""
    found = findings or (finding(at=NOW - 3600),)
    keys = tuple(one.key for one in found)
    return replace(clean(status="not-compliant", findings=found, failing=keys, why="Check 1"), **changes)


def stream(**changes: Any) -> Stream:
    return replace(Stream("s1", "rp", "https://rp.example", "ssf", "https://rp.example/events"), **changes)


def risk(**changes: Any) -> Stream:
    plain = stream(id="s2", name="okta", profile="okta", subject="device", aggregate="user")
    return replace(plain, **changes)


def row(told: Status | None, tail: Tail | None = None, **changes: Any) -> LedgerRow:
    return replace(LedgerRow("s1", "x", told=told, tail=tail, version=1), **changes)
