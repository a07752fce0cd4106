"""How signing keys are shown, by `keys` and by `check`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bridge.cli.console.output import when

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bridge.key import KeyRow


def as_json(row: KeyRow, keep: float) -> dict[str, Any]:
    """All that is known, whether it stands in the JWKS, and when a retired one leaves it at the earliest."""
    return {**asdict(row), "published": _published(row), "leaves_at": _leaves(row, keep)}


def stands(row: KeyRow, keep: float) -> str:
    """Where it is in its life, in words."""
    if row.compromised:
        return f"withdrawn as compromised {when(row.removed_at)}"
    if row.removed_at is not None:
        return f"gone since {when(row.removed_at)}"
    if row.state == "active":
        return "signs"
    if row.state == "next":
        return "waits for `serve` to publish it" if row.published_at is None else "is published, signs next"
    return f"is published until {when(_leaves(row, keep))}, longer while a SET names it"


def key_lines(rows: Sequence[KeyRow], now: float) -> list[str]:
    """Which key signs, which is next and when, and what somebody should hear: for `check`."""
    from bridge.ssf.key_warnings import key_warnings
    from bridge.ssf.ring import active, published, upcoming

    lines = []
    signing, coming = active(rows), upcoming(rows)
    if signing is not None:
        lines.append(f"key {signing.kid} signs since {when(signing.activates_at)}")
    if coming is not None:
        lines.append(f"key {coming.kid} is next, {_from(coming)}")
    retired = sum(row.state == "retired" for row in published(rows))
    if retired:
        lines.append(f"{retired} retired {'key is' if retired == 1 else 'keys are'} still published")
    return lines + [f"warning: {one.words}" + (f" ({one.kid})" if one.kid else "") for one in key_warnings(rows, now)]


def _from(row: KeyRow) -> str:
    if row.activates_at is None:
        return "and waits for `caep-bridge serve` to publish it"
    return f"published since {when(row.published_at)}, and signs from {when(row.activates_at)}"


def _published(row: KeyRow) -> bool:
    return row.published_at is not None and row.removed_at is None


def _leaves(row: KeyRow, keep: float) -> float | None:
    from bridge.ssf.ring import leaves_at

    return leaves_at(row, keep) if row.state == "retired" and row.removed_at is None else None
