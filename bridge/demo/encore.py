"""What stays up after the story until Ctrl-C: URLs, further webhooks by key or by curl, a receiver that goes down."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from bridge.clock import Clock
from bridge.demo.keys import pressed
from bridge.demo.narrator import Narrator
from bridge.demo.script import Problem
from bridge.demo.stage import Stage
from bridge.demo.story import Story
from bridge.errors import BridgeError

WATCH = 0.2
"""Seconds between two looks at what the receiver took by itself."""
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 2.0
"""Seconds that a step waits for the receiver here, where it may be down on purpose."""


class Encore:
    def __init__(self, stage: Stage, story: Story, narrator: Narrator, clock: Clock) -> None:
        self._stage = stage
        self._story = story
        self._narrator = narrator
        self._clock = clock
        self._keys: asyncio.Queue[str] = asyncio.Queue()
        story.delivering = PATIENCE

    async def run(self) -> None:
        """Until a signal that ends it, or `q`."""
        with _stopped() as stop, pressed(self._keys) as has_keys:
            self._instructions(has_keys)
            while not stop.is_set():
                await self._turn(stop)

    def _instructions(self, has_keys: bool) -> None:
        stage, say = self._stage, self._narrator.say
        script = stage.vendor.script
        wish = f"{stage.vendor.url}/demo/open/{script.problems[0].key}"
        say("head", "")
        say("head", "Everything stays up until Ctrl-C.")
        say("quiet", f"   discovery       curl {stage.issuer}/.well-known/ssf-configuration")
        say("quiet", f"   what Okta got   curl {stage.receiver.url}/received")
        say("quiet", f"   the device      caep-bridge --config {stage.config} devices show {script.device}")
        say("quiet", f"   a finding       curl -X POST {wish}    (or /demo/resolve/…)")
        if has_keys:
            for number, problem in enumerate(script.problems, 1):
                say("head", f"   {number}   open or resolve “{problem.title}”")
            say("head", "   r   Okta goes down, or comes back          q   end")

    async def _turn(self, stop: asyncio.Event) -> None:
        wishes = self._stage.vendor.wishes
        if not wishes.empty():
            wish = wishes.get_nowait()
            await self._play(wish.problem, opens=wish.opens)
        elif not self._keys.empty():
            await self._key(self._keys.get_nowait(), stop)
        else:
            self._show_receipts()
            await self._clock.sleep(WATCH)

    async def _key(self, key: str, stop: asyncio.Event) -> None:
        vendor, book = self._stage.vendor, self._stage.receiver.book
        if key in "q\x04":
            stop.set()
        elif key == "r":
            book.down = not book.down
            self._narrator.say("head", "")
            self._narrator.say("receiver", "Okta answers 503 from now on" if book.down else "Okta is back")
        elif key.isdecimal() and 1 <= int(key) <= len(vendor.script.problems):
            problem = vendor.script.problems[int(key) - 1]
            await self._play(problem, opens=problem.key not in vendor.opened)

    async def _play(self, problem: Problem, *, opens: bool) -> None:
        script = self._stage.vendor.script
        self._narrator.announce(script.opened if opens else script.resolved, problem.title)
        try:
            self._narrator.played(await self._story.play(problem, opens=opens))
        except BridgeError as trouble:
            self._narrator.say("bad", f"   {trouble}")
        self._show_receipts()

    def _show_receipts(self) -> None:
        for receipt in self._story.receipts():
            self._narrator.receipt(receipt)


@contextmanager
def _stopped() -> Iterator[asyncio.Event]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in SIGNALS:
        loop.add_signal_handler(number, stop.set)
    try:
        yield stop
    finally:
        for number in SIGNALS:
            loop.remove_signal_handler(number)
