"""Whether our clock is right, by the Date of everybody who answered. Pure.

A SET whose `iat` lies in the future is refused, and a webhook that signs its time is refused by us: an hour is enough
to stop everything, and looks like wrong credentials on both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Final

from bridge.cli.online.line import Dated, Line

ABOUT: Final = "clock"
TOLERANCE: Final = 60.0
"""Seconds of difference that are let pass."""
_SET_IT = "set it, and keep it by NTP (chrony, systemd-timesyncd); receivers refuse SETs from the future"


def clocks(dates: Sequence[Dated]) -> list[Line]:
    """What the clocks of others say about this machine's, and about that of our `serve`."""
    others = [one for one in dates if not one.own]
    own = [one for one in dates if one.own]
    if not others:
        lines = [Line(ABOUT, "note", "not compared with anybody's: no vendor and no receiver said its time")]
        return [*lines, *_serve(own, 0.0)]
    near = [one for one in others if abs(one.offset) <= TOLERANCE]
    if 2 * len(near) >= len(others):
        far = [one for one in others if one not in near]
        return [_right(near), *(_strange(one) for one in far), *_serve(own, 0.0)]
    truth = median(one.offset for one in others)
    return [_wrong(truth, others), *_serve(own, truth)]


def _right(near: Sequence[Dated]) -> Line:
    most = max(abs(one.offset) for one in near)
    return Line(ABOUT, "ok", f"this machine's agrees within {max(1, round(most))} s with {_names(near)}")


def _wrong(truth: float, others: Sequence[Dated]) -> Line:
    way = "behind" if truth > 0 else "ahead"
    words = f"this machine's is {duration(truth)} {way}, by the Date of {_names(others)}"
    return Line(ABOUT, "failed", words, _SET_IT)


def _strange(one: Dated) -> Line:
    way = "ahead" if one.offset > 0 else "behind"
    return Line(ABOUT, "note", f"that of {one.who} is {duration(one.offset)} {way} of the others'")


def _serve(own: Sequence[Dated], truth: float) -> list[Line]:
    """`truth`: how far everybody else is ahead of this machine."""
    lines = []
    for one in own:
        off = one.offset - truth
        if abs(off) > TOLERANCE:
            way = "ahead" if off > 0 else "behind"
            words = f"that of the machine that answers at the issuer is {duration(off)} {way}"
            lines.append(Line(ABOUT, "failed", words, _SET_IT))
    return lines


def duration(seconds: float) -> str:
    """`1 h 2 min`, `3 min 20 s`, in whole units of the two largest that count."""
    whole = abs(round(seconds))
    for unit, size, smaller, part in (("d", 86400, "h", 3600), ("h", 3600, "min", 60), ("min", 60, "s", 1)):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


def _names(several: Sequence[Dated]) -> str:
    return ", ".join(one.who for one in several)
