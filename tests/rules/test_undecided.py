from __future__ import annotations

from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Device, FailureKind, LookFailed, Owner
from bridge.posture.identity import Identity
from bridge.posture.undecided import BACKOFF, undecided
from tests.rules.given import ADA, BOB, CHECKED, NOW, OpenIssues, broken, clean, context, stated

KINDS = get_args(FailureKind)
DOWN = LookFailed("down", "no connection")
UNKNOWN = {"owner": None, "login": None, "login_reason": "no_owner"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("before", [None, clean(), broken()])
def test_the_last_verdict_stays_and_the_look_stays_due(kind: FailureKind, before: Device | None) -> None:
    decision = undecided(before, "d1", LookFailed(kind, "x"), context(attempts=2, contradictions=1))
    assert (decision.device.status, decision.change) == (before.status if before else None, None)
    assert (decision.reason, decision.again_why) == (f"look_{kind}", f"look_{kind}: x")
    assert (decision.keep_stated, decision.attempts, decision.contradictions) == (True, 3, 1)
    assert decision.again_at is not None
    assert decision.again_at > NOW


@pytest.mark.parametrize("kind", KINDS)
def test_backoff_doubles_to_its_longest(kind: FailureKind) -> None:
    first, longest = BACKOFF[kind]
    waits = [
        (undecided(clean(), "d1", LookFailed(kind, "x"), context(attempts=n)).again_at or 0) - NOW
        for n in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 100)
    ]
    assert waits == [min(first * 2**n, longest) for n in range(11)]


@pytest.mark.parametrize(("asked", "wait"), [(None, 10.0), (3.0, 10.0), (60.0, 60.0), (1e9, 3600.0), (-5.0, 10.0)])
def test_retry_after_is_honoured_up_to_an_hour(asked: float | None, wait: float) -> None:
    assert undecided(clean(), "d1", LookFailed("limited", "x", asked), context()).again_at == NOW + wait


def test_jitter_spreads_the_looks() -> None:
    assert undecided(clean(), "d1", LookFailed("limited", "x"), context(jitter=0.8)).again_at == NOW + 8


def provisional(before: Device | None = None, failure: LookFailed = DOWN, *said: Any, **changes: Any) -> Any:
    given = {"rung_at": NOW - 120, "statements": said or (stated(at=NOW - 121),)} | changes
    return undecided(before, "d1", failure, context(**given))


def test_api_down_acts_on_what_the_webhook_stated() -> None:
    decision = provisional(clean())
    device = decision.device
    assert (device.status, device.basis, device.reason) == ("not-compliant", "provisional", "provisional")
    assert (device.failing, [one.key for one in device.findings]) == (("1",), ["1"])
    assert decision.change is not None
    assert (decision.change.why, decision.change.at, decision.change.after) == ("provisional", NOW - 121, device)
    assert (decision.keep_stated, decision.again_why) == (True, "look_down: no connection")
    assert decision.again_at > NOW


@pytest.mark.parametrize(
    ("before", "failure", "changes"),
    [
        *[(clean(), LookFailed(kind, "x"), {}) for kind in KINDS if kind != "down"],
        (clean(), DOWN, {"rung_at": NOW - 119}),
        (clean(), DOWN, {"rung_at": None}),
        (clean(), DOWN, {"received": (NOW - 119,), "rung_at": NOW - 500}),
        (clean(), DOWN, {"judge": OpenIssues(without_api=False)}),
        (clean(), DOWN, {"statements": ()}),
        (clean(), DOWN, {"statements": (stated(finding=None),)}),
        (clean(), DOWN, {"statements": (stated(state="gone"),)}),
        (clean(looked_at=NOW - 121), DOWN, {}),
        (clean(looked_at=NOW - 100), DOWN, {}),
        (clean(looked_at=NOW - 10), DOWN, {"statements": (stated(at=NOW + 1e9),)}),
        (clean(pending_owner=BOB, pending_since=NOW - 1), DOWN, {}),
        (clean(), DOWN, {"statements": (stated(at=NOW - 121, owner=BOB),)}),
        (clean(**UNKNOWN), DOWN, {}),
        (None, DOWN, {}),
        (clean(owner=Owner("p9", None), login=None), DOWN, {}),
        (clean(owner=Owner("p9", "x@other.example"), login=None), DOWN,
         {"identity": Identity(allowed_domains=CHECKED)}),
    ],
)  # fmt: skip
def test_when_nothing_is_acted_on(before: Device | None, failure: LookFailed, changes: Any) -> None:
    decision = provisional(before, failure, **changes)
    assert decision.change is None
    assert decision.reason == f"look_{failure.kind}"
    assert decision.device.status == (before.status if before else None)


def test_the_owner_may_come_with_the_webhook() -> None:
    for before in (None, clean(**UNKNOWN, status=None, looked_at=None)):
        decision = provisional(before, DOWN, stated(at=NOW - 121, owner=ADA))
        assert decision.change is not None
        assert decision.device.login == ADA.email


def test_a_recovery_is_never_taken_from_a_webhook() -> None:
    decision = provisional(broken(), DOWN, stated("1", "gone", NOW - 121))
    assert (decision.device.status, decision.change) == ("not-compliant", None)


def test_each_finding_waits_two_minutes_from_its_own_receipt() -> None:
    said = (stated("1", at=NOW - 130), stated("2", at=NOW - 60))
    received = (NOW - 120, NOW - 60)
    device = provisional(clean(), DOWN, *said, received=received).device
    assert device.failing == ("1",)


def test_the_next_try_is_not_later_than_the_two_minutes() -> None:
    for received, again in [(NOW - 100, NOW + 20), (NOW - 10, NOW + 60)]:
        decision = provisional(clean(), DOWN, attempts=20, received=(received,))
        assert decision.again_at == again


def test_it_is_acted_on_once() -> None:
    once = provisional(clean())
    again = provisional(once.device)
    assert (again.change, again.device.status, again.reason) == (None, "not-compliant", "look_down")
    assert again.device.basis == "provisional"


@given(
    st.sampled_from([None, clean(), broken(), clean(**UNKNOWN)]),
    st.sampled_from(KINDS),
    st.lists(
        st.builds(stated, state=st.sampled_from(["failing", "passing", "gone"]), at=st.floats(NOW - 9999, NOW + 9999)),
        max_size=3,
    ),
    st.integers(0, 50),
    st.none() | st.floats(NOW - 9999, NOW),
)
def test_a_failed_look_only_ever_delays_or_fails(
    before: Device | None, kind: FailureKind, said: Any, attempts: int, rung_at: float | None
) -> None:
    given_ = context(*said, attempts=attempts, rung_at=rung_at)
    decision = undecided(before, "d1", LookFailed(kind, "x"), given_)
    assert decision.again_at is not None
    assert NOW < decision.again_at <= NOW + 900
    if decision.change is not None:
        assert (kind, decision.device.status, decision.device.basis) == ("down", "not-compliant", "provisional")
    else:
        kept = replace(decision.device, reason="")
        assert before is None or kept == replace(before, reason="")
