from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Device, Finding, Owner, Snapshot, Status
from bridge.posture.decide import REPEATS, contradicts, decide
from bridge.posture.identity import Identity, Overrides
from tests.rules.given import ADA, BOB, CHECKED, NOW, broken, clean, context, finding, snapshot, stated

NOBODY = {"owner": None, "login": None, "login_reason": "no_owner"}
SAME = replace(ADA, email="ada.new@acme.example")
FOREIGN = Owner("p9", "x@other.example")


@pytest.mark.parametrize(
    ("before", "seen", "status", "why", "reason"),
    [
        # first sight
        (None, snapshot(), "compliant", None, "first_sight"),
        (None, snapshot(finding()), "not-compliant", "failed", "changed"),
        (None, snapshot(finding(), owner=None), "not-compliant", "failed", "no_owner"),
        (None, snapshot(finding(), owner=Owner("p", None)), "not-compliant", "failed", "owner_without_email"),
        (None, snapshot(owner=None), None, None, "no_owner"),
        (None, snapshot(present=False), None, None, "gone"),
        (None, snapshot(managed=False), None, None, "unregistered"),
        (None, snapshot(status="unknown"), None, None, "no_verdict: unknown_status: unknown"),
        # failing
        (clean(), snapshot(finding()), "not-compliant", "failed", "changed"),
        (clean(), snapshot(status="blocked"), "not-compliant", "failed", "changed"),
        (clean(), snapshot(finding(exempt=True)), "compliant", None, "exempt"),
        (clean(), snapshot(finding(blocks_at=NOW + 9)), "compliant", None, "in_grace"),
        (clean(), snapshot(finding(blocks_at=NOW - 9)), "not-compliant", "failed", "changed"),
        (clean(), snapshot(finding(state="passing")), "compliant", None, "still_compliant"),
        (broken(), snapshot(finding()), "not-compliant", None, "still_not_compliant"),
        (broken(), snapshot(finding("2")), "not-compliant", None, "still_not_compliant"),
        # recovery, and what is no evidence of it
        (broken(), snapshot(), "compliant", "recovered", "changed"),
        (broken(), snapshot(finding(exempt=True)), "compliant", "recovered", "changed"),
        (broken(), snapshot(present=False), "not-compliant", None, "gone"),
        (broken(), snapshot(managed=False), "not-compliant", None, "unregistered"),
        (broken(), snapshot(keep=True), "not-compliant", None, "stale"),
        (broken(), snapshot(status="unknown"), "not-compliant", None, "no_verdict: unknown_status: unknown"),
        (broken(), snapshot(owner=None), "not-compliant", None, "owner_gone"),
        (broken(**NOBODY), snapshot(owner=None), "not-compliant", None, "no_owner"),
        (broken(), snapshot(owner=BOB), "not-compliant", None, "owner_unconfirmed"),
        (broken(), snapshot(owner=replace(ADA, email=None)), "compliant", "recovered", "changed"),
        # owners
        (clean(**NOBODY), snapshot(), "compliant", None, "still_compliant"),
        (broken(**NOBODY), snapshot(finding()), "not-compliant", "owner_found", "changed"),
        (broken(**NOBODY), snapshot(), "compliant", "recovered", "changed"),
        (broken(**NOBODY), snapshot(finding(), owner=Owner("p", None)), "not-compliant", None, "owner_without_email"),
        (broken(**NOBODY), snapshot(status="unknown"), "not-compliant", "owner_found",
         "no_verdict: unknown_status: unknown"),
        (broken(), snapshot(finding(), owner=SAME), "not-compliant", "renamed", "changed"),
        (clean(), snapshot(owner=SAME), "compliant", "renamed", "changed"),
        (broken(), snapshot(owner=SAME), "compliant", "recovered", "changed"),
        (broken(owner=None), snapshot(finding(), owner=None), "not-compliant", None, "no_owner"),
    ],
)  # fmt: skip
def test_the_table(before: Device | None, seen: Snapshot, status: Status | None, why: str | None, reason: str) -> None:
    decision = decide(before, seen, context())
    assert decision.device.status == status
    assert (decision.change.why if decision.change else None) == why
    assert decision.reason == reason
    if decision.change:
        assert (decision.change.after, decision.change.txn) == (decision.device, "t1")


