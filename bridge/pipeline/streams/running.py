"""running: a stream as it runs now, and which of its SETs may go (SSF 1.0 §8.1.2). Pure."""

from __future__ import annotations

from typing import Final

from bridge.model import Stream, StreamStatus
from bridge.store.records import Rank, StreamRow
from bridge.value import value

UNSAID: Final = "by an operator"
"""What stands for an operator's reason where none was given. Who it was only the audit log knows."""


@value
class Running:
    """`row` is its identity and its health as the store had it when it began to run; `reach`: no later rank goes."""

    stream: Stream
    row: StreamRow
    reach: Rank = Rank.EVENT


def status_of(stream: Stream) -> StreamStatus:
    """Disabled wins over paused."""
    if not stream.enabled or stream.orphaned:
        return "disabled"
    return "paused" if stream.paused else "enabled"


def reach_of(stream: Stream, compared: bool) -> Rank:
    """A stream that is paused or disabled still gets the stream-updated that says so. One that is not verified, or goes
    on and was not compared with its ledger yet, gets what is no event."""
    if status_of(stream) != "enabled":
        return Rank.UPDATE
    return Rank.EVENT if compared and stream.verified else Rank.VERIFICATION


def reason_of(one: Running) -> str:
    """Why the stream has its status, as its receiver reads it; "" where nothing was said."""
    if one.row.paused:
        said = "" if one.row.paused == UNSAID else f": {one.row.paused}"
        return f"paused by the transmitter's operator{said}"
    return one.row.subscription.reason if one.row.subscription is not None else ""
