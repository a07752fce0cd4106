"""Tests that wait, spread evenly among those that compute: so that each worker has both to do at any time.

One after the other, the second half of a run would be spent waiting for processes, with the processor idle. Files stay
whole and keep their order, for the sake of what their tests share.
"""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest

WAITING = ("e2e", "openapi", "test_container.py", "test_run.py")
"""Folders and files of tests in which processes are started and waited for."""


LONGEST = (
    "test_container.py", "openapi/test_schemathesis.py", "mirror/test_many_streams.py", "e2e/test_keys.py",
    "e2e/test_crash.py",
)  # fmt: skip
"""Files that take a minute or two: each begins the part of one worker, so that none is waited for at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items[:] = spread(items)


def spread(items: list[pytest.Item]) -> list[pytest.Item]:
    files = [(path, list(group)) for path, group in groupby(items, key=lambda item: item.path)]
    longest = [group for path, group in files if _name(path) in LONGEST]
    waiting = [group for path, group in files if _waits(path)]
    computing = [group for path, group in files if _name(path) not in LONGEST and not _waits(path)]
    first = [(number / len(longest), group) for number, group in enumerate(longest)]
    placed = sorted([*first, *_placed(waiting), *_placed(computing)], key=lambda place: place[0])
    return [item for _, group in placed for item in group]


def _name(path: Path) -> str:
    return str(path.relative_to(Path(__file__).parent))


def _waits(path: Path) -> bool:
    return _name(path) not in LONGEST and _name(path).split("/")[0] in WAITING


def _placed(groups: list[list[pytest.Item]]) -> list[tuple[float, list[pytest.Item]]]:
    """Each with the part of all these tests that comes before its middle."""
    total, before = sum(map(len, groups)), 0
    placed = []
    for group in groups:
        placed.append(((before + len(group) / 2) / total, group))
        before += len(group)
    return placed
