"""What is believed and not told: baseline, settling, exemptions, overrides, and what ends them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bridge.model import Device, Hold, LookFailed, Override, Snapshot
from bridge.posture.believe import believe
from bridge.posture.decision import Decision
from bridge.posture.policy import Exemption, Policy
from tests.rules.given import ADA, NOW, broken, clean, context, finding, snapshot, stated

DOWN = LookFailed("down", "no connection")


def decided(before: Device | None, answer: Any, *statements: Any, **given: Any) -> Decision:
    return believe(before, "d1", answer, context(*statements, **given), recoveries=True)


def held(kind: Any, **changes: Any) -> Device:
    """Ada's device, failing by finding 1, held since a minute."""
    return broken(hold=replace(Hold(kind, "compliant", NOW - 60, keys=("1",)), **changes))


class TestBaseline:
    def test_what_already_fails_at_the_first_list_is_held(self) -> None:
        decision = decided(None, snapshot(finding()), first_list=True)
        assert (decision.device.status, decision.device.counted) == ("not-compliant", "compliant")
        assert decision.device.hold == Hold("baseline", "compliant", NOW, keys=("1",))
        assert decision.reason == "baseline"
        assert decision.change is not None and decision.change.after == decision.device

    def test_without_a_first_list_first_sight_of_a_failure_is_told(self) -> None:
        assert decided(None, snapshot(finding())).device.counted == "not-compliant"

    def test_what_was_known_before_is_no_part_of_it(self) -> None:
        assert decided(clean(), snapshot(finding()), first_list=True).device.counted == "not-compliant"

    def test_what_is_well_is_not_held(self) -> None:
        assert decided(None, snapshot(), first_list=True).device.hold is None

    def test_the_same_failure_stays_held(self) -> None:
        after = decided(held("baseline"), snapshot(finding(at=NOW - 3600))).device
        assert (after.counted, after.reason) == ("compliant", "baseline")

    def test_another_finding_ends_it_at_its_own_time(self) -> None:
        after = decided(held("baseline"), snapshot(finding(at=NOW - 3600), finding("2", at=NOW - 30))).device
        assert (after.hold, after.counted, after.status_at) == (None, "not-compliant", NOW - 30)

    def test_a_webhook_that_states_the_failure_since_ends_it(self) -> None:
        after = decided(held("baseline"), snapshot(finding(at=NOW - 5)), stated(), received=(NOW - 1,)).device
        assert after.counted == "not-compliant"

    def test_so_does_one_that_was_received_before_and_committed_after(self) -> None:
        after = decided(held("baseline"), snapshot(finding()), stated(), received=(NOW - 61,)).device
        assert after.counted == "not-compliant"

    def test_what_was_discarded_needs_one_from_after(self) -> None:
        for received, counted in ((NOW - 61, "compliant"), (NOW - 59, "not-compliant")):
            after = decided(held("discarded"), snapshot(finding()), stated(), received=(received,)).device
            assert after.counted == counted

    def test_recovery_ends_it(self) -> None:
        after = decided(held("baseline"), snapshot()).device
        assert (after.hold, after.status) == (None, "compliant")

    @pytest.mark.parametrize("answer", [DOWN, Snapshot("d1", NOW, present=False), Snapshot("d1", NOW, managed=False)])
    def test_an_answer_that_shows_nothing_leaves_it(self, answer: Any) -> None:
        assert decided(held("baseline"), answer).device.hold == held("baseline").hold

    def test_what_is_released_waits_for_a_good_look(self) -> None:
        assert decided(held("released"), DOWN).device.counted == "compliant"
        assert decided(held("released"), snapshot(finding())).device.counted == "not-compliant"
        assert decided(held("released"), snapshot()).device.hold is None

    def test_what_is_discarded_waits_for_news(self) -> None:
        assert decided(held("discarded"), snapshot(finding())).device.counted == "compliant"
        assert decided(held("discarded"), snapshot(finding(), finding("2"))).device.counted == "not-compliant"


