"""A poll: what its request says, and how its answer is shaped (RFC 8936 §2.2, §2.3). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Final

from bridge.ssf.configuration import Unacceptable
from bridge.value import value

MOST: Final = 1000
"""SETs in one answer, whatever `maxEvents` says."""
USUAL: Final = MOST
"""SETs in one answer where there is no `maxEvents`: no limit of the receiver's (RFC 8936 §2.2), so ours."""
SETTLED_MOST: Final = 10_000
"""What `ack` and `setErrs` may name together."""
JTI_MOST: Final = 256
"""Characters of a `jti`."""
REGISTERED: Final = frozenset(
    {
        "invalid_request", "invalid_key", "invalid_issuer", "invalid_audience", "authentication_failed",
        "access_denied", "invalid_state",
    }
)  # fmt: skip
"""Error codes of RFC 8935 §2.4 and SSF 1.0 §8.1.4."""


@value
class SetError:
    """Why a receiver does not take a SET (RFC 8936 §2.6), in its own words."""

    err: str
    description: str = ""


@value
class PollRequest:
    """`most`: so many SETs at most. `at_once`: no waiting, a short poll. What stands in both `acks` and `errors` is
    refused: the error says more."""

    most: int = USUAL
    at_once: bool = False
    acks: tuple[str, ...] = ()
    errors: Mapping[str, SetError] = field(default_factory=dict)
    """jti → error"""


def poll_request(body: Mapping[str, Any]) -> PollRequest:
    """Raises Unacceptable for what has the wrong type or is too much. A `null` is as if the member were not there;
    members that nobody knows are ignored."""
    acks, errors = _acks(body.get("ack")), _errors(body.get("setErrs"))
    if len(acks) + len(errors) > SETTLED_MOST:
        raise Unacceptable("ack", f"and setErrs name more than {SETTLED_MOST} SETs together")
    return PollRequest(_most(body.get("maxEvents")), _at_once(body.get("returnImmediately")), acks, errors)


def poll_answer(sets: Mapping[str, str], more: bool) -> dict[str, Any]:
    """`sets`: jti → SET. `moreAvailable` stands there only where it is true (§2.3)."""
    return {"sets": sets, "moreAvailable": True} if more else {"sets": sets}


def _most(given: Any) -> int:
    if given is None:
        return USUAL
    whole = isinstance(given, int | float) and not isinstance(given, bool) and given == given // 1
    if not whole or given < 0:
        raise Unacceptable("maxEvents", "must be a whole number that is not negative")
    return min(int(given), MOST)


def _at_once(given: Any) -> bool:
    if not isinstance(given, bool | None):
        raise Unacceptable("returnImmediately", "must be true or false")
    return bool(given)


def _acks(given: Any) -> tuple[str, ...]:
    if given is None:
        return ()
    if not isinstance(given, list):
        raise Unacceptable("ack", "must be an array of jti")
    return tuple(dict.fromkeys(_jti(f"ack[{index}]", one) for index, one in enumerate(given)))


def _jti(path: str, given: Any) -> str:
    if not isinstance(given, str) or len(given) > JTI_MOST:
        raise Unacceptable(path, f"must be a string of at most {JTI_MOST} characters")
    return given


def _errors(given: Any) -> Mapping[str, SetError]:
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise Unacceptable("setErrs", "must be an object: jti → error")
    return {
        _jti("setErrs", jti): _error(f"setErrs, entry {number}", one)
        for number, (jti, one) in enumerate(given.items(), start=1)
    }


def _error(path: str, given: Any) -> SetError:
    """The path does not name the `jti`: anything may stand there."""
    if not isinstance(given, Mapping):
        raise Unacceptable(path, "must be an object with err and description")
    err, description = given.get("err"), given.get("description")
    if not isinstance(err, str) or not err:
        raise Unacceptable(path, "err is required, a string")
    if not isinstance(description, str | None):
        raise Unacceptable(path, "description must be a string")
    return SetError(err, description or "")
