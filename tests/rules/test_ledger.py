from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model import Device, LedgerRow, Status, Tail
from bridge.ssf.ledger import Comparison, compare, truth
from bridge.ssf.subject import wire_subject
from tests.rules.given import ADA, broken, clean, risk, row, stream

C: Status = "compliant"
NC: Status = "not-compliant"


def tail(status: Any, state: Any = "pending", unsent: bool = True) -> Tail:
    return Tail(7, state, status, C if status == NC else NC, unsent)


@pytest.mark.parametrize(
    ("held", "current", "expected"),
    [
        (None, C, Comparison("none", "already_told", C, None, None)),
        (None, NC, Comparison("mint", "told", C, NC, None)),
        (row(None), C, Comparison("none", "already_told", C, None, None)),
        (row(None), NC, Comparison("mint", "told", C, NC, None)),
        (row(C), C, Comparison("none", "already_told", C, C, None)),
        (row(NC), NC, Comparison("none", "already_told", NC, NC, None)),
        (row(C), NC, Comparison("mint", "told", C, NC, None)),
        (row(NC), C, Comparison("mint", "told", NC, C, None)),
        # unsent, and no longer so
        (row(NC, tail(NC)), C, Comparison("cancel", "cancelled_out", C, C, None)),
        (row(C, tail(C)), NC, Comparison("cancel", "cancelled_out", NC, NC, None)),
        (row(NC, tail(NC)), NC, Comparison("none", "already_told", NC, NC, None)),
        # it may have been received, or was
        (row(NC, tail(NC, unsent=False)), C, Comparison("mint", "told", NC, C, None)),
        (row(NC, tail(NC, "delivered", False)), C, Comparison("mint", "told", NC, C, None)),
        (row(C, tail(NC, "superseded", False)), NC, Comparison("mint", "told", C, NC, None)),
        # dead
        (row(C, tail(NC, "dead", False), given_up=NC), NC, Comparison("none", "dead", C, C, NC)),
        (row(None, given_up=NC), NC, Comparison("none", "dead", C, None, NC)),
        (row(C, tail(NC, "dead", False), given_up=NC), C, Comparison("none", "already_told", C, C, None)),
        (row(NC, tail(C, "dead", False), given_up=C), C, Comparison("none", "dead", NC, NC, C)),
        (row(NC, tail(C, "dead", False), given_up=C), NC, Comparison("none", "already_told", NC, NC, None)),
    ],
)  # fmt: skip
def test_compare(held: LedgerRow | None, current: Status, expected: Comparison) -> None:
    assert compare(held, current) == expected


TWO = (broken(), clean(device_id="d2"), clean(device_id="d3", status=None), clean(connector="jamf"))


@pytest.mark.parametrize(
    ("to", "device", "people", "expected"),
    [
        (stream(), ("kolide", "d1"), TWO, NC),
        (stream(), ("kolide", "d2"), TWO, C),
        (stream(), ("kolide", "d3"), TWO, C),
        (stream(), ("jamf", "d1"), TWO, C),
        (stream(), ("kolide", "d1"), (), C),
        (stream(), ("kolide", "d1"), TWO[1:], C),
        (risk(), ("kolide", "d2"), TWO, NC),
        (risk(), ("kolide", "d1"), TWO[1:], C),
        (risk(), ("jamf", "d1"), (clean(), broken(connector="jamf")), NC),
        (risk(connectors=frozenset({"jamf"})), ("jamf", "d1"), TWO, C),
        (risk(connectors=frozenset({"kolide"})), ("kolide", "d2"), TWO, NC),
        (risk(), ("kolide", "d1"), (broken(gone=True),), NC),
    ],
)
def test_truth(to: Any, device: tuple[str, str], people: tuple[Device, ...], expected: Status) -> None:
    assert truth(to, wire_subject(to, str(ADA.email), *device), people) == expected


@given(st.lists(st.tuples(st.sampled_from([C, NC]), st.sampled_from(["wait", "send", "deliver", "die"])), max_size=30))
def test_what_is_sent_alternates(history: list[tuple[Status, str]]) -> None:
    """Whatever is true and however each SET ends, those that went out alternate and begin from compliant."""
    held = LedgerRow("s1", "x")
    sent: dict[int, tuple[Status, Status]] = {}
    for number, (current, fate) in enumerate(history):
        comparison = compare(held, current)
        held = replace(held, told=comparison.told, given_up=comparison.given_up)
        if comparison.action == "mint":
            held = replace(held, tail=Tail(number, "pending", current, comparison.previous, True))
            sent[number] = (comparison.previous, current)
        if comparison.action == "cancel":
            assert held.tail is not None
            del sent[held.tail.id]
            held = replace(held, tail=replace(held.tail, state="superseded", unsent=False))
        now = held.tail
        if now is not None and now.state == "pending" and fate != "wait":
            held = replace(held, tail=replace(now, unsent=False))
            if fate == "deliver":
                held = replace(held, tail=replace(now, state="delivered", unsent=False))
            elif fate == "die" and now.unsent:
                del sent[now.id]
                dead = replace(now, state="dead", unsent=False)
                held = replace(held, told=now.previous, given_up=now.status, tail=dead)
        assert held.given_up is None or held.given_up != (held.told or C)
    told: Status = C
    for previous, status in sent.values():
        assert previous == told
        assert status != previous
        told = status
    assert (held.told or C) == told