class TestSettle:
    POLICY = Policy(settle=300.0)

    def test_a_new_failure_waits_and_is_looked_at_again(self) -> None:
        decision = decided(clean(), snapshot(finding()), policy=self.POLICY)
        assert (decision.device.counted, decision.reason) == ("compliant", "settling")
        assert (decision.again_at, decision.again_why) == (NOW + 300, "hold_ends")

    def test_what_is_still_so_is_told(self) -> None:
        before = held("settling", until=NOW)
        decision = decided(before, snapshot(finding()), policy=self.POLICY)
        assert (decision.device.hold, decision.device.counted, decision.again_at) == (None, "not-compliant", None)

    def test_before_its_time_a_look_changes_nothing(self) -> None:
        before = held("settling", until=NOW + 1)
        assert decided(before, snapshot(finding()), policy=self.POLICY).device.hold == before.hold

    def test_a_failed_look_at_the_end_does_not_tell(self) -> None:
        assert decided(held("settling", until=NOW), DOWN, policy=self.POLICY).device.counted == "compliant"

    @pytest.mark.parametrize("answer", [DOWN, Snapshot("d1", NOW, present=False)])
    def test_an_end_that_showed_nothing_is_not_looked_at_without_a_pause(self, answer: Any) -> None:
        decision = decided(held("settling", until=NOW - 60), answer, policy=self.POLICY)
        assert decision.again_at is None or decision.again_at > NOW

    def test_a_provisional_failure_is_told_in_the_end(self) -> None:
        before = replace(held("settling", until=NOW), basis="provisional")
        assert decided(before, DOWN, policy=self.POLICY).device.counted == "not-compliant"

    def test_what_recovers_meanwhile_was_never_told(self) -> None:
        after = decided(held("settling", until=NOW + 1), snapshot(), policy=self.POLICY).device
        assert (after.hold, after.counted) == (None, "compliant")

    def test_a_recovery_does_not_wait(self) -> None:
        assert decided(broken(), snapshot(), policy=self.POLICY).device.counted == "compliant"

    def test_news_on_a_baseline_settles_too(self) -> None:
        after = decided(held("baseline"), snapshot(finding(), finding("2")), policy=self.POLICY).device
        assert after.hold == Hold("settling", "compliant", NOW, NOW + 300, ("1", "2"))


class TestExemptions:
    @pytest.mark.parametrize(
        "exemption",
        [
            Exemption("kiosk", device="d1"),
            Exemption("kiosk", user="ADA@acme.example"),
            Exemption("kiosk", connector="kolide", device="d1", user=ADA.email),
            Exemption("kiosk", device="d1", until=NOW + 1),
        ],
    )
    def test_a_device_or_a_person_counts_as_compliant(self, exemption: Exemption) -> None:
        after = decided(broken(), snapshot(finding()), policy=Policy(exempt=(exemption,))).device
        assert (after.status, after.counted, after.reason) == ("not-compliant", "compliant", "exempt_by_policy")
        assert after.hold is not None and after.hold.why == "kiosk"

    @pytest.mark.parametrize(
        "exemption",
        [
            Exemption("x", device="d2"),
            Exemption("x", user="bob@acme.example"),
            Exemption("x", connector="jamf", device="d1"),
            Exemption("x", device="d1", user="bob@acme.example"),
            Exemption("x", device="d1", until=NOW),
        ],
    )
    def test_what_is_not_meant_counts(self, exemption: Exemption) -> None:
        assert decided(broken(), snapshot(finding()), policy=Policy(exempt=(exemption,))).device.hold is None

    def test_the_end_of_an_exemption_is_looked_at(self) -> None:
        policy = Policy(exempt=(Exemption("x", device="d1", until=NOW + 60),))
        assert decided(broken(), snapshot(finding()), policy=policy).again_at == NOW + 60

    def test_an_exemption_that_is_gone_counts_no_more(self) -> None:
        assert decided(held("exempt"), snapshot(finding())).device.counted == "not-compliant"

    def test_single_findings_by_check_and_tag(self) -> None:
        seen = snapshot(finding("1", check="42"), finding("2", tags=("info",)))
        both = Policy(exempt=(Exemption("x", check="42"), Exemption("x", tag="info")))
        assert decided(clean(), seen, policy=both).device.status == "compliant"
        one = Policy(exempt=(Exemption("x", check="42"),))
        assert decided(clean(), seen, policy=one).device.failing == ("2",)
        for_others = Policy(exempt=(Exemption("x", check="42", user="bob@acme.example"), both.exempt[1]))
        assert decided(clean(), seen, policy=for_others).device.failing == ("1",)


