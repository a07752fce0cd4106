"""Every reason that the code can keep has words of its own, and every refusal of the store as well."""

from __future__ import annotations

from typing import get_args

import pytest

from bridge.model import FailureKind
from bridge.pipeline.operator import wording
from bridge.pipeline.streams.roster import Standing
from bridge.posture import reasons
from bridge.ssf import ledger
from bridge.ssf.stream import Unwanted

CODES = [
    value
    for name, value in vars(reasons).items()
    if name.isupper() and isinstance(value, str) and value not in (reasons.LOOK, reasons.NO_VERDICT)
]
FAILED = [reasons.look_failed(kind) for kind in get_args(FailureKind)]
AGAIN_ONLY = {reasons.DEADLINE, reasons.CONTRADICTS_DOORBELL, reasons.HOLD_ENDS}


@pytest.mark.parametrize("code", sorted({*CODES, *FAILED} - AGAIN_ONLY))
def test_each_decision_has_words(code: str) -> None:
    said = wording.decision(code)
    assert said.reason == code and said.words != code.replace("_", " ")
    assert said.remedy or code == reasons.CHANGED


@pytest.mark.parametrize("code", sorted(AGAIN_ONLY | set(FAILED)))
def test_each_cause_of_another_look_has_words(code: str) -> None:
    assert wording.again(code).words != code.replace("_", " ")


@pytest.mark.parametrize(
    "code",
    [ledger.TOLD, ledger.ALREADY_TOLD, ledger.CANCELLED_OUT, ledger.DEAD,
     *get_args(Unwanted)[1:], *get_args(Standing)[1:]],
)  # fmt: skip
def test_each_reason_of_a_stream_has_words(code: str) -> None:
    assert wording.telling(code).words != code.replace("_", " ")


def test_what_the_judgement_said_is_kept() -> None:
    said = wording.decision(reasons.no_verdict("unknown_status: Weird"))
    assert said.words.endswith("(unknown_status: Weird)") and said.remedy
    assert wording.decision("made_up_later").words == "made up later"


@pytest.mark.parametrize("why", ["delivered", "superseded", "overtaken", "dead", "held", "not_found"])
def test_each_refusal_has_words(why: str) -> None:
    assert " " in wording.refusal(why) and wording.refusal(why) != why.replace("_", " ")
