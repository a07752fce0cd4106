"""`caep-bridge demo`: the whole line on this machine, with stand-ins on either side of it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Mapping
from textwrap import indent
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from bridge.cli.console.output import plain, write, write_json

if TYPE_CHECKING:
    from bridge.demo.narrator import Say, Tone

STYLES: Mapping[Tone, str] = {
    "head": "bold",
    "vendor": "yellow",
    "bridge": "cyan",
    "quiet": "dim",
    "receiver": "magenta",
    "good": "bold green",
    "bad": "bold red",
}


def demo(
    *,
    once: Annotated[bool, Parameter(negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Run the real service in a temporary folder, between a stand-in for a vendor's API and one for Okta.

    A device opens two findings and resolves them; each signed webhook, decision and SET is shown. Needs no network.
    Then everything stays up for further webhooks, until Ctrl-C. Exit code 0 if every SET that should arrive arrived,
    verified, and none that should not.

    Parameters
    ----------
    once
        End after the story.
    as_json
        Print JSON: the webhooks, the decoded SETs, and whether all went as it should.
    """
    say = _silent if as_json else _coloured() if sys.stdout.isatty() else _plain
    return asyncio.run(_until_signal(say, write_json if as_json else _shown_nowhere, once))


async def _until_signal(say: Say, show: Callable[[Mapping[str, Any]], None], once: bool) -> int:
    """SIGTERM and a closed terminal end it as Ctrl-C does, the temporary folder with it."""
    from bridge.demo.run import demo as play

    task = asyncio.create_task(play(say, show, once=once))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return 130


def _shown_nowhere(document: Mapping[str, Any]) -> None:
    pass


def _silent(tone: Tone, text: str) -> None:
    pass


def _plain(tone: Tone, text: str) -> None:
    write(indent(text, " " * 5) if tone == "code" else text)


def _coloured() -> Say:
    from rich.console import Console
    from rich.json import JSON
    from rich.text import Text

    console = Console(highlight=False)

    def say(tone: Tone, text: str) -> None:
        lines = JSON(plain(text), indent=2).text.split("\n") if tone == "code" else [Text(plain(text), STYLES[tone])]
        margin = " " * 5 if tone == "code" else ""
        for line in lines:
            console.print(margin, line, sep="", soft_wrap=True)

    return say
