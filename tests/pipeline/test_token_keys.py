"""The keys of access tokens: made once, followed by the next in time, kept while a token of theirs is in force."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bridge.clock import SystemClock
from bridge.errors import ConfigError
from bridge.pipeline.api.token_keys import MARGIN, TokenKeys
from bridge.ssf.keyfiles import KeyFiles
from tests.store.given import FakeClock

DAY = 86_400.0
LIFE = 3600.0


def made(folder: Path, clock: FakeClock, every: float | None = 90 * DAY) -> TokenKeys:
    return TokenKeys(KeyFiles(folder / "oauth"), clock, every, LIFE)


def kids(keys: TokenKeys) -> list[str]:
    assert [one["kid"] for one in keys.jwks()["keys"]] == [one.kid for one in keys.current()]
    return [one.kid for one in keys.current()]


def dated(folder: Path, kid: str, at: float) -> None:
    os.utime(folder / "oauth" / f"{kid}.pem", (at, at))


async def test_one_is_made_and_found_again(tmp_path: Path) -> None:
    clock = FakeClock(SystemClock().now())
    first = made(tmp_path, clock)
    await first.open()
    (kid,) = kids(first)
    assert {"d", "p", "q"}.isdisjoint(first.jwks()["keys"][0])
    dated(tmp_path, kid, clock.at)
    again = made(tmp_path, clock)
    await again.open()
    assert kids(again) == [kid]


async def test_the_next_one_signs_at_once_and_the_old_one_goes_when_its_tokens_have(tmp_path: Path) -> None:
    clock = FakeClock(SystemClock().now())
    keys = made(tmp_path, clock)
    await keys.open()
    (old,) = kids(keys)
    dated(tmp_path, old, clock.at - 90 * DAY + 1)
    await keys.turn()
    assert kids(keys) == [old]
    clock.at += 1
    await keys.turn()
    new, kept = kids(keys)
    assert kept == old != new
    dated(tmp_path, new, clock.at)
    clock.at += LIFE + MARGIN - 1
    await keys.turn()
    assert kids(keys) == [new, old]
    clock.at += 1
    await keys.turn()
    assert kids(keys) == [new]
    assert [file.stem for file in (tmp_path / "oauth").iterdir()] == [new]


async def test_without_a_calendar_it_stays(tmp_path: Path) -> None:
    clock = FakeClock(SystemClock().now())
    keys = made(tmp_path, clock, None)
    await keys.open()
    dated(tmp_path, kids(keys)[0], clock.at)
    clock.at += 3650 * DAY
    before = kids(keys)
    await keys.turn()
    assert kids(keys) == before


async def test_a_file_that_others_can_read_is_refused_at_a_start_and_changes_nothing_later(tmp_path: Path) -> None:
    clock = FakeClock(SystemClock().now())
    keys = made(tmp_path, clock)
    await keys.open()
    before = kids(keys)
    (tmp_path / "oauth" / f"{before[0]}.pem").chmod(0o644)
    await keys.turn()
    assert kids(keys) == before
    with pytest.raises(ConfigError, match="others may read"):
        await made(tmp_path, clock).open()