def test_what_a_failing_device_looks_like() -> None:
    found = (finding(at=NOW - 60), finding("2", exempt=True))
    device = decide(clean(), snapshot(*found), context()).device
    assert (device.failing, device.findings, device.why) == (("1",), found, "Check 1")
    assert (device.since, device.status_at, device.basis, device.looked_at) == (NOW, NOW - 60, "look", NOW)


def test_a_recovered_device_is_seen_clean_and_names_nothing() -> None:
    device = decide(broken(seen_clean=False), snapshot(), context()).device
    assert (device.seen_clean, device.failing, device.findings) == (True, (), ())


def test_without_a_verdict_the_last_one_keeps_its_findings() -> None:
    before = broken()
    for seen in (snapshot(status="unknown"), snapshot(keep=True), snapshot(present=False), snapshot(owner=None)):
        device = decide(before, seen, context()).device
        assert (device.findings, device.failing, device.since) == (before.findings, before.failing, before.since)


@pytest.mark.parametrize(
    ("seen", "again"),
    [
        (snapshot(finding(blocks_at=NOW + 9)), NOW + 9),
        (snapshot(finding(blocks_at=NOW + 9), recheck_at=NOW + 5), NOW + 5),
        (snapshot(keep=True, recheck_at=NOW + 5), NOW + 5),
        (snapshot(status="unknown", recheck_at=NOW + 5), NOW + 5),
        (snapshot(), None),
    ],
)
def test_deadlines_are_looks(seen: Snapshot, again: float | None) -> None:
    assert decide(clean(), seen, context()).again_at == again


@pytest.mark.parametrize(
    ("before", "seen"),
    [
        (None, snapshot(finding(), owner=None)),
        (broken(), snapshot(owner=None)),
        (broken(**NOBODY), snapshot(owner=None)),
        (broken(**NOBODY), snapshot(finding(), owner=Owner("p", None))),
    ],
)
def test_a_failing_device_that_nobody_can_be_told_of_is_looked_at_hourly(before: Device | None, seen: Snapshot) -> None:
    assert decide(before, seen, context()).again_at == NOW + 3600


# -- the event's own time ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "seen", "statements", "at"),
    [
        (clean(), snapshot(finding(at=NOW - 60)), (), NOW - 60),
        (clean(), snapshot(finding(at=NOW + 60)), (), NOW),
        (clean(), snapshot(finding("1", at=NOW - 60), finding("2", at=NOW - 90)), (), NOW - 90),
        (clean(), snapshot(finding("1", at=NOW - 60), finding("2", at=NOW - 90, exempt=True)), (), NOW - 60),
        (clean(), snapshot(finding(at=NOW - 60, blocks_at=NOW - 10)), (), NOW - 10),
        (clean(), snapshot(finding(at=NOW - 60, blocks_at=NOW - 90)), (), NOW - 60),
        (clean(), snapshot(status="blocked", status_at=NOW - 7), (), NOW - 7),
        (clean(), snapshot(status="blocked"), (), NOW),
        (broken(), snapshot(), (stated("1", "gone", NOW - 20),), NOW - 20),
        (broken(), snapshot(), (stated("1", "gone", NOW + 20),), NOW),
        (broken(), snapshot(), (stated("1", "passing", NOW - 20), stated("9", "gone", NOW - 3)), NOW - 20),
        (broken(finding("1"), finding("2")), snapshot(), (stated("1", "gone", NOW - 20),), NOW),
        (broken(finding("1"), finding("2")), snapshot(),
         (stated("1", "gone", NOW - 20), stated("2", "gone", NOW - 30)), NOW - 20),
        (broken(), snapshot(status_at=NOW - 7), (), NOW - 7),
        (broken(), snapshot(taken_at=NOW - 2), (), NOW - 2),
    ],
)  # fmt: skip
def test_event_time(before: Device, seen: Snapshot, statements: Any, at: float) -> None:
    decision = decide(before, seen, context(*statements))
    assert decision.change is not None
    assert (decision.change.at, decision.device.status_at) == (at, at)


def test_the_owner_who_appears_is_told_since_when_it_fails() -> None:
    change = decide(broken(status_at=NOW - 500, **NOBODY), snapshot(finding()), context()).change
    assert change is not None
    assert change.at == NOW - 500


