from __future__ import annotations

import json
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.delivery.retry import ROW_LIFE, Health, classify, health_after, row_after
from bridge.model import Outcome

NOW = 1_795_348_800.0
HOUR = 3600.0


class Loaded:
    """Dice that always fall at one fraction of the range."""

    def __init__(self, fraction: float) -> None:
        self.fraction = fraction

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self.fraction


LOW, HIGH = Loaded(0.0), Loaded(1.0)


def _err(err: object, description: object = "because") -> bytes:
    return json.dumps({"err": err, "description": description}).encode()


def _classify(status: int, body: bytes = b"", **headers: str) -> Outcome:
    return classify(status, {name.replace("_", "-"): value for name, value in headers.items()}, body, NOW)


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "received"),
    [
        (202, b"", "delivered", "202", True),
        (200, b"<html>", "delivered", "200", True),
        (204, b"", "delivered", "204", True),
        (299, b"", "delivered", "299", True),
        (409, _err("duplicate_event"), "delivered", "409", True),
        (409, _err("conflict"), "row", "409", False),
        (409, b"", "row", "409", False),
        (400, _err("authentication_failed"), "stream", "authentication_failed", False),
        (400, _err("access_denied"), "stream", "access_denied", False),
        (400, _err("invalid_issuer"), "stream", "invalid_issuer", False),
        (400, _err("invalid_audience"), "stream", "invalid_audience", False),
        (400, _err("invalid_key"), "stream", "invalid_key", False),
        (400, _err("invalid_request"), "row", "invalid_request", False),
        (400, _err("invalid_state"), "row", "invalid_state", False),
        (400, _err("INVALID_KEY"), "row", "400", False),
        (400, _err("made_up"), "row", "400", False),
        (400, _err(7), "row", "400", False),
        (400, _err(["invalid_key"]), "row", "400", False),
        (400, _err({"a": 1}), "row", "400", False),
        (400, b"", "row", "400", False),
        (400, b"not json", "row", "400", False),
        (400, b"[1]", "row", "400", False),
        (400, b"\xff\xfe\x00", "row", "400", False),
        (400, b'{"err": "invalid_key"', "row", "400", False),
        (400, b"[" * 60_000, "row", "400", False),
        (413, b"", "row", "413", False),
        (415, b"", "row", "415", False),
        (422, b"", "row", "422", False),
        (401, _err("authentication_failed"), "stream", "401", False),
        (403, b"", "stream", "403", False),
        (404, b"", "stream", "404", False),
        (405, b"", "stream", "405", False),
        (407, b"", "stream", "407", False),
        (408, b"", "stream", "408", False),
        (410, b"", "stream", "410", False),
        (418, b"", "stream", "418", False),
        (429, b"", "stream", "429", False),
        (301, b"", "stream", "301", False),
        (307, b"", "stream", "307", False),
        (304, b"", "stream", "304", False),
        (500, b"", "stream", "500", True),
        (502, b"<html>", "stream", "502", True),
        (503, b"", "stream", "503", True),
        (504, b"", "stream", "504", True),
        (599, b"", "stream", "599", True),
        (500, _err("invalid_request"), "stream", "500", True),
        (503, _err("duplicate_event"), "stream", "503", True),
    ],
)
def test_what_an_answer_means(status: int, body: bytes, kind: str, code: str, received: bool) -> None:
    outcome = _classify(status, body)
    assert (outcome.kind, outcome.code, outcome.received) == (kind, code, received)


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (503, {"retry_after": "120"}, 120.0),
        (429, {"retry_after": " 7 "}, 7.0),
        (429, {"retry_after": formatdate(NOW + 90, usegmt=True)}, 90.0),
        (429, {"retry_after": formatdate(NOW - 90, usegmt=True)}, 0.0),
        (429, {"retry_after": "Sun, 06 Nov 1994 08:49:37 -0000"}, 0.0),
        (503, {"retry_after": "soon"}, None),
        (503, {"retry_after": ""}, None),
        (503, {"retry_after": "-5"}, None),
        (503, {"retry_after": "1.5"}, None),
        (503, {"retry_after": "٣"}, None),
        (503, {"retry_after": "9" * 400}, 1e12),
        (429, {"retry_after": "soon", "x_rate_limit_reset": str(int(NOW) + 33)}, 33.0),
        (503, {"retry_after": "Sun, 99 Foo 99999 25:61:00 GMT"}, None),
        (429, {"x_rate_limit_reset": str(int(NOW) + 33)}, 33.0),
        (429, {"x_rate_limit_reset": str(int(NOW) - 33)}, 0.0),
        (429, {"x_rate_limit_reset": "x"}, None),
        (500, {"x_rate_limit_reset": str(int(NOW) + 33)}, None),
        (429, {"retry_after": "5", "x_rate_limit_reset": str(int(NOW) + 33)}, 5.0),
        (429, {}, None),
    ],
)
def test_how_long_the_receiver_asks_us_to_wait(status: int, headers: dict[str, str], wait: float | None) -> None:
    assert _classify(status, b"", **headers).retry_after == wait


