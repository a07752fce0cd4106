"""Verification: what a receiver asks for, what is sent unasked, and that events wait for it (SSF 1.0 §8.1.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bridge.errors import NotFound, StoreProblem, TooMany
from bridge.pipeline.api.verification import STATE_MOST
from bridge.pipeline.streams.framework import LIFE, VERIFICATION, WAITING_MOST
from bridge.pipeline.streams.verifier import ASK_AGAIN, LOOK_AGAIN
from bridge.ssf.configuration import Unacceptable
from tests.pipeline.api_house import ADMINS, DELIVERED, DOWN, OTHER, REFUSED, House

Built = Callable[..., House]
UNASKED: tuple[str, dict[str, Any]] = ("verification", {})
EVENT: tuple[str, dict[str, Any]] = ("device-compliance-change", {})


async def states(house: House, stream_id: str) -> list[tuple[str, str]]:
    """State and last words of each verification, the oldest first."""
    found = await house.store.deliveries(stream_id=stream_id, subject=VERIFICATION, limit=500)
    return [(one.state, one.last_words) for one in reversed(found)]


class TestAsked:
    async def test_the_state_comes_back(self, built: Built) -> None:
        house = await built(verify=False).begin()
        stream_id = await house.push_stream()
        for state in ("n-51c0e7", "", 'é "\n', None):
            await house.verification.request("siem", {"stream_id": stream_id, "state": state})
        await house.turn()
        assert [said for _, said in house.heard(stream_id)] == [
            {"state": "n-51c0e7"}, {"state": ""}, {"state": 'é "\n'}, {},
        ]  # fmt: skip

    @pytest.mark.parametrize("state", [5, {}, [], True, "x" * (STATE_MOST + 1)])
    async def test_what_is_no_state(self, built: Built, state: object) -> None:
        house = await built(verify=False).begin()
        stream_id = await house.push_stream()
        with pytest.raises(Unacceptable):
            await house.verification.request("siem", {"stream_id": stream_id, "state": state})
        assert await states(house, stream_id) == []

    @pytest.mark.parametrize("body", [{}, {"stream_id": 5}, {"stream_id": ""}, {"state": "x"}])
    async def test_of_which_stream(self, built: Built, body: dict[str, Any]) -> None:
        house = await built(verify=False).begin()
        with pytest.raises(Unacceptable):
            await house.verification.request("siem", body)

    async def test_of_nobody_or_of_somebody_else(self, built: Built) -> None:
        house = await built(verify=False).begin(ADMINS)
        for stream_id in ("none", ADMINS.id):
            with pytest.raises(NotFound):
                await house.verification.request("siem", {"stream_id": stream_id})

    async def test_only_inside_the_interval_it_is_too_often(self, built: Built) -> None:
        house = await built(verify=False, min_verification_interval="10s").begin()
        one, other = await house.push_stream(), await house.poll_stream()
        await house.verification.request("siem", {"stream_id": one})
        house.clock.time += 3.5
        with pytest.raises(TooMany) as refused:
            await house.verification.request("siem", {"stream_id": one})
        assert refused.value.retry_after == 7
        await house.verification.request("siem", {"stream_id": other})
        house.clock.time += 6.5
        await house.verification.request("siem", {"stream_id": one})
        assert len(await states(house, one)) == 2

    @pytest.mark.parametrize(("interval", "early"), [("10s", 2.0), ("2s", 1.0)])
    async def test_what_comes_a_little_early_was_sent_in_time(self, built: Built, interval: str, early: float) -> None:
        house = await built(verify=False, min_verification_interval=interval).begin()
        one = await house.push_stream()
        await house.verification.request("siem", {"stream_id": one})
        house.clock.time += float(interval[:-1]) - early - 0.01
        with pytest.raises(TooMany) as refused:
            await house.verification.request("siem", {"stream_id": one})
        assert refused.value.retry_after == int(early) + 1
        house.clock.time += 0.01
        await house.verification.request("siem", {"stream_id": one})

    @pytest.mark.parametrize(("interval", "early"), [(10.0, 2.0), (2.0, 1.0)])
    async def test_who_is_always_early_is_not_served_more_often(
        self, built: Built, interval: float, early: float
    ) -> None:
        house = await built(verify=False, min_verification_interval=f"{interval:g}s").begin()
        one = await house.push_stream()
        await house.verification.request("siem", {"stream_id": one})
        house.clock.time += interval - early
        await house.verification.request("siem", {"stream_id": one})
        house.clock.time += interval - early
        with pytest.raises(TooMany):
            await house.verification.request("siem", {"stream_id": one})
        house.clock.time += early
        await house.verification.request("siem", {"stream_id": one})
        house.clock.time += interval
        await house.verification.request("siem", {"stream_id": one})

    async def test_what_was_not_made_does_not_count(self, built: Built, monkeypatch: pytest.MonkeyPatch) -> None:
        house = await built(verify=False, min_verification_interval="10s").begin()
        stream_id = await house.push_stream()

        async def fails(units: object) -> None:
            raise StoreProblem("full")

        with monkeypatch.context() as patched:
            patched.setattr(house.store, "commit", fails)
            with pytest.raises(StoreProblem):
                await house.verification.request("siem", {"stream_id": stream_id})
        await house.verification.request("siem", {"stream_id": stream_id})
        assert len(await states(house, stream_id)) == 1

    async def test_it_is_held_while_paused_and_dropped_when_disabled(self, built: Built) -> None:
        house = await built(verify=False).begin()
        stream_id = await house.push_stream()
        for status in ("paused", "disabled", "enabled"):
            await house.standing.set("siem", {"stream_id": stream_id, "status": status})
            await house.verification.request("siem", {"stream_id": stream_id, "state": status})
            await house.turn()
        assert house.heard(stream_id) == [("verification", {"state": "enabled"})]
        assert await states(house, stream_id) == [("superseded", "stream_disabled"), ("delivered", "")]

    async def test_what_was_held_goes_when_it_goes_on(self, built: Built) -> None:
        house = await built(verify=False).begin()
        stream_id = await house.push_stream()
        await house.standing.set("siem", {"stream_id": stream_id, "status": "paused"})
        await house.verification.request("siem", {"stream_id": stream_id, "state": "held"})
        await house.turn()
        assert house.heard(stream_id) == []
        await house.standing.set("siem", {"stream_id": stream_id, "status": "enabled"})
        await house.turn()
        assert house.heard(stream_id) == [("verification", {"state": "held"})]

    async def test_so_many_are_held_and_so_long(self, built: Built) -> None:
        house = await built(verify=False).begin()
        stream_id = await house.poll_stream()
        for n in range(WAITING_MOST + 3):
            await house.verification.request("siem", {"stream_id": stream_id, "state": str(n)})
        found = await states(house, stream_id)
        assert found[:4] == [("superseded", "too_many")] * 3 + [("pending", "")]
        assert [state for state, _ in found].count("pending") == WAITING_MOST
        house.clock.time += LIFE + 61
        await house.turn()
        assert set(await states(house, stream_id)) == {("superseded", "too_many"), ("superseded", "expired")}

    async def test_a_refused_one_ends_there_and_takes_no_other_with_it(self, built: Built) -> None:
        house = await built(verify=False).begin()
        stream_id = await house.push_stream()
        house.answer = REFUSED
        await house.verification.request("siem", {"stream_id": stream_id, "state": "a"})
        await house.verification.request("siem", {"stream_id": stream_id, "state": "b"})
        await house.turn()
        await house.hours(2)
        assert await states(house, stream_id) == [("dead", "not mine"), ("dead", "not mine")]
        assert len(house.heard(stream_id)) == 2

    async def test_while_the_receiver_is_away_it_waits(self, built: Built) -> None:
        house = await built(verify=False).begin()
        stream_id = await house.push_stream()
        house.answer = DOWN
        await house.verification.request("siem", {"stream_id": stream_id})
        await house.turn()
        assert await states(house, stream_id) == [("pending", "")]
        house.answer = DELIVERED
        await house.hours(1)
        assert await states(house, stream_id) == [("delivered", "")]


class TestUnasked:
    async def test_nothing_is_sent_before_one_was_accepted(self, built: Built) -> None:
        house = await built().begin()
        stream_id = await house.push_stream()
        await house.event(stream_id)
        house.answer = DOWN
        await house.turn()
        assert house.heard(stream_id) == [UNASKED]
        house.answer = DELIVERED
        house.clock.time += 60
        await house.turn()
        assert house.heard(stream_id) == [UNASKED, UNASKED, EVENT]
        made = (await house.row(stream_id)).subscription
        assert made is not None and made.verified

    async def test_the_same_after_another_start(self, built: Built) -> None:
        house = await built().begin()
        stream_id = await house.push_stream()
        await house.turn()
        await house.begin()
        await house.event(stream_id)
        await house.turn()
        assert house.heard(stream_id) == [UNASKED, EVENT]

    async def test_one_that_was_asked_for_counts_and_no_other_is_sent(self, built: Built) -> None:
        house = await built().begin()
        stream_id = await house.push_stream()
        await house.verification.request("siem", {"stream_id": stream_id, "state": "mine"})
        await house.event(stream_id)
        await house.turn()
        assert house.heard(stream_id) == [("verification", {"state": "mine"}), EVENT]

    async def test_another_place_is_verified_anew(self, built: Built) -> None:
        house = await built().begin()
        stream_id = await house.push_stream()
        await house.turn()
        house.answer = DOWN
        delivery = {"method": "urn:ietf:rfc:8935", "endpoint_url": OTHER}
        await house.management.change("siem", {"stream_id": stream_id, "delivery": delivery}, whole=False)
        await house.event(stream_id)
        await house.turn()
        assert [(one.where, one.type) for one in house.pushes[1:]] == [(OTHER, "verification")]
        house.answer = DELIVERED
        house.clock.time += 60
        await house.turn()
        assert [one.type for one in house.pushes[2:]] == ["verification", "device-compliance-change"]

    async def test_what_the_old_place_accepted_proves_nothing_about_the_new_one(self, built: Built) -> None:
        house = await built().begin()
        stream_id = await house.push_stream()
        before = house.keeper.running()[stream_id].stream
        delivery = {"method": "urn:ietf:rfc:8935", "endpoint_url": OTHER}
        await house.management.change("siem", {"stream_id": stream_id, "delivery": delivery}, whole=False)
        await house.verifier.accepted(before)
        assert not house.keeper.running()[stream_id].stream.verified

    async def test_a_death_between_the_acknowledgement_and_what_it_brings(self, built: Built) -> None:
        house = await built().begin()
        stream_id = await house.push_stream()

        async def dies(stream: object) -> None:
            raise StoreProblem("gone")

        house.verifier.accepted = dies  # type: ignore[method-assign]  # it dies there
        await house.event(stream_id)
        await house.turn()
        assert house.heard(stream_id) == [UNASKED]
        await house.begin()
        await house.turn()
        assert house.heard(stream_id) == [UNASKED, UNASKED, EVENT]

    async def test_who_refused_is_asked_again_later(self, built: Built) -> None:
        house = await built().begin()
        stream_id = await house.push_stream()
        house.answer = REFUSED
        await house.turn()
        house.clock.time += ASK_AGAIN - LOOK_AGAIN - 1
        await house.turn()
        assert house.heard(stream_id) == [UNASKED]
        house.clock.time += 2 * LOOK_AGAIN
        await house.turn()
        assert house.heard(stream_id) == [UNASKED, UNASKED]

    async def test_one_that_expired_is_followed_by_another(self, built: Built) -> None:
        house = await built().begin()
        stream_id = await house.push_stream()
        house.answer = DOWN
        await house.turn()
        await house.hours(25)
        assert [state for state, _ in await states(house, stream_id)] == [("superseded"), ("pending")]

    async def test_not_where_the_stream_is_polled_or_nobody_wants_it(self, built: Built) -> None:
        house = await built().begin()
        polled = await house.poll_stream()
        house.clients["siem"] = house.clients["siem"].model_copy(update={"verify": False})
        pushed = await house.push_stream()
        await house.event(pushed)
        await house.turn()
        assert (await states(house, polled), house.heard(pushed)) == ([], [EVENT])

    async def test_not_while_it_is_paused(self, built: Built) -> None:
        house = await built().begin()
        stream_id = await house.push_stream()
        await house.standing.set("siem", {"stream_id": stream_id, "status": "paused"})
        await house.turn()
        assert house.heard(stream_id) == []
        await house.standing.set("siem", {"stream_id": stream_id, "status": "enabled"})
        await house.turn()
        assert house.heard(stream_id) == [UNASKED]
