"""A device that the vendor does not know, or that is nobody's: for good, or for a moment of the vendor's."""

from __future__ import annotations

import pytest

from bridge.model import Device, Snapshot
from bridge.posture.decide import REPEATS, decide
from tests.rules.given import NOW, broken, clean, context, finding, snapshot

GONE, NOBODYS = snapshot(present=False), snapshot(managed=False)


@pytest.mark.parametrize("absent", [GONE, NOBODYS], ids=["gone", "unregistered"])
def test_a_device_that_vanished_is_looked_at_three_times_more(absent: Snapshot) -> None:
    """A vendor that answers 404 once must not make us blind until the next webhook."""
    device, count, waits = clean(), 0, []
    while (decision := decide(device, absent, context(contradictions=count))).again_at is not None:
        assert (decision.device.status, decision.again_why) == ("compliant", decision.reason)
        waits.append(decision.again_at - NOW)
        device, count = decision.device, decision.contradictions
    assert tuple(waits) == REPEATS
    assert decide(decision.device, absent, context()).again_at is None


@pytest.mark.parametrize("before", [None, clean(looked_at=None), clean(gone=True)], ids=["new", "unseen", "known"])
def test_a_device_that_no_look_saw_is_not_waited_for(before: Device | None) -> None:
    assert decide(before, GONE, context()).again_at is None


@pytest.mark.parametrize("absent", [GONE, NOBODYS], ids=["gone", "unregistered"])
def test_a_deadline_is_kept_while_the_device_is_away(absent: Snapshot) -> None:
    waiting = clean(findings=(finding(blocks_at=NOW + 7200), finding("2", blocks_at=NOW - 9)))
    decision = decide(waiting, absent, context(contradictions=len(REPEATS)))
    assert (decision.again_at, decision.again_why) == (NOW + 7200, decision.reason)


def test_a_failing_device_without_registration_is_looked_at_hourly() -> None:
    decision = decide(broken(), NOBODYS, context(contradictions=len(REPEATS)))
    assert decision.device.status == "not-compliant"
    assert (decision.again_at, decision.again_why) == (NOW + 3600, "unregistered")
