"""Every reason that the code can keep has words of its own, and every refusal of the store as well."""

from __future__ import annotations

from typing import Literal, get_args

import pytest

from bridge.model import FailureKind, Stream, Subscription
from bridge.pipeline.operator import wording
from bridge.pipeline.operator.explain import said
from bridge.pipeline.streams.roster import Entry, Standing
from bridge.posture import reasons
from bridge.ssf import ledger
from bridge.ssf.stream import Unwanted
from bridge.store.records import StreamRow
from bridge.value import replace

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


def _entry(standing: Standing = "", paused: str = "", by: Literal["receiver", "service"] = "receiver") -> Entry:
    made = Subscription("urn:ietf:rfc:8936", status="paused", by=by)
    row = StreamRow("st_1", "siem-1", "https://siem.example", 0.0, paused=paused, client="siem", subscription=made)
    return Entry("siem-1", standing, None, row, None)


@pytest.mark.parametrize(
    ("entry", "reason", "who", "remedy"),
    [
        (_entry(), "paused", "its receiver paused", "the receiver enabling it"),
        (_entry(by="service"), "paused", "the service paused", "streams enable"),
        (_entry(paused="night"), "paused", "an operator paused", "streams enable"),
        (_entry("disabled"), "disabled", "its receiver disabled", "the receiver enabling it"),
        (_entry("orphaned"), "orphaned", "client", "[oauth.clients]"),
        (_entry(), "not_entitled", "client", "[oauth.clients]"),
        (_entry(), "not_requested", "type of event", "[oauth.clients]"),
        (Entry("okta", "disabled", None, None, None), "disabled", "the stream is disabled", "[receivers]"),
    ],
)
def test_of_a_stream_that_a_receiver_made_it_names_who_can_change_it(
    entry: Entry, reason: str, who: str, remedy: str
) -> None:
    found = said(entry, reason)
    assert found.reason == reason
    assert who in found.words and remedy in found.remedy
    assert (entry.row is None) is ("[receivers]" in found.remedy)


def test_of_a_stream_that_is_polled_it_names_the_poll() -> None:
    polled = Stream("st_1", "siem-1", "https://siem.example", "ssf", "", client="siem", by_api=True, way="poll")
    assert "poll" in said(replace(_entry(), stream=polled), "pending").words
