"""What can still be read of a body that `tree.read_json` refuses: enough to ring the doorbell of its device.

Whoever may name a laptop could otherwise, with a NUL in the name, keep us from ever looking at it.
"""

from __future__ import annotations

import json
import math

from bridge.connector.language.tree import MAX_DEPTH, MAX_INT, spell

_LONGEST = 25
"""Characters of a number beyond which it is surely out of range: none is converted that is longer."""
_SPOILED = object()


def salvage(body: bytes) -> tuple[object, str]:
    """(the sound part, the path of the first spot that is not).

    Members and elements with NUL, a lone surrogate, bytes that are not UTF-8, a number that is none or beyond 64 bits,
    or deeper than 64 levels are left out. (None, "") if there is nothing that could be walked.
    """
    try:
        tree = json.loads(body.decode("utf-8", "surrogateescape"), parse_int=_whole)
    except (ValueError, RecursionError):
        return None, ""
    spoiled: list[tuple[object, ...]] = []
    sound = _sound(tree, (), spoiled, 1)
    return (None if sound is _SPOILED else sound), (spell(spoiled[0]) if spoiled else "")


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) < _LONGEST else math.inf


def _sound(value: object, path: tuple[object, ...], spoiled: list[tuple[object, ...]], depth: int) -> object:
    if isinstance(value, dict | list) and depth <= MAX_DEPTH:
        return _sound_members(value, path, spoiled, depth + 1)
    if not isinstance(value, dict | list) and _is_sound(value):
        return value
    spoiled.append(path)
    return _SPOILED


def _sound_members(
    value: dict[str, object] | list[object], path: tuple[object, ...], spoiled: list[tuple[object, ...]], depth: int
) -> object:
    if isinstance(value, list):
        elements = (_sound(part, (path, index), spoiled, depth) for index, part in enumerate(value))
        return [part for part in elements if part is not _SPOILED]
    members = {}
    for key, part in value.items():
        if not _is_sound(key):
            spoiled.append(path)
        elif (kept := _sound(part, (path, key), spoiled, depth)) is not _SPOILED:
            members[key] = kept
    return members


def _is_sound(value: object) -> bool:
    if isinstance(value, str):
        return "\x00" not in value and (value.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in value))
    if isinstance(value, int | float):
        return -MAX_INT - 1 <= value <= MAX_INT
    return True