# -- owners --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("second", "confirmed"), [(0.0, False), (4.9, False), (5.0, True), (86400.0, True)])
def test_another_owner_needs_a_second_look_5_s_later(second: float, confirmed: bool) -> None:
    first = decide(broken(), snapshot(finding(), owner=BOB), context())
    assert (first.again_at, first.keep_stated, first.change) == (NOW + 5, True, None)
    assert first.device.login == ADA.email
    then = NOW + second
    decision = decide(first.device, snapshot(finding(), owner=BOB, taken_at=then), context(now=then + 1))
    assert (decision.change is not None) == confirmed
    if decision.change:
        assert decision.change.why == "owner_changed"
        assert (decision.device.login, decision.device.pending_owner) == (BOB.email, None)
    else:
        assert decision.again_at == max(NOW + 5, then + 1)


def test_the_first_owner_seen_again_ends_the_doubt() -> None:
    doubtful = decide(broken(), snapshot(finding(), owner=BOB), context()).device
    back = decide(doubtful, snapshot(finding(), taken_at=NOW + 3), context(now=NOW + 3)).device
    assert (back.pending_owner, back.pending_since) == (None, None)
    third = decide(back, snapshot(finding(), owner=BOB, taken_at=NOW + 9), context(now=NOW + 9))
    assert third.reason == "owner_unconfirmed"


def test_a_third_owner_is_another_doubt() -> None:
    doubtful = decide(broken(), snapshot(finding(), owner=BOB), context()).device
    third = decide(doubtful, snapshot(owner=Owner("p3", "c@acme.example"), taken_at=NOW + 9), context(now=NOW + 9))
    assert (third.reason, third.device.pending_since) == ("owner_unconfirmed", NOW + 9)


def test_a_device_that_goes_to_somebody_of_a_foreign_domain_leaves_its_person() -> None:
    rules = Identity(allowed_domains=CHECKED)
    first = decide(broken(), snapshot(finding(), owner=FOREIGN), context(identity=rules))
    assert first.reason == "owner_unconfirmed"
    seen = snapshot(finding(), owner=FOREIGN, taken_at=NOW + 5)
    second = decide(first.device, seen, context(identity=rules, now=NOW + 5))
    assert second.change is not None
    assert (second.change.why, second.device.login) == ("owner_changed", None)
    assert second.device.login_reason == "foreign_owner"
    assert second.again_at == NOW + 3605


def test_from_an_owner_without_login_to_another_person_needs_a_second_look() -> None:
    before = broken(owner=FOREIGN, login=None, login_reason="foreign_owner")
    rules = Identity(allowed_domains=CHECKED)
    assert decide(before, snapshot(finding()), context(identity=rules)).reason == "owner_unconfirmed"


def test_the_same_person_in_a_foreign_domain_recovers_nobody() -> None:
    rules = Identity(allowed_domains=CHECKED)
    decision = decide(broken(), snapshot(owner=replace(ADA, email="ada@other.example")), context(identity=rules))
    assert (decision.reason, decision.change, decision.device.login) == ("foreign_owner", None, ADA.email)
    assert decision.device.status == "not-compliant"


def test_a_removed_override_recovers_nobody() -> None:
    decision = decide(broken(owner=None), snapshot(owner=None), context())
    assert (decision.reason, decision.change, decision.device.login) == ("no_owner", None, ADA.email)


def test_a_changed_override_is_no_rename() -> None:
    for owner in (ADA, None):
        rules = Identity(overrides=Overrides({("kolide", "d1"): "right@acme.example"}))
        decision = decide(broken(owner=owner), snapshot(finding(), owner=owner), context(identity=rules))
        assert decision.change is not None
        assert (decision.change.why, decision.device.login) == ("remapped", "right@acme.example")


def test_a_missing_email_between_two_addresses_is_still_a_rename() -> None:
    between = decide(broken(), snapshot(finding(), owner=replace(ADA, email=None)), context())
    assert (between.change, between.device.login) == (None, ADA.email)
    after = decide(between.device, snapshot(finding(), owner=SAME), context())
    assert after.change is not None
    assert after.change.why == "renamed"


def test_without_a_person_id_another_address_is_another_owner() -> None:
    before = broken(owner=Owner(None, "ada@acme.example"))
    assert decide(before, snapshot(finding(), owner=Owner(None, "ADA@acme.example")), context()).change is None
    other = Owner(None, "b@acme.example")
    assert decide(before, snapshot(finding(), owner=other), context()).reason == "owner_unconfirmed"


