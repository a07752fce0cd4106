"""`./run bench`: how fast, and where the CPU goes.

python -m tests.bench [--seconds N] [--events N] [--rate N] [--scenario carried|kolide|all|many] [--json]
python -m tests.bench --against TREE [--pairs N] [--events N] [--scenario carried|kolide|all]
"""

from __future__ import annotations

import argparse
import os
import sys
from asyncio import Runner
from collections.abc import Sequence
from pathlib import Path

import orjson
import uvloop

from tests.bench import many, report
from tests.bench.pairs import compare
from tests.bench.run import Plan, Scenario, measure


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parser().parse_args(arguments)
    if not hasattr(os, "sched_getaffinity"):
        print("the bench needs Linux: it reads /proc and gives the service a core of its own", file=sys.stderr)
        return 2
    cores = sorted(os.sched_getaffinity(0))
    plan = Plan(chosen.seconds, chosen.events, chosen.rate, cores[0])
    if len(cores) > 1:
        os.sched_setaffinity(0, set(cores[1:]))
    elif not chosen.json:
        print("there is one core only: what is measured and what measures share it\n")
    if chosen.scenario == "many":
        return _many(many.Size(chosen.streams, chosen.subjects, chosen.seconds, cores[0]), as_json=chosen.json)
    scenarios: list[Scenario] = ["carried", "kolide"] if chosen.scenario == "all" else [chosen.scenario]
    if chosen.against is not None:
        return _compare(scenarios, plan, chosen.against, chosen.pairs)
    documents = []
    for scenario in scenarios:
        with Runner(loop_factory=uvloop.new_event_loop) as runner:
            documents.append(report.document(runner.run(measure(scenario, plan))))
        if not chosen.json:
            print(report.text(documents[-1]) + "\n", flush=True)
    if chosen.json:
        print(orjson.dumps(documents, option=orjson.OPT_INDENT_2).decode())
    return 0


def _many(size: many.Size, *, as_json: bool) -> int:
    with Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(many.measure(size))
    print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() if as_json else many.text(found))
    return 0


def _compare(scenarios: Sequence[Scenario], plan: Plan, tree: Path, pairs: int) -> int:
    if not (tree / "bridge").is_dir() or pairs < 1:
        print(f"--against wants a working tree, and one pair of rounds at least: {tree}", file=sys.stderr)
        return 2
    for scenario in scenarios:
        with Runner(loop_factory=uvloop.new_event_loop) as runner:
            print(runner.run(compare(scenario, plan, tree, pairs)) + "\n", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run bench", description="Webhooks in, SETs out, and what that costs.")
    parser.add_argument("--seconds", type=float, default=10.0, help="of full load, for each scenario (10)")
    parser.add_argument("--events", type=int, default=1000, help="devices in a round (1000)")
    parser.add_argument("--rate", type=float, default=100.0, help="webhooks a second in the open loop (100)")
    parser.add_argument("--scenario", choices=["carried", "kolide", "all", "many"], default="all")
    parser.add_argument("--streams", type=int, default=1000, help="of the scenario many (1000)")
    parser.add_argument("--subjects", type=int, default=3000, help="of one of them (3000)")
    parser.add_argument("--against", type=Path, metavar="TREE", help="compare with another working tree, in turns")
    parser.add_argument("--pairs", type=int, default=6, help="of rounds for each, with --against (6)")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of text")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
