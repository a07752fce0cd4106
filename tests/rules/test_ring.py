"""Which key signs, which are published, which may go: tables over rows and a clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from bridge.errors import Conflict
from bridge.key import KeyRow
from bridge.ssf import ring
from bridge.ssf.key_warnings import LATE, OLD, RECENT, key_warnings
from bridge.ssf.ring import Terms

NOW = 1_800_000_000.0
DAY = 86_400.0
SIGNS = KeyRow("signs", "RS256", "active", NOW - 9, 0.0, NOW - 9, NOW - 9)
NEW = KeyRow("new", "RS256", "next", NOW, 60.0)
SHOWN = replace(NEW, published_at=NOW, activates_at=NOW + 60)
OLD_ONE = KeyRow("old", "RS256", "retired", NOW - 99, 0.0, NOW - 99, NOW - 99, NOW - 50)
GONE = replace(OLD_ONE, kid="gone", removed_at=NOW - 1)
STOLEN = replace(GONE, kid="stolen", compromised=True)


def by_kid(rows: Sequence[KeyRow]) -> dict[str, KeyRow]:
    assert len({row.kid for row in rows}) == len(rows)
    assert sum(row.state == "active" for row in rows) <= 1 and sum(row.state == "next" for row in rows) <= 1
    return {row.kid: row for row in rows}


def test_a_rotation_step_by_step() -> None:
    rows: Sequence[KeyRow] = ring.added([SIGNS], "new", NOW - 5, 60.0)
    assert ring.published(rows)[0].kid == "signs"
    rows = ring.turned(rows, NOW)
    assert by_kid(rows)["new"] == replace(NEW, created_at=NOW - 5, published_at=NOW, activates_at=NOW + 60)
    assert ring.turned(rows, NOW + 59.9) == tuple(rows)
    rows = ring.turned(rows, NOW + 61)
    assert by_kid(rows)["new"].state == "active" and by_kid(rows)["new"].activates_at == NOW + 61
    assert (by_kid(rows)["signs"].state, by_kid(rows)["signs"].retired_at) == ("retired", NOW + 61)
    assert [row.kid for row in ring.published(rows)] == ["new", "signs"]
    assert ring.turned(rows, NOW + 10 * DAY) == tuple(rows)


def test_a_key_signs_only_after_it_was_published_however_late_that_was() -> None:
    late = ring.turned([SIGNS, NEW], NOW + 10 * DAY)
    assert ring.active(late) == SIGNS and by_kid(late)["new"].activates_at == NOW + 10 * DAY + 60


def test_at_once_is_published_and_signs_in_one_step() -> None:
    rows = ring.turned(ring.hastened([SIGNS, NEW]), NOW)
    assert by_kid(rows)["new"].state == "active" and by_kid(rows)["new"].published_at == NOW
    rows = ring.turned(ring.hastened([SIGNS, SHOWN]), NOW + 1)
    assert by_kid(rows)["new"].state == "active" and by_kid(rows)["new"].published_at == NOW


@pytest.mark.parametrize(
    ("row", "at", "named", "goes"),
    [
        (OLD_ONE, NOW - 50 + 99, (), False),
        (OLD_ONE, NOW - 50 + 100, (), True),
        (OLD_ONE, NOW + DAY, ("old",), False),
        (replace(OLD_ONE, named_at=NOW), NOW + 99, (), False),
        (replace(OLD_ONE, named_at=NOW), NOW + 100, (), True),
        (replace(OLD_ONE, named_at=NOW), NOW + 100, ("old",), False),
        (SIGNS, NOW + 99 * DAY, (), False),
        (SHOWN, NOW + 99 * DAY, (), False),
    ],
)
def test_a_retired_key_goes_when_nobody_has_named_it_for_a_while(
    row: KeyRow, at: float, named: Sequence[str], goes: bool
) -> None:
    (after,) = ring.aged([row], at, 100.0, named)
    assert (after.removed_at == at) is goes
    if row.kid in named:
        assert after.named_at == at and ring.leaves_at(after, 100.0) == at + 100
    assert ring.aged([GONE], at, 100.0, named) == (GONE,)


@pytest.mark.parametrize(
    ("rows", "terms", "at", "wanted"),
    [
        ([SIGNS], Terms(60, 60), NOW + 999 * DAY, False),
        ([SIGNS], Terms(60, 60, 1000), NOW - 9 + 939, False),
        ([SIGNS], Terms(60, 60, 1000), NOW - 9 + 940, True),
        ([SIGNS, NEW], Terms(60, 60, 1000), NOW + DAY, False),
        ([OLD_ONE], Terms(60, 60, 1000), NOW + DAY, False),
    ],
)
def test_when_a_scheduled_rotation_begins(rows: Sequence[KeyRow], terms: Terms, at: float, wanted: bool) -> None:
    assert ring.wants_next(rows, at, terms) is wanted


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (lambda: ring.added([SIGNS, NEW], "x", NOW, 0), "there is a next key already: new"),
        (lambda: ring.added([SIGNS], "signs", NOW, 0), "is known already: active"),
        (lambda: ring.added([SIGNS, GONE], "gone", NOW, 0), "is known already: retired"),
        (lambda: ring.added([SIGNS, STOLEN], "stolen", NOW, 0), "as compromised and never signs again"),
        (lambda: ring.added([SIGNS, NEW, STOLEN], "stolen", NOW, 0), "as compromised and never signs again"),
        (lambda: ring.hastened([SIGNS, OLD_ONE]), "there is no next key"),
        (lambda: ring.retired([SIGNS], "signs", NOW), "signs: `caep-bridge keys rotate`"),
        (lambda: ring.retired([SIGNS, OLD_ONE], "old", NOW), "is retired already"),
        (lambda: ring.retired([SIGNS], "other", NOW), "there is no key other"),
        (lambda: ring.withdrawn([SIGNS], "signs", NOW, None), "there is no other"),
        (lambda: ring.withdrawn([SIGNS, STOLEN], "stolen", NOW, None), "already"),
        (lambda: ring.signed_by([SIGNS, STOLEN], "stolen", NOW, NOW), "never signs again"),
    ],
)  # fmt: skip
def test_what_is_refused_and_why(step: Callable[[], object], words: str) -> None:
    with pytest.raises(Conflict, match=words):
        step()


def test_a_compromised_key_goes_at_once_and_another_signs() -> None:
    rows = by_kid(ring.withdrawn([SIGNS, SHOWN, OLD_ONE], "signs", NOW + 1, SHOWN))
    assert rows["signs"] == replace(SIGNS, state="retired", retired_at=NOW + 1, removed_at=NOW + 1, compromised=True)
    assert rows["new"] == replace(SHOWN, state="active", activates_at=NOW + 1)
    assert rows["old"] == OLD_ONE
    rows = by_kid(ring.withdrawn([SIGNS, SHOWN, OLD_ONE], "old", NOW + 1, None))
    assert rows["old"].compromised and rows["old"].removed_at == NOW + 1 and rows["old"].retired_at == NOW - 50
    assert rows["signs"] == SIGNS and rows["new"] == SHOWN
    rows = by_kid(ring.withdrawn([SIGNS, SHOWN], "new", NOW + 1, None))
    assert rows["new"].compromised and rows["signs"] == SIGNS
    assert by_kid(ring.withdrawn([SIGNS, GONE], "gone", NOW, None))["gone"].removed_at == NOW - 1


def test_what_has_no_file_is_not_published_and_another_signs() -> None:
    rows = ring.without_file([SIGNS, SHOWN, OLD_ONE, GONE], {"new"}, NOW)
    assert ring.active(rows) is None and [row.kid for row in ring.published(rows)] == ["new"]
    assert by_kid(rows)["gone"] == GONE and by_kid(rows)["old"].removed_at == NOW
    rows = ring.signed_by(rows, "new", NOW, NOW)
    assert [row.kid for row in ring.published(rows)] == ["new"] and by_kid(rows)["new"].state == "active"


def test_the_key_of_a_file_signs_and_a_next_one_retires() -> None:
    rows = ring.signed_by([SIGNS, SHOWN], "mine", NOW, NOW)
    assert {row.kid: row.state for row in rows} == {"signs": "retired", "new": "retired", "mine": "active"}
    back = ring.signed_by(rows, "signs", NOW, NOW + 1)
    assert by_kid(back)["signs"].state == "active" and by_kid(back)["signs"].retired_at is None


@pytest.mark.parametrize(
    ("rows", "at", "codes"),
    [
        ([], NOW, []),
        ([OLD_ONE], NOW, ["no_key"]),
        ([SIGNS, OLD_ONE, GONE], NOW, []),
        ([SIGNS], NOW - 9 + OLD, []),
        ([SIGNS], NOW - 8 + OLD, ["old"]),
        ([SIGNS, replace(SHOWN, activates_at=NOW + 2 * OLD)], NOW + OLD, []),
        ([SIGNS, NEW], NOW + LATE, []),
        ([SIGNS, NEW], NOW + LATE + 1, ["unpublished"]),
        ([SIGNS, SHOWN], NOW + 60 + LATE, []),
        ([SIGNS, SHOWN], NOW + 61 + LATE, ["overdue"]),
        ([SIGNS, STOLEN], NOW - 2 + RECENT, ["compromised"]),
        ([SIGNS, STOLEN], NOW - 1 + RECENT, []),
    ],
)
def test_warnings(rows: Sequence[KeyRow], at: float, codes: list[str]) -> None:
    found = key_warnings(rows, at)
    assert [one.code for one in found] == codes
    assert all(one.words for one in found)
