"""What `devices show` says of a stream whose receiver chose its subjects."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.model import LedgerRow, Stream
from bridge.pipeline.operator.explain import told
from bridge.pipeline.operator.facts import Heard
from bridge.pipeline.streams.roster import Entry
from bridge.ssf.identifier import parse
from bridge.ssf.selection import Selection
from bridge.ssf.subject import email, opaque, wire_subject
from tests.cli.scene import SIEM, SIEM_ROW, failing

ADA = failing()
SECOND = failing("43")
NAMESPACES = {"kolide": "kolide-prod"}


def heard(stream: Stream, row: LedgerRow | None = None) -> Heard:
    subject = wire_subject(stream, "ada@acme.example", "kolide", "42")
    return Heard(Entry(stream.name, "", None, SIEM_ROW, stream), subject, row)


@pytest.mark.parametrize(
    ("selection", "reason"),
    [
        (Selection("NONE"), "subject_not_added"),
        (Selection("ALL").removed(parse(dict(email("ada@acme.example")))), "subject_removed"),
        (Selection("NONE").added(parse(opaque("kolide-prod:42"))), "due"),
        (Selection("NONE").added(parse(opaque("kolide:42"))), "subject_not_added"),
    ],
)
def test_the_reason_is_said_in_words(selection: Selection, reason: str) -> None:
    line = told(heard(replace(SIEM, selection=selection)), ADA, [ADA], NAMESPACES)
    assert (line.state, line.why.reason) == ("nothing", reason)
    assert line.why.words != reason.replace("_", " ") and line.why.remedy


def test_a_device_that_is_not_heard_of_holds_nobody() -> None:
    """Her second device fails, and only the first, which does not, is of the stream."""
    stream = replace(SIEM, aggregate="user", selection=Selection("NONE").added(parse(opaque("kolide-prod:42"))))
    fine = replace(ADA, status="compliant", failing=())
    line = told(heard(stream), fine, [fine, SECOND], NAMESPACES)
    assert (line.truth, line.because_of, line.why.reason) == ("compliant", (), "nothing_to_tell")


def test_a_person_without_a_login_is_not_asked_about() -> None:
    nobody = replace(ADA, login=None, login_reason="no_owner")
    stream = replace(SIEM, selection=Selection("NONE"))
    line = told(Heard(Entry(stream.name, "", None, SIEM_ROW, stream)), nobody, [], NAMESPACES)
    assert line.why.reason == "no_owner"
