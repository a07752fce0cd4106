"""docs/conformance.md names every line of the profile's checklist, and tests that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
TABLE = (TESTS.parent / "docs" / "conformance.md").read_text()
ROWS = [
    line for line in TABLE.splitlines() if line.startswith("|") and not line.startswith(("|---", "| line", "| sec"))
]
NAMED = sorted(set(re.findall(r"`([a-z_/]+\.py)::(\w+)`", TABLE)))


@cache
def names_in(file: str) -> frozenset[str]:
    tree = ast.parse((TESTS / file).read_text())
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=lambda part: part)
def test_a_named_test_exists(file: str, name: str) -> None:
    assert name.startswith("test_") and name in names_in(file)


def test_every_line_of_the_checklist_is_there() -> None:
    assert re.findall(r"^\| IOP-(\d+) \|", TABLE, re.MULTILINE) == [str(number) for number in range(1, 45)]


def test_every_row_names_a_test() -> None:
    assert len(ROWS) > 60
    assert [row for row in ROWS if "::test_" not in row] == []


def test_a_test_names_the_line_that_it_shows() -> None:
    """Where a row is a line of the profile, one of its tests says so in its docstring."""
    for row in ROWS:
        line = re.match(r"\| (IOP-\d+) \|", row)
        if line is None or "not claimed" in row or "are not required" in row or "older text" in row:
            continue
        words = [documented(file, name) for file, name in re.findall(r"`([a-z_/]+\.py)::(\w+)`", row)]
        assert any(claims(text, line[1]) for text in words), row


def documented(file: str, name: str) -> str:
    tree = ast.parse((TESTS / file).read_text())
    found = [node for node in tree.body if isinstance(node, ast.AsyncFunctionDef) and node.name == name]
    return ast.get_docstring(found[0]) or "" if found else ""


def claims(text: str, line: str) -> bool:
    """`IOP-4`, or a range that holds it, as `IOP-14 to IOP-20`."""
    number = int(line.removeprefix("IOP-"))
    ranges = [(int(low), int(high)) for low, high in re.findall(r"IOP-(\d+) to IOP-(\d+)", text)]
    return bool(re.search(rf"{line}\b", text)) or any(low <= number <= high for low, high in ranges)
