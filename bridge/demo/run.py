"""The demo from its first line to its exit code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bridge.clock import SystemClock, SystemIds
from bridge.demo.encore import Encore
from bridge.demo.narrator import Narrator, Say
from bridge.demo.report import document, faults
from bridge.demo.script import find
from bridge.demo.stage import Stage, stage
from bridge.demo.story import Played, Story
from bridge.receiver.book import Receipt


async def demo(say: Say, show: Callable[[Mapping[str, Any]], None], *, once: bool) -> int:
    """`show` is given the JSON of the story at its end. Without `once` everything then stays up until a signal.

    Returns the exit code: 0 if every SET that should arrive arrived, verified, and no other did.
    """
    clock = SystemClock()
    async with stage(find(), clock, SystemIds()) as made:
        narrator = Narrator(made, say)
        story = Story(made, clock)
        narrator.opening()
        steps, receipts = await _tell(story, narrator)
        wrong = _faults(made, steps, receipts)
        narrator.verdict(steps, wrong)
        show(document(steps, receipts, not wrong))
        if not once:
            await Encore(made, story, narrator, clock).run()
    return 1 if wrong else 0


async def _tell(story: Story, narrator: Narrator) -> tuple[list[Played], list[Receipt]]:
    script = story.stage.vendor.script
    steps: list[Played] = []
    receipts: list[Receipt] = []
    narrator.listed(await story.listed())
    for problem, opens in story.steps():
        narrator.announce(script.opened if opens else script.resolved, problem.title)
        steps.append(await story.play(problem, opens=opens))
        narrator.played(steps[-1])
        receipts += _new(story, narrator)
    await story.grace()
    return steps, receipts + _new(story, narrator)


def _new(story: Story, narrator: Narrator) -> list[Receipt]:
    new = story.receipts()
    for receipt in new:
        narrator.receipt(receipt)
    return new


def _faults(made: Stage, steps: Sequence[Played], receipts: Sequence[Receipt]) -> list[str]:
    script = made.vendor.script
    return faults(steps, receipts, script.login, f"{made.connector}:{script.device}")
