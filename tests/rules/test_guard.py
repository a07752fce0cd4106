"""How many people may lose access at once, and what is kept back."""

from __future__ import annotations

import pytest

from bridge.model import Held
from bridge.posture.guard import Limits, Tally
from bridge.ssf.ledger import compare
from bridge.ssf.subject import login_of
from tests.rules.given import NOW, row


@pytest.mark.parametrize(
    ("people", "fleet", "exceeded"),
    [
        (25, 0, False), (26, 0, True),  # a fleet that is not known: people alone
        (19, 19, False),  # below 20 devices the percentage does not count
        (1, 20, False), (2, 20, True), (2, 40, False), (3, 40, True),
        (25, 500, False), (26, 500, True), (26, 50_000, True),
    ],
)  # fmt: skip
def test_the_limits(people: int, fleet: int, exceeded: bool) -> None:
    assert Limits().exceeded(people, fleet) is exceeded
    assert (people > Limits().allowed(fleet)) is exceeded


def test_nobody_at_all_may() -> None:
    assert Limits(max_users=0).exceeded(1, 10_000) and Limits(max_percent=0).exceeded(1, 20)


class TestTally:
    def test_people_are_counted_once_and_forgotten_after_the_window(self) -> None:
        tally = Tally(600)
        for login, at in (("ada", NOW), ("bob", NOW + 1), ("ada", NOW + 300)):
            tally.add("kolide", "loses", login, at)
        assert tally.count("kolide", "loses", NOW + 300) == 2
        assert tally.count("kolide", "loses", NOW + 601) == 1
        assert tally.has("kolide", "loses", ["ada"]) and not tally.has("kolide", "loses", ["bob"])
        assert tally.count("kolide", "loses", NOW + 900) == 0

    def test_connectors_and_directions_are_apart(self) -> None:
        tally = Tally(600)
        tally.add("kolide", "loses", "ada", NOW)
        assert tally.count("jamf", "loses", NOW) == tally.count("kolide", "regains", NOW) == 0

    def test_a_clock_that_was_set_back_lets_nobody_more_through_and_nobody_waits_for_longer_than_a_window(self) -> None:
        tally = Tally(600)
        for login, at in (("ada", NOW - 590), ("bob", NOW), ("cyd", NOW)):
            tally.add("kolide", "loses", login, at)
        assert tally.count("kolide", "loses", NOW - 2) == 3
        assert tally.count("kolide", "loses", NOW - 3600) == 3
        assert tally.count("kolide", "loses", NOW - 2999) == 0


HELD = Held("not-compliant", "guard", "kolide", NOW)


class TestHeldRows:
    def test_what_is_held_is_not_told(self) -> None:
        comparison = compare(row(None, held=HELD), "not-compliant")
        assert (comparison.action, comparison.reason, comparison.held) == ("none", "held_by_guard", HELD)
        assert comparison.told is None

    def test_what_cancels_out_vanishes(self) -> None:
        comparison = compare(row("compliant", held=HELD), "compliant")
        assert (comparison.action, comparison.held) == ("none", None)

    def test_released_waits_for_a_look(self) -> None:
        released = row(None, held=Held("not-compliant", "released", "kolide", NOW))
        assert compare(released, "not-compliant").reason == "guard_released"
        assert compare(released, "not-compliant", changed=True).action == "none"
        assert compare(released, "not-compliant", confirmed=True).action == "mint"

    def test_discarded_waits_for_a_change(self) -> None:
        discarded = row(None, held=Held("not-compliant", "discarded", "kolide", NOW))
        assert compare(discarded, "not-compliant", confirmed=True).reason == "guard_discarded"
        assert compare(discarded, "not-compliant", changed=True).action == "mint"

    def test_a_held_recovery(self) -> None:
        held = Held("compliant", "guard", "kolide", NOW)
        assert compare(row("not-compliant", held=held), "compliant").reason == "held_by_guard"
        assert compare(row("not-compliant", held=held), "not-compliant").held is None


@pytest.mark.parametrize(
    ("key", "login"),
    [("user=a@b.example", "a@b.example"), ("user=a%3Bx%25@b;device=k:1", "a;x%@b"), ("verification", "")],
)
def test_the_login_of_a_wire_subject(key: str, login: str) -> None:
    assert login_of(key) == login


def test_all_of_a_fleet_is_no_limit() -> None:
    """A device may be new to a fleet that was counted a moment ago."""
    open_wide = Limits(max_users=1000, max_percent=100)
    assert not open_wide.exceeded(22, 21) and open_wide.allowed(21) == 1000
    assert open_wide.exceeded(1001, 5000)
