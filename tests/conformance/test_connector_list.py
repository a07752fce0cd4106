"""What each folder of connectors/ must pass that lists a fleet: a sweep finds what looks find, never half of it."""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from bridge.connector.load import FILE, bundled, list_types
from bridge.connector.trial.replay import brief
from bridge.connector.trial.replay_list import listing_of, read_list, swept
from bridge.connector.trial.sample import Recorded
from tests.conformance.test_connector import settings

LISTING = [name for name in list_types() if "[list]" in (bundled() / name / FILE).read_text()]
CASES = [(name, file) for name in LISTING for file in sorted((bundled() / name / "samples").glob("*.list.json"))]
ids = [f"{name}-{file.stem}" for name, file in CASES]
cases = pytest.mark.parametrize(("name", "file"), CASES, ids=ids)


async def played(name: str, answers: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What a sweep comes to, and what it asked."""
    recorded = Recorded(None, answers)
    return await swept(listing_of(name, recorded, settings(name))), recorded.asked


def answers_of(file: Path) -> dict[str, Any]:
    return copy.deepcopy(dict(read_list(file)["answers"]))


async def flipped(name: str, file: Path, change: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """The sweep once for each page of each list, with that page changed."""
    good = answers_of(file)
    _, pages = await played(name, good)
    found = []
    for page in pages:
        answers = copy.deepcopy(good)
        answers[page] = change(answers[page])
        found.append((page, (await played(name, answers))[0]))
    return iter(found)


@pytest.mark.parametrize("name", LISTING)
def test_a_connector_with_a_list_has_a_sample_of_it(name: str) -> None:
    assert [case for case, _ in CASES if case == name]


@cases
async def test_a_sweep_comes_to_what_is_expected(name: str, file: Path) -> None:
    case = read_list(file)
    found, asked = await played(name, answers_of(file))
    assert json.loads(json.dumps(found)) == {"devices": case["devices"], "faults": case["faults"]}
    assert len(asked) == len(set(asked)) > len({one.partition("?")[0] for one in asked}), "a list has more than a page"


@cases
async def test_a_listed_device_is_what_a_look_at_it_finds(name: str, file: Path) -> None:
    case = read_list(file)
    ours = listing_of(name, Recorded(None, answers_of(file)), settings(name))
    for device in case["devices"]:
        found = await ours.snapshot(device["device_id"], 0.0)
        assert json.loads(json.dumps(brief(asdict(found), keep=("present", "managed")))) == device


@cases
@pytest.mark.parametrize(
    "change",
    [
        lambda good: {"text": "<html><body>Sign in</body></html>"},
        lambda good: {"text": json.dumps(good["body"])[: len(json.dumps(good["body"])) // 2]},
        lambda good: {"status": 500, "body": {}},
        lambda good: {"status": 403, "body": {}},
        lambda good: {"status": 404, "body": {}},
        lambda good: {"body": {}},
        lambda good: {"body": []},
        lambda good: {"body": None},
        lambda good: {"fails": "timeout"},
    ],
    ids=["html", "half", "500", "403", "404", "no_keys", "bare_list", "null", "timeout"],
)
async def test_a_page_that_is_none_ends_the_sweep(name: str, file: Path, change: Any) -> None:
    whole = read_list(file)["devices"]
    for page, found in await flipped(name, file, change):
        assert "failed" in found, page
        assert found["devices"] == whole[: len(found["devices"])], page
        assert len(found["devices"]) < len(whole), page


@cases
async def test_a_page_in_the_place_of_another_ends_the_sweep(name: str, file: Path) -> None:
    good = answers_of(file)
    _, asked = await played(name, good)
    for before, page in itertools.pairwise(asked):
        if before.partition("?")[0] == page.partition("?")[0]:
            found, _ = await played(name, {**good, page: good[before]})
            assert "failed" in found and len(found["devices"]) < len(read_list(file)["devices"]), page


@cases
async def test_a_member_that_is_missing_makes_nobody_healthier(name: str, file: Path) -> None:
    """One member after the other is left out of, or odd in, the first row of each page: a device is then as before,
    worse, or without an answer."""
    good = answers_of(file)
    whole = {one["device_id"]: one for one in read_list(file)["devices"]}
    _, asked = await played(name, good)
    for page in asked:
        rows = next(value for value in good[page]["body"].values() if isinstance(value, list))
        for key in rows[0]:
            for odd in ({}, {key: {"marker": 1}}, {key: ["marker"]}):
                changed = copy.deepcopy(good)
                body = changed[page]["body"]
                first = next(value for value in body.values() if isinstance(value, list))
                first[0] = {**{name: value for name, value in first[0].items() if name != key}, **odd}
                found, _ = await played(name, changed)
                assert "marker" not in str(found["faults"]) + found.get("failed", "")
                for device in found["devices"]:
                    before = whole.get(device["device_id"], {})
                    told = {one["key"] for one in device.get("findings", ()) if not one.get("exempt")}
                    known = {one["key"] for one in before.get("findings", ()) if not one.get("exempt")}
                    assert known <= told, (page, key, odd)
                    assert device.get("status") in (None, before.get("status")), (page, key, odd)
