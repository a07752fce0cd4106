from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from bridge.demo.report import document, faults
from bridge.demo.script import Problem
from bridge.demo.story import Played, Transition
from bridge.demo.vendor import Sent
from bridge.receiver.book import Receipt

COMPLIANCE = "https://schemas.openid.net/secevent/caep/event-type/device-compliance-change"
ADA, LAPTOP = "ada@acme.example", "vendor:1"
FAILS: Transition = ("compliant", "not-compliant")
HEALS: Transition = ("not-compliant", "compliant")


def step(expected: Transition | None, status: int = 202, outcome: str = "nothing") -> Played:
    sent = Sent("issue", status, {"id": "w1"}, 0.01)
    return Played(Problem("k", "Title", {}), True, sent, outcome, "reason", expected)


def receipt(transition: Transition = FAILS, jti: str = "j1", **changed: Any) -> Receipt:
    subject = {"user": {"format": "email", "email": ADA}, "device": {"format": "opaque", "id": LAPTOP}}
    event = {"subject": subject, "previous_status": transition[0], "current_status": transition[1]}
    claims = {"jti": jti, "events": {COMPLIANCE: event}}
    return replace(Receipt(1.0, "/", 202, {"alg": "RS256"}, claims, "", taken=True), **changed)


STEPS = [step(FAILS), step(None), step(None), step(HEALS)]
SETS = [receipt(FAILS, "j1"), receipt(HEALS, "j2")]
ELSE = receipt(claims={"jti": "j1", "events": {"https://other.example/event": {}}})


def found(steps: list[Played], receipts: list[Receipt]) -> list[str]:
    return faults(steps, receipts, ADA, LAPTOP)


def test_as_it_should_be() -> None:
    assert found(STEPS, SETS) == []


def test_a_repeat_of_an_accepted_set_is_no_fault() -> None:
    repeated = [SETS[0], receipt(FAILS, "j1", taken=False, repeat=True), SETS[1]]
    assert found(STEPS, repeated) == []
    assert len(document(STEPS, repeated, True)["sets"]) == 2


@pytest.mark.parametrize(
    ("steps", "receipts", "words"),
    [
        (STEPS, [], "a SET is missing: compliant → not-compliant"),
        (STEPS, SETS[:1], "a SET is missing: not-compliant → compliant"),
        (STEPS, [*SETS, receipt(FAILS, "j3")], "a SET too many came: compliant → not-compliant"),
        (STEPS, SETS[::-1], "a SET not-compliant → compliant came in place of compliant → not-compliant"),
        (STEPS, [ELSE, SETS[1]], "a SET compliant → compliant came in place of compliant → not-compliant"),
        (STEPS, [*SETS, receipt(taken=False, status=400, err="invalid_key")], "a SET was answered 400 invalid_key"),
        ([step(None, status=503), *STEPS], SETS, "issue: answered 503 reason"),
        ([step(None, outcome="undecided"), *STEPS], SETS, "issue: nothing was decided in time"),
    ],
)
def test_what_is_not_as_it_should_be(steps: list[Played], receipts: list[Receipt], words: str) -> None:
    assert words in found(steps, receipts)


@pytest.mark.parametrize("whose", [("eve@acme.example", LAPTOP), (ADA, "vendor:2")])
def test_a_set_about_somebody_else(whose: tuple[str, str]) -> None:
    assert len(faults(STEPS, SETS, *whose)) == 2


def test_the_document() -> None:
    made = document(STEPS[:1], [receipt(status=202)], True)
    webhook = {"event": "issue", "status": 202, "id": "w1", "outcome": "nothing", "reason": "reason"}
    assert made["webhooks"] == [webhook]
    assert made["sets"] == [{"header": {"alg": "RS256"}, "claims": dict(receipt().claims), "status": 202}]
    assert json.loads(json.dumps(made)) == made and made["ok"] is True
