"""Which texts any database keeps."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.text import keepable, unfit_member


@pytest.mark.parametrize("text", ["", "plain", "Grüße", "\U0001f4bb", "\x01\x1f\x7f", "\ufffe\uffff", "\ud7ff\ue000"])
def test_what_is_kept(text: str) -> None:
    assert keepable(text)


@pytest.mark.parametrize("text", ["\x00", "a\x00", "é\x00", "\ud800", "a\udfff", "\udc80x"])
def test_what_is_not(text: str) -> None:
    assert not keepable(text)


def _deep(text: str) -> Any:
    value: Any = text
    for _ in range(5000):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("doc", "member"),
    [
        ({}, None),
        ({"a": "x", "b": [1, None, True, {"c": 1.5}]}, None),
        ({"a": "x", "reason": "a\x00b"}, "reason"),
        ({"a": [[{"b": ["\x00"]}]]}, "a"),
        ({"subject": {"na\x00me": 1}}, "subject"),
        ({"na\x00me": 1}, ""),
        ({"not a name": "\x00"}, ""),
        ({"x" * 65: "\x00"}, ""),
        ({"a": _deep("fine")}, None),
        ({"a": _deep("\ud800")}, "a"),
    ],
)
def test_where_it_stands(doc: dict[str, Any], member: str | None) -> None:
    assert unfit_member(doc) == member