class TestOverride:
    GRANTED = Override("compliant", NOW + 60, NOW - 60, "root", "on the road")

    def test_it_counts_and_ends_with_a_look(self) -> None:
        decision = decided(broken(override=self.GRANTED), snapshot(finding()))
        assert (decision.device.status, decision.device.counted) == ("not-compliant", "compliant")
        assert (decision.reason, decision.again_at) == ("overridden", NOW + 60)

    def test_a_new_failure_does_not_end_it(self) -> None:
        before = clean(override=self.GRANTED)
        assert decided(before, snapshot(finding()), stated(), received=(NOW,)).device.counted == "compliant"

    @pytest.mark.parametrize("answer", [snapshot(finding()), DOWN])
    def test_its_time_ends_even_when_nobody_can_be_asked(self, answer: Any) -> None:
        after = decided(broken(override=replace(self.GRANTED, until=NOW)), answer).device
        assert (after.override, after.counted) == (None, "not-compliant")

    def test_it_may_take_access_too(self) -> None:
        barred = replace(self.GRANTED, status="not-compliant")
        assert decided(clean(override=barred), snapshot()).device.counted == "not-compliant"

    def test_a_hold_stands_again_after_it(self) -> None:
        before = replace(held("baseline"), override=replace(self.GRANTED, until=NOW))
        after = decided(before, snapshot(finding())).device
        assert (after.override, after.reason, after.counted) == (None, "baseline", "compliant")


class TestRetired:
    def test_it_counts_for_nobody_until_it_is_seen_again(self) -> None:
        before = broken(retired="sold")
        assert before.counted is None
        assert decided(before, DOWN).device.retired == "sold"
        assert decided(before, Snapshot("d1", NOW, present=False)).reason == "retired"
        assert decided(before, snapshot(finding())).device.counted == "not-compliant"

    GONE = Snapshot("d1", NOW, present=False)
    RELEASE = Policy(on_gone="release")

    def test_deleted_at_the_vendor_and_twice_not_known_releases(self) -> None:
        deleted = stated(finding=None, deleted=True)
        first = decided(broken(), self.GONE, deleted, policy=self.RELEASE)
        assert (first.device.retired, first.again_at) == ("", NOW + 5) and first.keep_stated
        second = decided(first.device, self.GONE, deleted, policy=self.RELEASE, contradictions=1)
        assert (second.device.retired, second.device.counted) == ("deleted_at_the_vendor", None)
        assert second.change is not None and second.change.why == "retired"

    @pytest.mark.parametrize("given", [{"policy": Policy()}, {"policy": RELEASE, "contradictions": 0}])
    def test_less_does_not(self, given: dict[str, Any]) -> None:
        after = decided(broken(), self.GONE, stated(finding=None, deleted=True), **given).device
        assert (after.retired, after.counted) == ("", "not-compliant")

    def test_a_404_that_nobody_announced_does_not(self) -> None:
        after = decided(broken(), self.GONE, policy=self.RELEASE, contradictions=1).device
        assert (after.retired, after.counted) == ("", "not-compliant")


class TestStale:
    OLD = snapshot(finding(), seen_at=NOW - 10 * 86400)

    def test_the_last_verdict_stays(self) -> None:
        policy = Policy(stale_after=7 * 86400.0)
        assert decided(clean(), self.OLD, policy=policy).device.status == "compliant"
        assert decided(clean(), self.OLD, policy=policy).reason == "stale"

    def test_or_it_fails(self) -> None:
        policy = Policy(stale_after=7 * 86400.0, on_stale="not-compliant")
        after = decided(clean(), replace(self.OLD, findings=()), policy=policy).device
        assert (after.status, after.why) == ("not-compliant", "the device has not reported for 10 days")

    def test_what_was_seen_lately_or_never_is_not_stale(self) -> None:
        policy = Policy(stale_after=11 * 86400.0, on_stale="not-compliant")
        assert decided(clean(), replace(self.OLD, findings=()), policy=policy).device.status == "compliant"
        assert decided(clean(), snapshot(seen_at=None), policy=policy).device.status == "compliant"