SET = "eyJ0eXAiOiJzZWNldmVudCtqd3QifQ.eyJpc3MiOiJodHRwczovL3MuZXhhbXBsZSJ9.c2lnbmF0dXJlLW9mLW91ci1vd24"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (_err("invalid_request", "previousStatus cannot be blank"), "invalid_request: previousStatus cannot be blank"),
        (_err("invalid_request", ""), "invalid_request"),
        (_err("x", "a\r\nb\x00c\x1b[31m d\u202ee"), "x: a b c [31m d e"),
        (_err("x", f"cannot read {SET}!"), "x: cannot read [token]!"),
        (_err("x", f"signature {'A' * 342} is bad"), "x: signature [token] is bad"),
        (_err("x", "no user dana.reyes+x@acme.example here"), "x: no user [e-mail] here"),
        (_err("x", 7), "x"),
        (b'{"errorCode": "E0000047", "errorSummary": "too many"}', "E0000047: too many"),
        (b'{"title": "Gone away", "detail": "for lunch"}', "Gone away: for lunch"),
        (b'{"message": "Forbidden"}', "Forbidden"),
        (b"<html><title>x</title></html>", ""),
        (b"", ""),
    ],
)
def test_the_receivers_words(body: bytes, words: str) -> None:
    assert _classify(400, body).words == words


def test_words_are_cut() -> None:
    assert len(_classify(400, _err("x", "ab " * 20_000)).words) == 500


@given(st.integers(100, 999), st.binary(max_size=200) | st.text(max_size=80).map(lambda text: _err("x", text)))
def test_any_answer_has_an_outcome(status: int, body: bytes) -> None:
    outcome = _classify(status, body)
    assert len(outcome.words) <= 500 and outcome.words.isprintable()
    assert (outcome.kind == "delivered") == (200 <= status < 300)


TROUBLE = Outcome("stream", "503", "busy", received=True)
REFUSAL = Outcome("row", "invalid_request", "no")
DONE = Outcome("delivered", "202", received=True)


def test_health_backs_off_doubling_from_one_second_to_five_minutes() -> None:
    health, steps, now = Health(), [], NOW
    for _ in range(12):
        health = health_after(health, TROUBLE, now, HIGH)
        assert health.retry_at is not None
        steps.append(health.retry_at - now)
        now = health.retry_at
    assert steps == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert (health.failures, health.unwell_since) == (12, NOW)
    assert (health.last_code, health.last_words) == ("503", "busy")


@pytest.mark.parametrize("failures", [1, 2, 9, 50, 10_000])
def test_jitter_spans_half_of_the_step_at_every_step(failures: int) -> None:
    before = Health(failures=failures - 1)
    low = health_after(before, TROUBLE, NOW, LOW).retry_at
    high = health_after(before, TROUBLE, NOW, HIGH).retry_at
    assert low is not None and high is not None
    assert low - NOW == (high - NOW) / 2


