"""What a vendor's API answers: as strict as `tree.read_json`, but for characters that no text may hold.

They become U+FFFD. Whoever may name a laptop could otherwise, with a NUL in the name, keep us from ever judging it, and
everybody else on the same page of a list.
"""

from __future__ import annotations

import json
import re
from typing import Final

from bridge.connector.language.tree import MAX_DEPTH, NotJson, inspect, read_json

_UNFIT: Final = re.compile("[\x00\ud800-\udfff]")


def read_answer(body: bytes) -> object:
    """Raises NotJson, as `read_json` does of the body."""
    try:
        return read_json(body)
    except NotJson as problem:
        try:
            tree: object = json.loads(body.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            raise problem from None
        fit = _fit(tree, 0)
        inspect(fit)
        return fit


def _fit(value: object, depth: int) -> object:
    """Deeper than `inspect` goes, it is left for `inspect` to refuse."""
    if isinstance(value, str):
        return _UNFIT.sub("\ufffd", value)
    if depth > MAX_DEPTH:
        return value
    if isinstance(value, dict):
        return {_UNFIT.sub("\ufffd", key): _fit(part, depth + 1) for key, part in value.items()}
    if isinstance(value, list):
        return [_fit(part, depth + 1) for part in value]
    return value
