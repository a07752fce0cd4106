"""The bench runs, counts right, and notices what is missing. Nothing here says how fast anything is."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.bench.fleet import Fleet
from tests.bench.service import ROOT

EVENTS = 6
STEADY = 10

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the bench needs Linux")


@pytest.mark.parametrize(("scenario", "lookups"), [("carried", (0, 0)), ("kolide", (3, 2))])
def test_it_runs_and_counts(scenario: str, lookups: tuple[int, int]) -> None:
    command = [sys.executable, "-m", "tests.bench", "--json", "--scenario", scenario]
    command += ["--seconds", "0.2", "--events", str(EVENTS), "--rate", str(STEADY * 10)]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    assert found["scenario"] == scenario
    assert found["rounds"] >= 2 and found["rounds"] % 2 == 0
    assert found["events"] == found["rounds"] * EVENTS + STEADY
    assert (found["lookups"]["first"], found["lookups"]["again"]) == lookups
    assert found["signing"]["verified"] == min(50, 2 * EVENTS + found["events"])
    assert 0 < found["share"]["first"] < 1
    stages = found["stages_ms"]
    assert sum(spent for name, spent in stages.items() if name != "all") == pytest.approx(stages["all"], rel=0.05)


def test_it_compares_two_trees_in_turns() -> None:
    command = [sys.executable, "-m", "tests.bench", "--against", str(ROOT), "--scenario", "carried"]
    command += ["--pairs", "1", "--events", str(EVENTS)]
    done = subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.strip().splitlines()
    assert head.startswith("carried")
    assert [row.split()[:3] for row in rows] == [
        ["new", "devices", "other"], ["new", "devices", "here"],
        ["recoveries", "other", "all"], ["recoveries", "here", "all"],
    ]  # fmt: skip
    assert all(float(row.partition("all ")[2].split()[0]) > 0 for row in rows)


def _told(fleet: Fleet, device: int, status: str) -> None:
    event = {"subject": {"device": {"id": fleet.name(device)}}, "current_status": status}
    payload = orjson.dumps({"events": {"type": event}})
    fleet.tell("/events", b"e30." + _encoded(payload) + b".c2ln")


def _encoded(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def test_a_wrong_or_repeated_set_is_noticed() -> None:
    fleet = Fleet("carried")
    tally = fleet.begin(failing=True)
    _told(fleet, 1, "not-compliant")
    assert not tally.wrong and set(tally.told) == {"carried:1"}
    _told(fleet, 1, "not-compliant")
    assert len(tally.wrong) == 1
    _told(fleet, 2, "compliant")
    assert len(tally.wrong) == 2