def test_pushes_that_were_under_way_together_fail_once() -> None:
    health = health_after(Health(), TROUBLE, NOW, HIGH)
    for _ in range(31):
        health = health_after(health, Outcome("stream", "timeout", "no answer"), NOW + 0.01, HIGH)
    assert (health.failures, health.retry_at, health.last_code) == (1, NOW + 1, "timeout")
    asked = health_after(health, Outcome("stream", "429", retry_after=60.0), NOW + 0.5, HIGH)
    assert (asked.failures, asked.retry_at) == (1, NOW + 60.5)
    assert health_after(asked, TROUBLE, NOW + 60.5, HIGH).failures == 2
    assert health_after(asked, DONE, NOW + 0.6, HIGH) == Health()


def test_a_probe_from_before_the_clock_was_set_back_is_no_reason_to_wait() -> None:
    far = Health(3, NOW + 2 * HOUR, NOW + HOUR)
    after = health_after(far, TROUBLE, NOW, HIGH)
    assert (after.failures, after.retry_at) == (4, NOW + 8)


def test_unwell_since_is_the_first_failure() -> None:
    health = health_after(Health(), TROUBLE, NOW, HIGH)
    assert health_after(health, TROUBLE, NOW + 50, HIGH).unwell_since == NOW


@pytest.mark.parametrize("outcome", [DONE, REFUSAL])
def test_an_answer_to_the_set_clears(outcome: Outcome) -> None:
    assert health_after(Health(7, NOW, NOW, "503", "busy"), outcome, NOW, HIGH) == Health()


@pytest.mark.parametrize(("asked", "pause"), [(None, 1), (0.0, 1), (0.5, 1), (40.0, 40), (7200.0, HOUR), (1e12, HOUR)])
def test_retry_after_is_honoured_up_to_an_hour(asked: float | None, pause: float) -> None:
    outcome = Outcome("stream", "429", retry_after=asked)
    assert health_after(Health(), outcome, NOW, HIGH).retry_at == NOW + pause


@pytest.mark.parametrize(
    "code", ["timeout", "reset", "500", "503", "tls", "dns", "connect", "401", "404", "429", "invalid_key"]
)
def test_a_streams_trouble_never_kills_a_row(code: str) -> None:
    attempts, faults, faulted_at = 0, 0, None
    for hour in range(0, 24 * 30):
        now = NOW + hour * HOUR
        row = row_after(attempts, faults, faulted_at, False, Outcome("stream", code), now, HIGH)
        assert (row.state, row.next_at, row.row_fault) == ("pending", now, False)
        attempts, faults, faulted_at = row.attempts, row.faults, row.faulted_at
    assert (attempts, faults, faulted_at) == (24 * 30, 0, None)


@pytest.mark.parametrize("code", ["timeout", "reset", "500", "599"])
def test_three_failures_with_others_delivered_in_between_are_the_rows_own(code: str) -> None:
    outcome = Outcome("stream", code, received=True)
    first = row_after(0, 0, None, True, outcome, NOW, HIGH)
    assert (first.faults, first.row_fault) == (0, False)
    second = row_after(1, first.faults, first.faulted_at, True, outcome, NOW, HIGH)
    assert (second.row_fault, second.faulted_at, second.next_at) == (False, None, NOW)
    between = row_after(2, second.faults, second.faulted_at, False, outcome, NOW, HIGH)
    assert (between.row_fault, between.faults) == (False, second.faults)
    third = row_after(3, between.faults, between.faulted_at, True, outcome, NOW, HIGH)
    assert (third.state, third.row_fault, third.faulted_at) == ("pending", True, NOW)
    assert third.next_at == NOW + 20 and third.maybe_received


@pytest.mark.parametrize("code", ["tls", "dns", "connect", "401", "429", "invalid_key", "refused_address"])
def test_other_trouble_never_becomes_the_rows_own(code: str) -> None:
    row = row_after(50, 2, None, True, Outcome("stream", code), NOW, HIGH)
    assert (row.row_fault, row.faults, row.faulted_at) == (False, 2, None)


