"""A frozen map against a dict, and what a change of a large one costs."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.frozen_map import FrozenMap

STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 40)), max_size=120)


@given(STEPS)
def test_it_is_a_dict_of_which_each_state_stays(steps: list[tuple[bool, int]]) -> None:
    made: FrozenMap[int, str] = FrozenMap()
    plain: dict[int, str] = {}
    states = [(made, dict(plain))]
    for number, (puts, key) in enumerate(steps):
        if puts:
            made, plain[key] = made.put(key, str(number)), str(number)
        elif key in plain:
            made = made.drop(key)
            del plain[key]
        else:
            with pytest.raises(KeyError):
                made.drop(key)
        states.append((made, dict(plain)))
    for found, wanted in states:
        assert dict(found) == wanted == found and len(found) == len(wanted)
        assert found == FrozenMap(wanted)


def test_what_is_not_there() -> None:
    assert FrozenMap[str, int]().get("one") is None and "one" not in FrozenMap({"two": 2})
    with pytest.raises(KeyError):
        FrozenMap({"two": 2})["one"]


def test_a_large_one_is_changed_quickly() -> None:
    found = FrozenMap({str(n): n for n in range(100_000)})
    started = time.process_time()
    for n in range(2_000):
        found = found.put(str(n), -n).drop(str(n + 50_000))
    # 4,000 changes take 0.1 s; copying the whole of it takes 4 s and more
    assert time.process_time() - started < 1.5
    assert len(found) == 98_000 and found["7"] == -7
