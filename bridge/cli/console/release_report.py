"""What a release came to, as `connectors baseline` and `guard` print it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from bridge.cli.console.output import pairs, say, write_json

if TYPE_CHECKING:
    from bridge.pipeline.errands.awaited import Left

COUNTS = ("released", "still_true", "told", "held", "not_told", "recovered", "waiting", "unanswered")
MEANING = {
    "told": "told",
    "held": "held by the guard",
    "not_told": "nobody to tell: no owner, or no receiver wants it",
    "recovered": "no longer so",
    "waiting": "looked at, and not settled by that: see `caep-bridge devices list --stuck`",
    "unanswered": "no answer yet",
}


def document(counts: Counter[str], left: Left | None) -> dict[str, Any]:
    return {**{name: counts[name] for name in COUNTS}, "problem": problem_of(left)}


def problem_of(left: Left | None) -> str | None:
    """Why some are not looked at yet; None if all are."""
    from bridge.pipeline.operator.wording import again

    if left is None or not (left.unanswered or left.under_way):
        return None
    if not left.answer:
        return "the looks are still to come"
    return again(left.answer).words


def report(what: str, counts: Counter[str], left: Left | None, as_json: bool) -> int:
    """Exit code 1 while something is unanswered: it is looked at again by itself, and told then if it is still so."""
    if as_json:
        write_json(document(counts, left))
    else:
        lines = [("  still so", counts["still_true"])]
        lines += [(f"  {MEANING[name]}", counts[name]) for name in COUNTS[2:] if counts[name]]
        pairs([(f"{what} released", counts["released"]), *lines])
    if counts["held"]:
        say("what the guard holds: `caep-bridge guard status`")
    problem = problem_of(left)
    if problem:
        say(f"{problem}: {counts['unanswered']} of them are looked at again without you, and told if it is still so")
        return 1
    return 0