# -- contradictions ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "seen", "expected"),
    [
        (stated("1", "failing"), snapshot(), True),
        (stated("1", "failing"), snapshot(finding("2")), True),
        (stated("1", "failing"), snapshot(finding("1")), False),
        (stated("1", "failing"), snapshot(finding("1", exempt=True)), False),
        (stated("1", "failing"), snapshot(finding("1", "passing")), True),
        (stated("1", "failing"), snapshot(present=False), True),
        (stated("1", "gone"), snapshot(finding("1")), True),
        (stated("1", "gone"), snapshot(finding("2")), False),
        (stated("1", "passing"), snapshot(), False),
        (stated(finding=None), snapshot(finding("1")), False),
    ],
)
def test_contradicts(statement: Any, seen: Snapshot, expected: bool) -> None:
    assert contradicts((statement,), seen) is expected


def test_a_contradiction_is_looked_at_three_times_more_and_acted_on_meanwhile() -> None:
    device, waits = broken(), []
    count = 0
    while True:
        decision = decide(device, snapshot(), context(stated("1", "failing"), contradictions=count))
        assert decision.device.status == "compliant"
        if not decision.keep_stated:
            break
        assert decision.again_why == "contradicts_doorbell"
        waits.append((decision.again_at or 0) - NOW)
        device, count = decision.device, decision.contradictions
    assert tuple(waits) == REPEATS == (5.0, 30.0, 300.0)
    assert (decision.again_at, decision.contradictions) == (None, 0)


def test_a_sooner_deadline_does_not_use_up_a_repeat() -> None:
    soon = snapshot(finding("2", blocks_at=NOW + 2))
    decision = decide(clean(), soon, context(stated("1", "failing"), contradictions=1))
    assert (decision.again_at, decision.keep_stated, decision.contradictions) == (NOW + 2, True, 1)


# -- properties ----------------------------------------------------------------------------------

findings = st.builds(
    Finding,
    key=st.sampled_from(["1", "2"]),
    state=st.sampled_from(["failing", "passing", "gone"]),
    at=st.floats(NOW - 1000, NOW + 1000),
    exempt=st.booleans(),
    blocks_at=st.none() | st.floats(NOW - 500, NOW + 500),
)
owners = st.sampled_from([None, ADA, BOB, SAME, FOREIGN, Owner("p1", None)])
snapshots = st.builds(
    Snapshot,
    device_id=st.just("d1"),
    taken_at=st.just(NOW),
    present=st.booleans(),
    managed=st.booleans(),
    owner=owners,
    status=st.sampled_from([None, "unknown", "blocked"]),
    findings=st.lists(findings, max_size=3).map(tuple),
    keep=st.booleans(),
)
befores = st.sampled_from([None, clean(), broken(), clean(**NOBODY), broken(**NOBODY), broken(owner=None)])
statements = st.lists(st.builds(stated, state=st.sampled_from(["failing", "gone"])), max_size=2).map(tuple)
rules = st.sampled_from([Identity(), Identity(allowed_domains=CHECKED)])


@given(befores, snapshots, statements, rules)
def test_the_same_again_changes_nothing(before: Device | None, seen: Snapshot, said: Any, identity: Identity) -> None:
    once = decide(before, seen, context(*said, identity=identity))
    again = decide(once.device, seen, context(*said, identity=identity))
    assert again.change is None
    assert again.reason
    assert again.reason != "changed"


@given(befores, snapshots, statements, rules)
def test_never_a_recovery_without_evidence(
    before: Device | None, seen: Snapshot, said: Any, identity: Identity
) -> None:
    decision = decide(before, seen, context(*said, identity=identity))
    if before is not None and before.status == "not-compliant" and decision.device.status == "compliant":
        assert seen.present
        assert seen.managed
        assert not seen.keep
        assert seen.owner is not None
        assert seen.status is None
        assert not [
            one
            for one in seen.findings
            if one.state == "failing" and not one.exempt and (one.blocks_at is None or one.blocks_at <= NOW)
        ]
    if before is not None and before.login and decision.device.login != before.login:
        assert seen.owner is not None  # nobody is released because an owner is missing
    assert decision.reason
    assert decision.change is None or decision.change.at <= NOW