def test_refusals_back_off_and_die_after_72_hours() -> None:
    attempts, faults, faulted_at, now, steps = 0, 0, None, NOW, []
    while True:
        row = row_after(attempts, faults, faulted_at, False, REFUSAL, now, HIGH)
        assert row.row_fault and row.faulted_at == NOW
        if row.state == "dead":
            break
        steps.append(row.next_at - now)
        attempts, faults, faulted_at, now = row.attempts, row.faults, row.faulted_at, row.next_at
    assert steps[:11] == [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]
    assert now == NOW + ROW_LIFE and row.attempts == len(steps) + 1


@pytest.mark.parametrize("life", [HOUR, 30 * 24 * HOUR])
def test_the_life_of_a_refused_set_is_a_setting(life: float) -> None:
    early = row_after(9, 8, NOW - life + 1, True, REFUSAL, NOW, HIGH, life=life)
    assert (early.state, early.next_at) == ("pending", NOW + 1)
    assert row_after(9, 8, NOW - life, True, REFUSAL, NOW, HIGH, life=life).state == "dead"


LATE = NOW - 2 * ROW_LIFE
NAMELESS = [Outcome("row", code) for code in ("400", "409", "413", "415", "422")]
"""Who answers so may answer so to everything."""


@pytest.mark.parametrize("outcome", NAMELESS, ids=lambda outcome: outcome.code)
def test_a_refusal_without_a_registered_error_kills_only_when_others_were_delivered(outcome: Outcome) -> None:
    row = row_after(90, 80, LATE, False, outcome, NOW, HIGH)
    assert (row.state, row.row_fault, row.faulted_at, row.next_at) == ("pending", True, LATE, NOW + HOUR)
    assert row_after(90, 80, LATE, False, outcome, NOW, HIGH, delivered_since_fault=True).state == "dead"
    assert row_after(90, 80, LATE, True, outcome, NOW, HIGH).state == "dead"


@pytest.mark.parametrize("code", ["invalid_request", "invalid_state"])
def test_a_refusal_that_names_the_set_kills_alone(code: str) -> None:
    assert row_after(90, 80, LATE, False, Outcome("row", code), NOW, HIGH).state == "dead"


@pytest.mark.parametrize("outcome", NAMELESS, ids=lambda outcome: outcome.code)
def test_a_refusal_without_a_registered_error_is_tried_hourly_for_weeks(outcome: Outcome) -> None:
    attempts, faults, faulted_at, now, steps = 0, 0, None, NOW, []
    while now < NOW + 5 * ROW_LIFE:
        row = row_after(attempts, faults, faulted_at, False, outcome, now, HIGH)
        steps.append(row.next_at - now)
        attempts, faults, faulted_at, now = row.attempts, row.faults, row.faulted_at, row.next_at
        assert row.state == "pending" and row.faulted_at == NOW
    assert max(steps) == HOUR and set(steps[-200:]) == {HOUR}


def test_a_faulted_row_does_not_die_of_its_streams_trouble() -> None:
    row = row_after(9, 4, LATE, False, TROUBLE, NOW, HIGH)
    assert (row.state, row.faults, row.next_at) == ("pending", 4, NOW)
    assert row_after(9, 4, LATE, True, TROUBLE, NOW, HIGH).state == "dead"
    assert row_after(9, 4, LATE, False, REFUSAL, NOW, HIGH).state == "dead"


def test_a_refusal_with_retry_after() -> None:
    outcome = Outcome("row", "413", retry_after=600.0)
    assert row_after(0, 0, None, False, outcome, NOW, LOW).next_at == NOW + 600


@pytest.mark.parametrize("outcome", [TROUBLE, REFUSAL, DONE])
def test_attempts_grow_and_received_is_handed_on(outcome: Outcome) -> None:
    row = row_after(4, 1, None, False, outcome, NOW, HIGH)
    assert row.attempts == 5 and row.maybe_received == outcome.received
    assert (row.state == "delivered") == (outcome is DONE)
