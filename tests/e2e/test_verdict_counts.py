"""How many devices each judgement would fail now: `init` as a process of its own, against a vendor on loopback."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from bridge.cli.check.verdict_counts import Count, count_all, lines
from bridge.config import Loaded, load
from tests.e2e.kolide import KolideApi, Trouble
from tests.e2e.service import ROOT

INSECURE = {"CAEP_BRIDGE_DELIVERY__ALLOW_INSECURE_TARGETS": "true"}


async def init(folder: Path, api: KolideApi, *more: str, **environ: str) -> tuple[int, str]:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "bridge", "init", "--issuer", "https://a.example", "--connector", "kolide",
        "--set", "api_key=env:KEY", "--set", "judge=trust", *more, cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONPATH": str(ROOT), **INSECURE, **environ,
             "CAEP_BRIDGE_CONNECTORS__KOLIDE__BASE_URL": api.url},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, stdin=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    out, err = await asyncio.wait_for(child.communicate(), 60)
    assert child.returncode is not None
    return child.returncode, out.decode() + err.decode()


def fleet(api: KolideApi, devices: int = 4) -> None:
    for n in range(1, devices + 1):
        api.add(n, n if n > 1 else None)
    api.laptops[1].issues = {1: False}  # nobody's
    api.laptops[2].issues = {2: False, 3: True}
    api.laptops[3].issues = {3: True}


async def test_init_says_how_many_devices_each_judgement_would_fail(tmp_path: Path) -> None:
    async with KolideApi() as api:
        fleet(api)
        code, said = await init(tmp_path, api, KEY=api.key)
    assert code == 0, said
    assert "issues        would fail 1 of 4 devices now (1 without a verdict)" in said
    assert "trust         would fail 0 of 4 devices now" in said
    assert "trust_strict  would fail 1 of 4 devices now" in said
    assert api.key not in said and sorted(one.name for one in tmp_path.iterdir()) == ["config.toml"]


async def test_a_vendor_that_refuses_is_said_and_the_file_is_written(tmp_path: Path) -> None:
    async with KolideApi() as api:
        code, said = await init(tmp_path, api, KEY="wrong-key-1")
    assert code == 0 and (tmp_path / "config.toml").exists()
    assert "connector kolide: no device could be counted: denied: list.join.issues (GET /issues)" in said
    assert "401" in said and "wrong-key-1" not in said


async def test_without_the_key_and_offline_nobody_is_asked(tmp_path: Path) -> None:
    async with KolideApi() as api:
        code, said = await init(tmp_path, api)
        assert code == 0 and "not set here: KEY" in said
        code, said = await init(tmp_path, api, "--offline", "--force", KEY=api.key)
        assert code == 0 and "would fail" not in said and not api.asked


def loaded(folder: Path, api: KolideApi) -> Loaded:
    (folder / "config.toml").write_text(
        f"""
        [transmitter]
        issuer = "https://a.example"
        [connectors.kolide]
        type = "kolide"
        signing_secret = "0123456789abcdef"
        api_key = "{api.key}"
        base_url = "{api.url}"
        judge = "issues"
        [connectors.folding]
        type = "kolide"
        signing_secret = "0123456789abcdef"
        judge = "issues"
        """
    )
    return load(folder / "config.toml", INSECURE)


async def test_a_count_is_of_the_whole_fleet_page_by_page(tmp_path: Path) -> None:
    async with KolideApi() as api:
        fleet(api, 12)
        api.page_size = 5
        [found] = await count_all(loaded(tmp_path, api))
    assert found == Count(
        "kolide",
        "issues",
        12,
        fails={"issues": 1, "enforced": 0, "trust": 0, "trust_strict": 1},
        undecided={"issues": 1, "enforced": 1, "trust": 1, "trust_strict": 1},
    )
    assert found.as_json()["whole"] is True
    assert any(line.endswith("<- chosen") and "issues " in line for line in lines(found))


@pytest.mark.parametrize(("at", "devices"), [("issues", 0), ("devices", 0)])
async def test_a_vendor_that_hangs_is_left_in_time(tmp_path: Path, at: str, devices: int) -> None:
    async with KolideApi() as api:
        fleet(api)
        api.trouble = Trouble("hang", at=at, delay=5.0)
        [found] = await count_all(loaded(tmp_path, api), within=0.5)
    assert found.devices == devices and found.problem == "not all of its lists were read within 0 s"
    assert list(lines(found)) == [f"connector kolide: no device could be counted: {found.problem}"]


async def test_a_count_that_stops_halfway_says_of_how_many_it_is(tmp_path: Path) -> None:
    async with KolideApi() as api:
        fleet(api, 12)
        api.page_size = 5
        api.flip_list = lambda what, cursor, page: {} if what == "devices" and cursor == "c5" else page
        [found] = await count_all(loaded(tmp_path, api))
    assert found.devices == 5 and found.as_json()["whole"] is False
    assert next(lines(found)).startswith("connector kolide: only the first 5 devices were counted: missing: list (GET")
