"""What commands print: tables for people on stdout, JSON for programs on stdout, messages on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from typing import Any

_STEERING = (*range(127, 160), 0x061C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
"""Controls beyond ASCII's own, and what turns the direction of text or breaks its line."""
_CONTROL = {code: None for code in (*range(32), *_STEERING) if code not in (9, 10)}
_ESCAPED = {code: f"\\u{code:04x}" for code in _STEERING}
_LAST = 24
"""Characters that the last column of a table gets at least, if it has so many."""


def say(message: str) -> None:
    """A message for the operator, on stderr."""
    print(plain(message), file=sys.stderr, flush=True)


def write(text: str = "") -> None:
    """A line of the answer, on stdout."""
    print(plain(text), flush=True)


def write_json(value: object) -> None:
    """One JSON document on stdout. Dataclasses become objects; a secret becomes its mask; controls are escaped."""
    print(json.dumps(value, default=_jsonable, indent=2, ensure_ascii=False).translate(_ESCAPED), flush=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], *, empty: str = "nothing to show") -> None:
    """A table on stdout; into a file or pipe, tab-separated lines with one heading line."""
    lines = [[plain("" if cell is None else str(cell)) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        for line in [list(columns), *lines]:
            print("\t".join(" ".join(cell.split()) for cell in line))
        return
    if not lines:
        say(empty)
        return
    _rich_table(columns, lines)


def pairs(items: Iterable[tuple[str, object]]) -> None:
    """`name: value` lines with the values in one column."""
    filled = [(name, plain("" if value is None else str(value))) for name, value in items]
    width = max((len(name) for name, _ in filled), default=0) + 2
    for name, value in filled:
        write(f"{name + ':':<{width}}{value}".rstrip())


def when(at: float | None) -> str:
    """`2026-11-22 13:45:10Z`, or "" for None."""
    return "" if at is None else datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def some(count: int, one: str, many: str = "") -> str:
    """`1 person`, `3 people`; without `many` an s is added."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def plain(text: str) -> str:
    """Without control characters: what a vendor or a receiver said must not steer the terminal."""
    return text.translate(_CONTROL)


def _rich_table(columns: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    """Only the last column is folded. What a narrow terminal cannot hold then, it wraps itself: no id is torn apart."""
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, header_style="bold")
    widths = [max(map(cell_len, cells)) for cells in zip(columns, *lines, strict=True)]
    for column in columns:
        shown.add_column(column, overflow="fold", no_wrap=column is not columns[-1])
    for line in lines:
        shown.add_row(*(Text(cell) for cell in line))
    needed = sum(widths[:-1]) + min(widths[-1], _LAST) + 2 * len(columns)
    Console(width=max(Console().width, needed)).print(shown)


def _jsonable(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    return str(value)


def listed(value: object) -> object:
    """Several values in one line."""
    return ", ".join(str(item) for item in value) if isinstance(value, list) else value
