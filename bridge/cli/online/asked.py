"""All questions at once, bounded in time; what each found, in one order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final

from bridge.cli.console.changing import progress
from bridge.cli.console.output import write
from bridge.cli.online.clock import clocks
from bridge.cli.online.issuer import issuer
from bridge.cli.online.keys_of_others import keys_of_others
from bridge.cli.online.line import Found, Line
from bridge.cli.online.receivers import receiver
from bridge.cli.online.sides import sides
from bridge.cli.online.vendors import vendor
from bridge.config import Loaded
from bridge.key import KeyRow
from bridge.okta.api import api_of
from bridge.parts import Parts, Ports, parts

PATIENCE: Final = 25.0
"""Seconds for one question with all that it takes: a token, two tries, a page."""

Question = tuple[str, Callable[[], Awaitable[Found]]]


async def ask_all(loaded: Loaded, known: Sequence[KeyRow]) -> list[Line]:
    """Everything that only the network can tell; raises ConfigError."""
    ports = Ports()
    built = parts(loaded, ports)
    try:
        questions = _questions(built, known, ports)
        with progress("asking", len(questions)) as advance:
            found = await asyncio.gather(*(_bounded(about, ask, advance) for about, ask in questions))
    finally:
        await built.outbound.close()
    dates = [one for each in found for one in each.dates]
    return [*(line for each in found for line in each.lines), *clocks(dates)]


def _questions(built: Parts, known: Sequence[KeyRow], ports: Ports) -> list[Question]:
    config, outbound, clock = built.config, built.outbound, ports.clock
    asked: list[Question] = [("issuer", partial(issuer, config, known, outbound, clock))]
    for name, source in built.sources.items():
        asked.append((f"connector {name}", partial(vendor, name, source, clock)))
    for name, one in config.receivers.items():
        asked.append((f"receiver {name}", partial(receiver, name, one, config, outbound, clock)))
        api = api_of(one, outbound, clock, ports.ids)
        asked += [(f"receiver {name}", ask) for ask in (sides(name, api, clock) if api is not None else [])]
    return [*asked, *keys_of_others(config, outbound, ports)]


async def _bounded(about: str, ask: Callable[[], Awaitable[Found]], advance: Callable[[int], None]) -> Found:
    try:
        async with asyncio.timeout(PATIENCE):
            return await ask()
    except TimeoutError:
        remedy = "does a firewall or delivery.proxy let this machine through?"
        return Found((Line(about, "failed", f"no answer within {PATIENCE:.0f} s", remedy),))
    finally:
        advance(1)


def show(lines: Sequence[dict[str, Any]]) -> None:
    write("\nonline")
    for line in lines:
        write(f"  {line['outcome']:<7} {line['about']}: {line['words']}")
        if line["remedy"]:
            write(f"          do: {line['remedy']}")
