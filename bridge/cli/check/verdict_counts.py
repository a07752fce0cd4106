"""How many devices each judgement would fail now: for `init`, before one is chosen, and for `check --online`.

The vendor is asked for its lists. Nothing is stored, and nobody is told.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing, contextmanager
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from bridge.cli.console.output import plain, some, write
from bridge.model import LookFailed

if TYPE_CHECKING:
    from bridge.clock import Clock
    from bridge.config import Loaded
    from bridge.connector.connector import Connector

LIMIT: Final = 120.0
"""Seconds that a count may take."""


@dataclass(slots=True)
class Count:
    """Of `devices` that could be read, and of `unreadable` that could not. `problem`: why it is not the whole fleet,
    "" if it is. By judgement: `fails`, and `undecided`, those without a verdict."""

    connector: str
    chosen: str
    devices: int = 0
    unreadable: int = 0
    problem: str = ""
    fails: dict[str, int] = field(default_factory=dict)
    undecided: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "whole": not self.problem}


async def count_all(loaded: Loaded, *, within: float = LIMIT) -> list[Count]:
    """Of each connector that can list its fleet. Raises ConfigError for a configuration that cannot run."""
    from bridge.parts import Ports, parts

    ports = Ports()
    made = parts(loaded, ports)
    try:
        listing = [source for source in made.sources.values() if source.has_list]
        return list(await asyncio.gather(*(count(source, ports.clock, within=within) for source in listing)))
    finally:
        await made.outbound.close()


async def count(source: Connector, clock: Clock, *, within: float = LIMIT) -> Count:
    """Never raises for what the vendor does: the count then says how far it came, and why no further."""
    found = Count(source.name, source.judge.name)
    found.fails = dict.fromkeys(source.judgements, 0)
    found.undecided = dict.fromkeys(source.judgements, 0)
    with _progress(source.name) as heard:
        try:
            async with asyncio.timeout(within), aclosing(source.sweep(every_judgement=True, heard=heard)) as pages:
                async for page in pages:
                    _add(found, source, page, clock.now())
        except LookFailed as failed:
            found.problem = f"{failed.kind}: {failed.detail}"
        except TimeoutError:
            found.problem = f"not all of its lists were read within {within:.0f} s"
    return found


def _add(found: Count, source: Connector, page: Any, now: float) -> None:
    from bridge.connector.verdicts import verdict_of

    found.unreadable += len(page.faults)
    found.devices += len(page.snapshots)
    for snapshot in page.snapshots:
        for name in found.fails:
            status = verdict_of(source, snapshot, name, now).status
            found.fails[name] += status == "not-compliant"
            found.undecided[name] += status is None


def lines(found: Count) -> Iterator[str]:
    """What a count says, for people."""
    if found.problem and not found.devices:
        yield f"connector {found.connector}: no device could be counted: {found.problem}"
        return
    whole = some(found.devices, "device")
    if found.problem:
        yield f"connector {found.connector}: only the first {whole} were counted: {found.problem}"
    width = max(map(len, found.fails))
    for name, failing in found.fails.items():
        chosen = "  <- chosen" if name == found.chosen else ""
        yield f"  {name:<{width}}  would fail {failing} of {whole} now{_undecided(found, name)}{chosen}"
    if found.unreadable:
        yield f"  {found.unreadable} more could not be read from the lists"


def _undecided(found: Count, name: str) -> str:
    return f" ({found.undecided[name]} without a verdict)" if found.undecided[name] else ""


def show(counts: list[Count]) -> None:
    for found in counts:
        if found.devices or not found.problem:
            write(f"\nconnector {found.connector}: how many devices each judgement would fail")
        for line in lines(found):
            write(line)


@contextmanager
def _progress(name: str) -> Iterator[Callable[[str, int], None]]:
    """On stderr, where it is a terminal, how many rows of each list were read."""
    if not sys.stderr.isatty():
        yield lambda kind, rows: None
        return
    from rich.console import Console

    read: dict[str, int] = {}
    with Console(stderr=True).status(plain(f"{name}: asking for the lists")) as status:

        def heard(kind: str, rows: int) -> None:
            read[kind] = read.get(kind, 0) + rows
            status.update(plain(f"{name}: {_spelled(read)}"))

        yield heard


def _spelled(read: Mapping[str, int]) -> str:
    return ", ".join(f"{rows} {kind}" for kind, rows in read.items())
