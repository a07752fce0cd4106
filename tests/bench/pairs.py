"""Two working trees compared: a service of each on the same core, in turns, so that both have the same weather."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from tests.bench.run import Plan, Rig, Round, Scenario, mean_used
from tests.bench.service import ROOT

_SIGNER = "sign_0"
_PARTS = ("loop", "store-writer", "store-reader")


async def compare(scenario: Scenario, plan: Plan, other: Path, rounds: int) -> str:
    """A table. CPU milliseconds an event, without the thread that signs: lowest and median over so many pairs of
    rounds. Neighbours on the machine only ever add to a round, so the lowest tell most."""
    trees = (other.resolve(), ROOT)
    found: list[list[tuple[Round, Round]]] = [[], []]
    with ExitStack() as stack:
        rigs = []
        for tree in trees:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="caep-bench-"))
            rigs.append(await Rig.open(scenario, Path(folder), plan, stages=False, root=tree))
            stack.callback(rigs[-1].close)
        for turn in range(rounds):
            for side in (0, 1) if turn % 2 == 0 else (1, 0):
                found[side].append(await rigs[side].pair(plan.events))
    lines = [f"{scenario}: CPU an event without signing, ms, lowest (median) of {rounds} rounds"]
    for kind, place in (("new devices", 0), ("recoveries", 1)):
        for name, pairs in zip(("other", "here"), found, strict=True):
            lines.append(f"  {kind:12} {name:6} {_row([pair[place] for pair in pairs])}")
    return "\n".join(lines)


def _row(rounds: Sequence[Round]) -> str:
    used = [mean_used([one]) for one in rounds]
    columns = {"all": [one.total - one.threads.get(_SIGNER, 0.0) for one in used]}
    columns |= {part: [one.threads.get(part, 0.0) for one in used] for part in _PARTS}
    return "  ".join(f"{name} {min(spent) * 1e3:.3f} ({median(spent) * 1e3:.3f})" for name, spent in columns.items())
