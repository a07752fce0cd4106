"""What an answer means and what comes next: for the stream, and for the one row. Pure.

A stream's trouble (the receiver is away, or refuses us as a whole) delays its rows and never kills them.
A row's fault (the receiver refuses this one SET) is tried with growing pauses, and the row dies after 72 hours (or what
`[delivery] give_up_after` says) where it is certain that the fault is its own: somebody before the receiver may refuse
whatever comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from bridge.clock import Dice
from bridge.delivery.answer import error_of, wait_of
from bridge.model import Outcome

STREAM_FIRST, STREAM_MOST = 1.0, 300.0
ROW_FIRST, ROW_MOST = 5.0, 3600.0
ROW_LIFE = 72 * 3600.0
"""Seconds from a row's first own fault to its death, unless another life is given."""
WAIT_MOST = 3600.0
"""Seconds of a receiver's Retry-After that are honoured at most."""
SUSPECT_AT = 3
"""So many failures of a row, others delivered in between, are the row's own fault."""

_STREAM_ERRORS = frozenset(
    {"authentication_failed", "access_denied", "invalid_issuer", "invalid_audience", "invalid_key"}
)
_ROW_ERRORS = frozenset({"invalid_request", "invalid_state"})
_ROW_STATUSES = frozenset({400, 409, 413, 415, 422})
_SUSPECT_CODES = frozenset({"timeout", "reset"})


def classify(status: int, headers: Mapping[str, str], body: bytes, now: float) -> Outcome:
    """What an HTTP answer to a push comes to (RFC 8935 §2.2 to §2.4). Header names are lower case.

    `code` is the status, or for a 400 the registered error code; an unregistered one stands in `words` only.
    A status that no rule names is the stream's trouble: that can only delay.
    """
    err, words = error_of(body)
    code = str(status)
    wait = wait_of(status, headers, now)
    if 200 <= status < 300 or (status == 409 and err == "duplicate_event"):
        return Outcome("delivered", code, words, received=True)
    if status not in _ROW_STATUSES:
        return Outcome("stream", code, words, retry_after=wait, received=status >= 500)
    if status == 400 and err in _STREAM_ERRORS:
        return Outcome("stream", err, words, retry_after=wait)
    if status == 400 and err in _ROW_ERRORS:
        code = err
    return Outcome("row", code, words, retry_after=wait)


@dataclass(frozen=True, slots=True)
class Health:
    """A stream's health. `failures` in a row are its own; 0 is well, and then only `last_*` may be set."""

    failures: int = 0
    retry_at: float | None = None
    """When the next probe may go."""
    unwell_since: float | None = None
    last_code: str = ""
    last_words: str = ""


def health_after(health: Health, outcome: Outcome, now: float, dice: Dice) -> Health:
    """The stream's health after one push. A row's refusal counts as well: who refuses one SET reads the others.

    1 s doubling to 5 min, each drawn from the upper half of its step; never before the receiver's Retry-After (≤ 1 h).
    A failure before `retry_at` is of a push that was under way when the trouble began: it is the same failure, not one
    more; a `retry_at` that is further away than any wait was set before the clock was set back, and tells nothing.
    When `row_after` says `row_fault` of a stream outcome, the caller leaves the health alone.
    """
    if outcome.kind != "stream":
        return Health()
    if health.retry_at is not None and now < health.retry_at <= now + WAIT_MOST:
        asked = now + _asked(outcome)
        return replace(health, retry_at=max(health.retry_at, asked), last_code=outcome.code, last_words=outcome.words)
    failures = health.failures + 1
    return Health(
        failures=failures,
        retry_at=now + _pause(STREAM_FIRST, STREAM_MOST, failures, outcome, dice),
        unwell_since=now if health.unwell_since is None else health.unwell_since,
        last_code=outcome.code,
        last_words=outcome.words,
    )


@dataclass(frozen=True, slots=True)
class RowNext:
    """What becomes of a row after one push; the names are those of the store's Settlement.

    `row_fault`: the failure is laid to the row, not to its stream. `maybe_received` speaks of this push alone:
    the caller keeps an earlier True.
    """

    state: Literal["pending", "delivered", "dead"]
    next_at: float
    attempts: int
    faults: int
    faulted_at: float | None
    row_fault: bool
    maybe_received: bool


def row_after(
    attempts: int,
    faults: int,
    faulted_at: float | None,
    others_succeeded: bool,
    outcome: Outcome,
    now: float,
    dice: Dice,
    *,
    delivered_since_fault: bool = False,
    life: float = ROW_LIFE,
) -> RowNext:
    """The row after one more push. `attempts` are those before it; `others_succeeded`: another order key of this
    stream was delivered since this row's last push; `delivered_since_fault`: since `faulted_at`.

    `faults` counts refusals; while `faulted_at` is None it counts timeouts, resets and 5xx that others' success made
    suspicious, and the third of those is a fault. `life` seconds after its first fault a row dies if the receiver names
    the SET as what is wrong or others were delivered since; until one of them is so, it is tried hourly.
    """
    attempts += 1
    if outcome.kind == "delivered":
        return RowNext("delivered", now, attempts, faults, faulted_at, False, True)
    own = outcome.kind == "row"
    if not own and attempts > 1 and others_succeeded and _suspect(outcome):
        faults = max(faults, 1) if faulted_at is None else faults
        own = faulted_at is not None or faults + 1 >= SUSPECT_AT
        faults += 0 if own else 1
    if not own:
        return RowNext("pending", now, attempts, faults, faulted_at, False, outcome.received)
    faults += 1
    first = now if faulted_at is None else faulted_at
    end = first + life
    if now >= end and (outcome.code in _ROW_ERRORS or others_succeeded or delivered_since_fault):
        return RowNext("dead", now, attempts, faults, first, True, outcome.received)
    due = now + _pause(ROW_FIRST, ROW_MOST, faults, outcome, dice)
    next_at = min(end, due) if now < end else due
    return RowNext("pending", next_at, attempts, faults, first, True, outcome.received)


def _suspect(outcome: Outcome) -> bool:
    return outcome.code in _SUSPECT_CODES or (len(outcome.code) == 3 and outcome.code.startswith("5"))


def _pause(first: float, most: float, failures: int, outcome: Outcome, dice: Dice) -> float:
    """Seconds: `first` doubling to `most`, from the upper half of the step by chance; at least what was asked for."""
    step = min(most, first * 2.0 ** min(failures - 1, 30))
    return max(dice.between(step / 2, step), _asked(outcome))


def _asked(outcome: Outcome) -> float:
    return min(outcome.retry_after or 0.0, WAIT_MOST)
