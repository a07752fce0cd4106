from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Device, Finding, Statement
from bridge.posture.fold import AHEAD, REMEMBERED, fold, merge
from tests.rules.given import ADA, BOB, NOW, broken, clean, context, finding, stated

NOBODY = {"owner": None, "login": None, "login_reason": "no_owner"}
OPEN, SHUT = stated("1", "failing", NOW - 60), stated("1", "gone", NOW - 30)


def folded(before: Device | None, *said: Statement, recoveries: bool = False, **changes: Any) -> Any:
    return fold(before, "d1", context(*said, **changes), recoveries=recoveries)


@pytest.mark.parametrize(
    ("before", "said", "recoveries", "status", "why", "reason"),
    [
        (None, (), False, None, None, "never_seen_clean"),
        (None, (), True, None, None, "no_verdict: no webhook has stated a finding yet"),
        (None, (SHUT,), False, None, None, "never_seen_clean"),
        (None, (SHUT,), True, "compliant", None, "no_owner"),
        (None, (replace(SHUT, owner=ADA),), True, "compliant", None, "first_sight"),
        (None, (OPEN,), False, "not-compliant", "failed", "no_owner"),
        (None, (replace(OPEN, owner=ADA),), False, "not-compliant", "failed", "changed"),
        (clean(), (OPEN,), False, "not-compliant", "failed", "changed"),
        (clean(), (stated(finding=finding(exempt=True)),), False, "compliant", None, "exempt"),
        (clean(), (stated(finding=finding(blocks_at=NOW + 5)),), False, "compliant", None, "in_grace"),
        (clean(), (SHUT,), False, "compliant", None, "still_compliant"),
        (broken(), (), False, "not-compliant", None, "still_not_compliant"),
        (broken(), (SHUT,), False, "compliant", "recovered", "changed"),
        (broken(seen_clean=False), (SHUT,), False, "not-compliant", None, "never_seen_clean"),
        (broken(seen_clean=False), (SHUT,), True, "compliant", "recovered", "changed"),
        (broken(finding("1"), finding("2")), (SHUT,), True, "not-compliant", None, "still_not_compliant"),
        (broken(**NOBODY), (stated(finding=None, owner=ADA),), False, "not-compliant", "owner_found", "changed"),
        (broken(), (stated(finding=None, owner=BOB),), False, "not-compliant", None, "owner_unconfirmed"),
    ],
)
def test_the_table(before: Device | None, said: Any, recoveries: bool, status: str, why: str, reason: str) -> None:
    decision = folded(before, *said, recoveries=recoveries)
    assert (decision.device.status, decision.reason) == (status, reason)
    assert (decision.change.why if decision.change else None) == why
    if reason != "owner_unconfirmed":
        assert decision.device.basis == "folded"


def test_folding_alone_never_makes_a_device_seen_clean() -> None:
    device = folded(None, SHUT, recoveries=True).device
    assert (device.status, device.seen_clean) == ("compliant", False)
    assert folded(clean(), OPEN).device.seen_clean


@pytest.mark.parametrize(
    ("before", "said", "at"),
    [
        (clean(), (OPEN,), NOW - 60),
        (clean(), (stated(finding=finding(at=NOW - 60, blocks_at=NOW - 10)),), NOW - 10),
        (clean(), (stated(at=NOW + 100),), NOW),
        (broken(), (SHUT,), NOW - 30),
        (broken(), (stated("1", "gone", NOW + 100),), NOW),
        (broken(), (SHUT, stated("9", "gone", NOW - 3)), NOW - 30),
    ],
)
def test_event_time(before: Device, said: Any, at: float) -> None:
    assert folded(before, *said).change.at == at


def test_a_grace_that_ends_without_a_webhook() -> None:
    waiting = folded(clean(), stated(finding=finding(at=NOW - 60, blocks_at=NOW + 5)))
    assert waiting.again_at == NOW + 5
    over = folded(waiting.device, now=NOW + 5)
    assert over.change is not None
    assert (over.change.why, over.change.at) == ("failed", NOW + 5)


@pytest.mark.parametrize(
    ("first", "second", "state"),
    [
        (finding("1", "failing", 100.0), finding("1", "gone", 101.0), "gone"),
        (finding("1", "failing", 100.0), finding("1", "gone", 100.0), "failing"),
        (finding("1", "failing", 100.1), finding("1", "gone", 100.9), "failing"),
        (finding("1", "failing", 100.9), finding("1", "gone", 101.0), "gone"),
        (finding("1", "passing", 100.0), finding("1", "failing", 99.0), "passing"),
    ],
)
def test_the_newest_wins_and_failing_on_equal_seconds(first: Finding, second: Finding, state: str) -> None:
    for one, other in ((first, second), (second, first)):
        assert [kept.state for kept in merge((one,), (Statement("d1", other),), NOW)] == [state]


