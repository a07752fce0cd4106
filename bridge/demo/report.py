"""Whether the story went as it should, and what `--json` prints of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Any

from bridge.demo.story import Played, Transition
from bridge.model import DEVICE_COMPLIANCE_CHANGE
from bridge.receiver.book import Receipt


def faults(steps: Sequence[Played], receipts: Sequence[Receipt], login: str, device: str) -> list[str]:
    """What did not go as it should; empty if every SET that should arrive arrived, verified, and no other did.

    `login` and `device` (with its namespace) are the subject that each SET must have. A repeat of a SET that the
    receiver had accepted before is no fault: delivery is at least once (RFC 8935 §2).
    """
    expected = [step.expected for step in steps if step.expected is not None]
    arrived = [_transition(receipt) for receipt in receipts if receipt.taken]
    return [
        *(f"{step.sent.event}: answered {step.sent.status} {step.reason}" for step in steps if step.sent.status != 202),
        *(f"{step.sent.event}: nothing was decided in time" for step in steps if step.outcome == "undecided"),
        *(_refused(receipt) for receipt in receipts if not receipt.taken and not receipt.repeat),
        *(_differs(should, did) for should, did in zip_longest(expected, arrived) if should != did),
        *(
            f"SET {receipt.claims['jti']}: not about {login} and {device}"
            for receipt in receipts
            if receipt.taken and _subject(receipt) != (login, device)
        ),
    ]


def document(steps: Sequence[Played], receipts: Sequence[Receipt], ok: bool) -> dict[str, Any]:
    """The JSON of `--json`; a repeat of an accepted SET is left out."""
    return {
        "webhooks": [
            {
                "event": step.sent.event,
                "status": step.sent.status,
                "id": step.sent.document.get("id"),
                "outcome": step.outcome,
                "reason": step.reason,
            }
            for step in steps
        ],
        "sets": [
            {"header": dict(receipt.header), "claims": dict(receipt.claims), "status": receipt.status}
            for receipt in receipts
            if not receipt.repeat
        ],
        "ok": ok,
    }


def words(transition: Transition) -> str:
    return f"{transition[0]} → {transition[1]}"


def _refused(receipt: Receipt) -> str:
    answer = ": ".join(part for part in (receipt.err, receipt.description) if part)
    return f"a SET was answered {receipt.status} {answer}".rstrip()


def _differs(should: Transition | None, did: Transition | None) -> str:
    if did is None:
        return f"a SET is missing: {words(should)}" if should else ""
    return f"a SET {words(did)} came in place of {words(should)}" if should else f"a SET too many came: {words(did)}"


def _event(receipt: Receipt) -> dict[str, Any]:
    found = receipt.claims["events"].get(DEVICE_COMPLIANCE_CHANGE)
    return found if isinstance(found, dict) else {}


def _transition(receipt: Receipt) -> Transition:
    event = _event(receipt)
    return event.get("previous_status", "compliant"), event.get("current_status", "compliant")


def _subject(receipt: Receipt) -> tuple[str, str]:
    subject = _event(receipt).get("subject", {})
    return str(subject.get("user", {}).get("email")), str(subject.get("device", {}).get("id"))
