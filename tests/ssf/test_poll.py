"""What a poll may say, and how it is answered (RFC 8936 §2.2, §2.3)."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.ssf.configuration import Unacceptable
from bridge.ssf.poll import MOST, SETTLED_MOST, USUAL, PollRequest, SetError, poll_answer, poll_request

BAD: list[tuple[dict[str, Any], str]] = [
    ({"maxEvents": -1}, "maxEvents"),
    ({"maxEvents": "5"}, "maxEvents"),
    ({"maxEvents": True}, "maxEvents"),
    ({"maxEvents": 1.5}, "maxEvents"),
    ({"maxEvents": [1]}, "maxEvents"),
    ({"returnImmediately": "true"}, "returnImmediately"),
    ({"returnImmediately": 1}, "returnImmediately"),
    ({"ack": "jti"}, "ack"),
    ({"ack": {"jti": True}}, "ack"),
    ({"ack": ["good", 7]}, "ack[1]"),
    ({"ack": [None]}, "ack[0]"),
    ({"ack": ["x" * 257]}, "ack[0]"),
    ({"setErrs": ["jti"]}, "setErrs"),
    ({"setErrs": {"jti": "bad"}}, "setErrs, entry 1"),
    ({"setErrs": {"jti": {}}}, "setErrs, entry 1"),
    ({"setErrs": {"jti": {"err": ""}}}, "setErrs, entry 1"),
    ({"setErrs": {"jti": {"err": 7}}}, "setErrs, entry 1"),
    ({"setErrs": {"jti": {"err": "invalid_key", "description": 7}}}, "setErrs, entry 1"),
    ({"setErrs": {"x" * 257: {"err": "invalid_key"}}}, "setErrs"),
    ({"ack": [str(n) for n in range(SETTLED_MOST + 1)]}, "ack"),
    ({"ack": [str(n) for n in range(SETTLED_MOST)], "setErrs": {"x": {"err": "invalid_key"}}}, "ack"),
]


@pytest.mark.parametrize(("body", "path"), BAD, ids=[f"{path}-{n}" for n, (_, path) in enumerate(BAD)])
def test_what_is_wrong_is_said_with_its_place(body: dict[str, Any], path: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        poll_request(body)
    assert refused.value.path == path
    assert "x" * 20 not in str(refused.value), "nothing of what came is said again"


@pytest.mark.parametrize("body", [{}, {"maxEvents": None, "returnImmediately": None, "ack": None, "setErrs": None}])
def test_an_empty_poll(body: dict[str, Any]) -> None:
    assert poll_request(body) == PollRequest(USUAL, False, (), {})


def test_all_of_it() -> None:
    asked = poll_request(
        {
            "maxEvents": 7, "returnImmediately": True, "ack": ["b", "a", "b"], "unknown": {"x": 1},
            "setErrs": {"c": {"err": "invalid_issuer", "description": "not ours"}, "d": {"err": "x", "more": 1}},
        }
    )  # fmt: skip
    assert asked == PollRequest(
        7, True, ("b", "a"), {"c": SetError("invalid_issuer", "not ours"), "d": SetError("x", "")}
    )


@pytest.mark.parametrize(("given", "most"), [(0, 0), (1, 1), (7.0, 7), (MOST, MOST), (MOST + 1, MOST), (1e300, MOST)])
def test_how_many(given: float, most: int) -> None:
    assert poll_request({"maxEvents": given}).most == most


def test_ten_thousand_acks_are_taken() -> None:
    assert len(poll_request({"ack": [str(n) for n in range(SETTLED_MOST)]}).acks) == SETTLED_MOST


def test_more_is_said_where_there_is_more() -> None:
    assert poll_answer({}, False) == {"sets": {}}
    assert poll_answer({"a": "x.y.z"}, True) == {"sets": {"a": "x.y.z"}, "moreAvailable": True}