@pytest.mark.parametrize(("at", "kept"), [(NOW + AHEAD, NOW + AHEAD), (NOW + AHEAD + 1, NOW), (NOW - 1e6, NOW - 1e6)])
def test_times_far_ahead_are_taken_as_now(at: float, kept: float) -> None:
    assert [one.at for one in merge((), (stated(at=at),), NOW)] == [kept]


def test_a_finding_closed_far_ahead_can_be_opened_again() -> None:
    shut = folded(clean(), stated("1", "gone", NOW + 1e9)).device
    assert folded(shut, stated("1", "failing", NOW + 5), now=NOW + 5).device.status == "not-compliant"


def test_failing_findings_are_never_forgotten() -> None:
    many = [stated(str(number), "failing", NOW - 9999 + number) for number in range(REMEMBERED + 50)]
    shut = [stated(f"c{number}", "gone", NOW - 5000 + number) for number in range(REMEMBERED + 50)]
    kept = merge((), many + shut, NOW)
    assert sum(one.state == "failing" for one in kept) == REMEMBERED + 50
    assert [one.key for one in kept if one.state == "gone"] == [f"c{n}" for n in range(50, REMEMBERED + 50)]


def test_what_was_stated_before_the_last_whole_answer_is_known() -> None:
    device = clean(looked_at=NOW - 50.5)
    assert folded(device, stated(at=NOW - 60)).device.status == "compliant"
    assert folded(device, stated(at=NOW - 51)).device.status == "not-compliant"
    later = folded(device, stated("2", "gone", NOW - 40)).device
    assert folded(later, stated(at=NOW - 60)).device.status == "compliant"


def test_another_owner_is_confirmed_5_s_later_and_then_told() -> None:
    first = folded(broken(), replace(OPEN, owner=BOB))
    assert (first.reason, first.again_at, first.keep_stated) == ("owner_unconfirmed", NOW + 5, True)
    second = folded(first.device, replace(OPEN, owner=BOB), now=NOW + 5)
    assert (second.change.why, second.device.login) == ("owner_changed", BOB.email)


def test_a_rename() -> None:
    new = replace(ADA, email="new@acme.example")
    assert folded(broken(), replace(OPEN, owner=new)).change.why == "renamed"


def test_the_owner_and_name_of_the_newest_statement_count() -> None:
    old = replace(OPEN, owner=BOB, name="old")
    new = replace(SHUT, owner=ADA, name="new")
    for said in permutations((old, new)):
        device = folded(None, *said).device
        assert (device.owner, device.name) == (ADA, "new")


def test_a_failing_device_without_owner_is_folded_again_hourly() -> None:
    assert folded(None, OPEN).again_at == NOW + 3600


# -- properties ----------------------------------------------------------------------------------

states = st.sampled_from(["failing", "passing", "gone"])


def said_when(statement: Statement) -> tuple[str, float]:
    assert statement.finding is not None
    return (statement.finding.key, statement.finding.at)


histories = st.lists(
    st.builds(stated, st.sampled_from(["1", "2", "3"]), states, st.integers(1, 300).map(lambda n: NOW - n)),
    max_size=8,
    unique_by=said_when,
)
sub_seconds = st.lists(
    st.builds(stated, st.just("1"), states, st.floats(NOW - 5, NOW)),
    max_size=6,
    unique_by=said_when,
)


@given(histories | sub_seconds, st.randoms())
def test_the_order_of_arrival_does_not_matter(said: list[Statement], random: Any) -> None:
    shuffled = list(said)
    random.shuffle(shuffled)
    assert merge((), said, NOW) == merge((), shuffled, NOW)
    one_by_one: tuple[Finding, ...] = ()
    for statement in shuffled:
        one_by_one = merge(one_by_one, (statement,), NOW)
    assert one_by_one == merge((), said, NOW)


@given(histories)
def test_repeats_change_nothing(said: list[Statement]) -> None:
    once = merge((), said, NOW)
    assert merge(once, said, NOW) == once


@given(histories)
def test_a_finding_closed_later_is_never_opened(said: list[Statement]) -> None:
    device: Device | None = None
    for statement in said:
        device = fold(device, "d1", context(statement), recoveries=True).device
    newest: dict[str, Finding] = {}
    for statement in said:
        found = statement.finding
        assert found is not None
        if found.key not in newest or found.at > newest[found.key].at:
            newest[found.key] = found
    failing = {key for key, found in newest.items() if found.state == "failing"}
    assert device is None or {one.key for one in device.findings if one.state == "failing"} == failing
    assert device is None or (device.status == "not-compliant") == bool(failing)


@given(st.sampled_from([None, clean(), broken(), broken(seen_clean=False)]), histories, st.booleans())
def test_folding_the_same_again_changes_nothing(before: Device | None, said: list[Statement], recoveries: bool) -> None:
    once = fold(before, "d1", context(*said), recoveries=recoveries)
    again = fold(once.device, "d1", context(*said), recoveries=recoveries)
    assert again.change is None
    if once.change is not None and once.change.why == "recovered":
        assert recoveries or (before is not None and before.seen_clean)
