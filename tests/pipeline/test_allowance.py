"""How often a client may change something."""

from __future__ import annotations

import pytest

from bridge.errors import TooMany
from bridge.pipeline.api.allowance import DAY, Allowance
from tests.store.given import FakeClock

MOST = 4


def taken(allowance: Allowance, client: str) -> int:
    """How many more may be made at once."""
    count = 0
    while count <= MOST:
        try:
            allowance.take(client)
        except TooMany:
            break
        count += 1
    return count


def test_so_many_at_once_and_no_more_than_as_many_again_in_a_day() -> None:
    clock = FakeClock()
    allowance = Allowance(MOST, clock)
    assert taken(allowance, "a") == MOST
    with pytest.raises(TooMany) as refused:
        allowance.take("a")
    assert refused.value.retry_after == DAY / MOST
    clock.at += DAY / MOST
    assert taken(allowance, "a") == 1, "as it said"
    clock.at += 10 * DAY
    assert taken(allowance, "a") == MOST, "what is not used is not saved up"


def test_one_client_does_not_use_up_what_is_anothers() -> None:
    allowance = Allowance(MOST, FakeClock())
    assert (taken(allowance, "a"), taken(allowance, "b")) == (MOST, MOST)


def test_what_came_to_nothing_does_not_count() -> None:
    allowance = Allowance(MOST, FakeClock())
    for _ in range(3 * MOST):
        allowance.take("a")
        allowance.give_back("a")
    allowance.give_back("b")
    assert (taken(allowance, "a"), taken(allowance, "b")) == (MOST, MOST)
