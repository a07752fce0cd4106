"""How holds are named where they are searched and counted: pure, and the same for every store."""

from __future__ import annotations

from bridge.model import Device, HeldWhy


def hold_kind(device: Device) -> str | None:
    """`retired`, `override`, or the kind of its hold: whichever counts; None: nothing is held."""
    if device.retired:
        return "retired"
    if device.override is not None:
        return "override"
    return device.hold.kind if device.hold is not None else None


def kind_of(why: HeldWhy) -> str:
    """Of a ledger row."""
    return "guard" if why == "guard" else f"guard_{why}"
