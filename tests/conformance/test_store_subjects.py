"""What receivers said about subjects: whole rows by stream and subject, never more than a stream may have."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bridge.store import open_store
from bridge.store.erasure import Erase
from bridge.store.protocol import Store
from bridge.store.records import AuditEntry, StreamRow
from bridge.store.subjects import CHOICES_ERASED, Choice, ChoiceCount
from tests.store.given import FakeClock, minted, url
from tests.store.given import mint as new

MOST = 3
ENTRY = AuditEntry(5.0, "client x", "subjects.add", "s", "", "", "")


def choice(subject: str, seq: int = 1, stream: str = "s", **more: object) -> Choice:
    return replace(Choice(stream, f'{{"format":"opaque","id":"{subject}é"}}', "added", seq, 5.5), **more)  # type: ignore[arg-type]  # by name


@pytest.fixture
async def kept(store: Store) -> Store:
    for id_ in ("s", "t"):
        await store.put_stream(StreamRow(id_, id_, "https://rp.example", 1.0))
    return store


async def test_a_choice_comes_back_as_it_was_given(kept: Store) -> None:
    first = choice("a", 1, kind="removed", verified=False, due=True)
    second = choice("b", 2)
    assert await kept.put_choice(second, MOST) == ""
    assert await kept.put_choice(first, MOST, [ENTRY]) == ""
    assert await kept.choices("s") == [first, second]
    assert await kept.choices("t") == [] == await kept.choices("nobody")
    assert await kept.audit() == [ENTRY]


async def test_the_newest_word_about_a_subject_takes_the_place(kept: Store) -> None:
    await kept.put_choice(choice("a", 1, due=True), MOST)
    later = choice("a", 2, kind="removed", at=9.0, verified=False)
    assert await kept.put_choice(later, MOST) == ""
    assert await kept.choices("s") == [later]


async def test_they_are_counted_by_the_newest_word_about_each(kept: Store) -> None:
    for number, one in enumerate("abc"):
        await kept.put_choice(choice(one, number), MOST)
    await kept.put_choice(choice("b", 9, kind="removed"), MOST)
    await kept.put_choice(choice("a", 1, stream="t"), MOST)
    assert await kept.count_choices("s") == ChoiceCount(added=2, removed=1)
    assert await kept.count_choices("t") == ChoiceCount(added=1)
    assert await kept.count_choices("nobody") == ChoiceCount()
    await kept.drop_choice(choice("c", 2))
    assert await kept.count_choices("s") == ChoiceCount(added=1, removed=1)


async def test_no_more_than_a_stream_may_have(kept: Store) -> None:
    for number in range(MOST):
        assert await kept.put_choice(choice(f"a{number}", number), MOST) == ""
    assert await kept.put_choice(choice("b", 9), MOST, [ENTRY]) == "full"
    assert await kept.put_choice(choice("a1", 9, kind="removed"), MOST) == ""
    assert await kept.put_choice(choice("b", 9, stream="t"), MOST) == ""
    assert [one.seq for one in await kept.choices("s")] == [0, 2, 9]
    assert await kept.audit() == []


async def test_many_at_once_do_not_go_past_it(kept: Store) -> None:
    answers = await asyncio.gather(*(kept.put_choice(choice(f"a{n}", n), MOST) for n in range(20)))
    assert sorted(answers) == [""] * MOST + ["full"] * (20 - MOST)
    assert len(await kept.choices("s")) == MOST


async def test_nothing_is_kept_for_a_stream_that_is_gone(kept: Store) -> None:
    assert await kept.put_choice(choice("a", stream="gone"), MOST, [ENTRY]) == "gone"
    assert await kept.choices("gone") == [] == await kept.audit()


async def test_only_the_word_that_was_read_is_dropped(kept: Store) -> None:
    read = choice("a", 1)
    later = choice("a", 2, due=True)
    await kept.put_choice(later, MOST)
    assert await kept.drop_choice(read, [ENTRY]) is False
    await kept.told_choice(read)
    assert await kept.choices("s") == [later] and await kept.audit() == []
    assert await kept.drop_choice(later, [ENTRY]) is True
    assert await kept.drop_choice(later) is False
    assert await kept.choices("s") == [] and await kept.audit() == [ENTRY]


async def test_what_is_due(kept: Store) -> None:
    due = [choice("c", 1, "t", at=1.0, due=True), choice("a", 2, due=True), choice("b", 3, due=True)]
    for one in (*reversed(due), choice("d", 4)):
        await kept.put_choice(one, 10)
    assert await kept.due_choices() == due
    assert await kept.due_choices(limit=2) == due[:2]
    await kept.told_choice(due[1])
    assert await kept.due_choices() == [due[0], due[2]]
    assert (await kept.choices("s"))[0] == replace(due[1], due=False)


async def test_every_choice_page_by_page(kept: Store) -> None:
    made = [choice(f"a{n}", n, stream) for n in range(4) for stream in ("s", "t")]
    for one in made:
        await kept.put_choice(one, 10)
    found: list[Choice] = []
    while page := await kept.every_choice(after=found[-1].key if found else None, limit=3):
        assert len(page) <= 3
        found += page
    assert found == sorted(made, key=lambda one: one.key)


async def test_choices_go_with_their_stream(kept: Store) -> None:
    for stream in ("s", "t"):
        await kept.put_choice(choice("a", 1, stream), MOST)
    await kept.prune_stream("s")
    assert [one.stream_id for one in await kept.every_choice()] == ["t"]


async def test_a_deleted_stream_is_cleared_of_them_in_steps(kept: Store) -> None:
    for number in range(5):
        await kept.put_choice(choice(f"a{number}", number), 10)
    await minted(kept, new("ann|d1", stream="s"))
    steps = []
    while step := await kept.clear_stream("s", 9.0, 2):
        steps.append(step)
    assert steps == [1, 1, 2, 2, 1]
    assert await kept.every_choice() == [] and await kept.stream("s") is None


async def test_a_person_s_choices_are_erased_with_them_and_that_is_seen(kept: Store) -> None:
    gone, stays = choice("a", 1), choice("b", 2)
    for one in (gone, stays):
        await kept.put_choice(one, MOST)
    assert await kept.mark(CHOICES_ERASED) is None
    assert (await kept.erase(Erase((), ()), 9.0)).choices == 0
    assert await kept.mark(CHOICES_ERASED) is None
    assert (await kept.erase(Erase((), (), choices=(gone.key, ("s", "no such key"))), 9.0)).choices == 1
    assert await kept.choices("s") == [stays]
    first = await kept.mark(CHOICES_ERASED)
    await kept.erase(Erase((), (), choices=(stays.key,)), 9.0)
    assert first is not None and await kept.mark(CHOICES_ERASED) not in (None, first)


async def test_choices_outlive_the_process(tmp_path: Path) -> None:
    first = await open_store(url(tmp_path), FakeClock(), exclusive=True, create=True)
    await first.put_stream(StreamRow("s", "s", "https://rp.example", 1.0))
    await first.put_choice(choice("a", due=True), MOST)
    await first.close()
    second = await open_store(url(tmp_path), FakeClock(), exclusive=True)
    assert await second.due_choices() == [choice("a", due=True)]
    await second.close()
