from __future__ import annotations

import time
from typing import Any

import pytest

from bridge.model import Device, Event, Override, Status
from bridge.ssf.events import LONGEST, compliance_event, reason_admin
from tests.ssf.given import LOGIN, device, finding

DISK = finding("1", "Disk Is Not Encrypted")


def event(of: Device | None = None, **changes: Any) -> Event:
    given: dict[str, Any] = {
        "login": LOGIN, "namespace": "fleet", "source": "Fleet Watch", "previous": "compliant",
        "current": "not-compliant", "at": 100.9, "iat": 200, "txn": "t",
    }  # fmt: skip
    return compliance_event(of or device(DISK), **given | changes)


def reason(of: Device, current: Status = "not-compliant", **changes: Any) -> str:
    return reason_admin(of, source="Fleet Watch", current=current, **changes)


def test_the_event() -> None:
    made = event()
    assert (made.login, made.namespace, made.device_id, made.txn) == (LOGIN, "fleet", "48213", "t")
    assert (made.previous, made.current, made.initiating_entity) == ("compliant", "not-compliant", "policy")
    assert made.reason_admin == "Fleet Watch: Disk Is Not Encrypted"


@pytest.mark.parametrize(
    ("at", "iat", "not_before", "expected"),
    [
        (100.9, 200, 0, 100),
        (200.0, 200, 0, 200),
        (1e12, 200, 0, 200),
        (100.9, 200, 150, 150),
        (100.9, 200, 200, 200),
        (100.9, 200, 250, 250),
        (-5.0, 200, 0, 0),
    ],
)
def test_event_time(at: float, iat: int, not_before: int, expected: int) -> None:
    made = event(at=at, iat=iat, not_before=not_before)
    assert made.at == expected
    assert type(made.at) is int


@pytest.mark.parametrize("status", ["compliant", "not-compliant"])
def test_no_change_is_no_event(status: Status) -> None:
    with pytest.raises(ValueError, match="no change"):
        event(previous=status, current=status)


def test_at_most_three_findings_are_named() -> None:
    many = [finding(str(number), f"Check {number}") for number in range(5)]
    assert reason(device(*many[:3])) == "Fleet Watch: Check 0, Check 1, Check 2"
    assert reason(device(*many)) == "Fleet Watch: Check 0, Check 1, Check 2 and 2 more"


def test_only_what_fails_is_named_and_each_title_once() -> None:
    given = device(DISK, finding("2", "Other"), finding("3", "Disk Is Not Encrypted"), failing=("1", "3", "gone"))
    assert reason(given) == "Fleet Watch: Disk Is Not Encrypted"


def test_a_finding_without_title_is_named_by_its_check() -> None:
    assert reason(device(finding("1", check="disk_encryption"))) == "Fleet Watch: disk_encryption"


def test_a_status_without_findings() -> None:
    assert reason(device()) == "Fleet Watch: the device is reported as not compliant"


def test_a_recovery_names_what_is_resolved() -> None:
    one = reason(device(), "compliant", resolved=["Disk Is Not Encrypted"])
    assert one.startswith("Fleet Watch: Disk Is Not Encrypted is resolved; nothing that counts is failing any more")
    many = reason(device(), "compliant", resolved=["A", "B", "A", "C", "D"], whole_person=True)
    assert "A, B, C and 1 more are resolved; " in many and many.endswith("this person's devices")


def test_each_occasion_has_words_of_its_own() -> None:
    said = [
        reason(device(DISK)),
        reason(device(DISK, basis="provisional")),
        reason(device(DISK, basis="folded")),
        reason(device(DISK), occasion="owner_change"),
        reason(device(), "compliant"),
        reason(device(), "compliant", whole_person=True),
        reason(device(basis="folded"), "compliant"),
        reason(device(DISK), "compliant", occasion="owner_change"),
    ]
    assert len(set(said)) == len(said)
    assert "no longer assigned" in said[-1]
    assert "could not be reached" in said[1]
    assert "now assigned" in said[3] and "Disk Is Not Encrypted" in said[3]


@pytest.mark.parametrize(
    "title",
    [
        f"Danger for {LOGIN} here",
        f"<{LOGIN}>",
        "Danas-MacBook.local has no firewall",
        "DANAS-MACBOOK.LOCAL has no firewall",
        "line\nfeed\r\x00null \u2028 \u202e reversed",
        "lone \ud800 surrogate",
        "x" * 10_000,
        "\u00e9\U0001f600" * 200,
        "a@" * 200,
    ],
)
def test_hostile_titles(title: str) -> None:
    made = reason(device(*(finding(str(number), f"{title}{number}") for number in range(9))))
    recovered = reason(device(), "compliant", resolved=[f"{title}{number}" for number in range(9)])
    for text in (made, recovered):
        assert len(text) <= LONGEST
        assert LOGIN not in text
        assert "danas-macbook" not in text.lower()
        assert text.isprintable()
        text.encode("utf-8")
    assert "nothing that counts is failing" in recovered


def test_a_long_title_takes_no_quadratic_time() -> None:
    begun = time.monotonic()
    reason(device(finding("1", "a" * 200_000), finding("2", "a@" * 100_000), finding("3", " a" * 100_000)))
    assert time.monotonic() - begun < 2


def test_an_operators_word_is_named_as_such_and_never_quoted() -> None:
    """Not the device's own state decides: to say that nothing fails any more would be untrue."""
    word = Override("compliant", 9e9, 1.0, "ada", "the CEO is on stage")
    said = "Fleet Watch: an operator lets this device count as compliant for a time"
    assert reason(device(DISK, override=word), "compliant") == said
    assert reason(device(DISK, override=word)) == "Fleet Watch: Disk Is Not Encrypted"


def test_who_brought_it_about() -> None:
    """CAEP 1.0 §2: an operator's word is the act of an admin; what the vendor's checks say is policy."""
    lets_in = device(DISK, override=Override("compliant", 1e10, 1.0, "ops", "travels"))
    back: dict[str, Any] = {"previous": "not-compliant", "current": "compliant"}
    assert event(lets_in, **back).initiating_entity == "admin"
    assert event(device(DISK, retired="sold"), **back).initiating_entity == "admin"
    assert event(lets_in).initiating_entity == "policy"
    assert event(device(), **back).initiating_entity == "policy"
    assert event(lets_in, **back, occasion="owner_change").initiating_entity == "policy"
    retired = reason(device(DISK, retired="sold to Bob"), "compliant")
    assert retired == "Fleet Watch: this device was retired and counts no more"
