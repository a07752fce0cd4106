"""What a receiver was told, read from its book; and what must hold of any such history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.model import DEVICE_COMPLIANCE_CHANGE, Status
from bridge.receiver.book import Book, Receipt


@dataclass(frozen=True)
class Heard:
    login: str
    device: str
    previous: Status
    current: Status
    at: int
    jti: str
    receipt: Receipt


def of(receipt: Receipt) -> Heard:
    event: Mapping[str, Any] = receipt.claims["events"][DEVICE_COMPLIANCE_CHANGE]
    subject = event.get("subject") or receipt.claims["sub_id"]
    person = subject if subject.get("format") == "email" else subject["user"]
    device = subject.get("device", {}).get("id", "")
    return Heard(
        person["email"],
        device,
        event["previous_status"],
        event["current_status"],
        event["event_timestamp"],
        receipt.claims["jti"],
        receipt,
    )


def taken(book: Book, login: str = "", device: int | None = None) -> list[Heard]:
    """What it was told about devices; SETs about its stream are none of that."""
    every = [of(receipt) for receipt in book.taken if DEVICE_COMPLIANCE_CHANGE in receipt.claims["events"]]
    return [
        one
        for one in every
        if (not login or one.login == login) and (device is None or one.device == f"kolide:{device}")
    ]


def key_of(one: Heard, by_person: bool) -> tuple[str, str]:
    return one.login, "" if by_person else one.device


def check_history(name: str, book: Book, by_person: bool) -> None:
    """Statuses alternate from compliant on, times never go back, no SET is refused, and a repeat is the same bytes."""
    told: dict[tuple[str, str], Heard] = {}
    for one in taken(book):
        before = told.get(key_of(one, by_person))
        was = before.current if before else "compliant"
        assert one.previous == was, f"{name}: {one} follows {before}"
        assert one.current != was, f"{name}: {one} follows {before}"
        assert before is None or one.at >= before.at, f"{name}: {one} is dated before {before}"
        told[key_of(one, by_person)] = one
    texts: dict[str, str] = {}
    for receipt in book.receipts:
        # A receiver that asks a process just killed for its keys refuses for the moment, and gets the SET again.
        keyless = receipt.err == "invalid_key" and "cannot be read" in receipt.description
        assert keyless or not receipt.err, f"{name} refused {receipt.claims}: {receipt.err} {receipt.description}"
        assert texts.setdefault(receipt.claims["jti"], receipt.text) == receipt.text, f"{name}: a jti in two texts"


def last_words(book: Book, by_person: bool) -> set[tuple[str, str]]:
    """Whom the receiver believes not to be compliant."""
    believed = {key_of(one, by_person): one.current for one in taken(book)}
    return {key for key, status in believed.items() if status == "not-compliant"}
