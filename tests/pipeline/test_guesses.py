"""How often a wrong secret may be tried, and what is remembered of it."""

from __future__ import annotations

import pytest

from bridge.errors import TooMany
from bridge.pipeline.api.guesses import EVERY, KEPT, MOST, Guesses
from tests.histories.ports import Clock


def barred(guesses: Guesses, client: str = "siem", source: str = "8.8.8.8/32", *, known: bool = True) -> int:
    """Seconds until one more may be tried; 0: now."""
    try:
        guesses.check(client, source, known=known)
    except TooMany as problem:
        return problem.retry_after
    return 0


def tried(guesses: Guesses, times: int = MOST, **where: str) -> list[bool]:
    client, source = where.get("client", "siem"), where.get("source", "8.8.8.8/32")
    return [guesses.wrong(client, source) for _ in range(times)]


def test_ten_and_then_one_every_half_a_minute() -> None:
    clock = Clock()
    guesses = Guesses(clock)
    assert tried(guesses) == [False] * (MOST - 1) + [True]
    assert barred(guesses) == EVERY
    clock.time += EVERY - 1
    assert barred(guesses) == 1
    clock.time += 1
    assert barred(guesses) == 0
    assert tried(guesses, 1) == [True] and barred(guesses) == EVERY
    clock.time += MOST * EVERY
    assert tried(guesses, MOST - 1) == [False] * (MOST - 1) and barred(guesses) == 0


def test_whoever_guesses_bars_nobody_else() -> None:
    guesses = Guesses(Clock())
    tried(guesses)
    assert barred(guesses, source="9.9.9.9/32") == barred(guesses, "other") == 0
    assert barred(guesses, known=False) == 0


def test_from_nobody_knows_where() -> None:
    guesses = Guesses(Clock())
    assert tried(guesses, 3 * MOST, source="") == [False] * 3 * MOST
    assert barred(guesses, source="") == 0


def test_bounded_memory_and_strangers_displace_nobody() -> None:
    guesses = Guesses(Clock())
    tried(guesses)
    for number in range(KEPT + 5):
        guesses.wrong(f"stranger {number}" * 1000, "8.8.8.8/32", known=False)
    assert barred(guesses) == EVERY
    assert len(guesses._unknown) == KEPT and max(len(client) for client, _ in guesses._unknown) == 32
    for number in range(KEPT - 1):
        guesses.wrong("siem", f"source {number}")
    assert barred(guesses) == EVERY
    guesses.wrong("siem", "one too many")
    assert barred(guesses) == 0 and len(guesses._known) == KEPT


@pytest.mark.parametrize("client", ["", "\ud800", "\x00", "é" * 20_000])
def test_whatever_somebody_calls_themselves(client: str) -> None:
    guesses = Guesses(Clock())
    for _ in range(MOST):
        guesses.wrong(client, "8.8.8.8/32", known=False)
    assert barred(guesses, client, known=False) == EVERY
