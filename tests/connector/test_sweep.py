"""A sweep: every device as a look would find it, and nothing from an answer that may not be whole."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from bridge.connector.lists.sweep import SweepPage
from bridge.model import LookFailed, Snapshot
from tests.connector.fleet import MANIFEST, Fleet, connect, swept
from tests.connector.scene import NOW, Hand, failed


def snapshots(pages: list[SweepPage]) -> list[Snapshot]:
    return [one for page in pages for one in page.snapshots]


def faults(pages: list[SweepPage]) -> list[tuple[str | None, str]]:
    return [(one.device_id, one.detail) for page in pages for one in page.faults]


async def refused(tmp_path: Path, fleet: Fleet, manifest: str = MANIFEST) -> tuple[LookFailed, list[SweepPage]]:
    """What the sweep fails with, and the pages that came before."""
    pages: list[SweepPage] = []
    with pytest.raises(LookFailed) as caught:
        async for page in connect(tmp_path, fleet, manifest).sweep():
            pages.append(page)
    return caught.value, pages


async def test_each_listed_device_is_what_a_look_at_it_gives(tmp_path: Path) -> None:
    fleet = Fleet()
    ours = connect(tmp_path, fleet)
    pages = await swept(ours.sweep())
    assert [[one.device_id for one in page.snapshots] for page in pages] == [["d1", "d2"], ["d3", "d4"], ["d5"]]
    assert faults(pages) == [] and pages[-1].next is None and all(page.next for page in pages[:-1])
    for one in snapshots(pages):
        assert one == await ours.snapshot(one.device_id, NOW)
    assert [len(one.findings) for one in snapshots(pages)] == [2, 1, 0, 0, 0]


async def test_lists_are_asked_page_by_page_and_joins_first(tmp_path: Path) -> None:
    fleet = Fleet()
    await swept(connect(tmp_path, fleet).sweep())
    kinds = [path.strip("/").partition("?")[0] for path in fleet.asked]
    assert kinds == ["issues"] * 2 + ["people"] * 3 + ["devices"] * 3


async def test_taken_at_is_when_the_joins_began(tmp_path: Path) -> None:
    fleet, clock = Fleet(), Hand()

    def slowly(name: str, cursor: str, answer: Any) -> Any:
        clock.at += 60
        return answer

    fleet.flip = slowly
    pages = await swept(connect(tmp_path, fleet, clock=clock).sweep())
    assert {one.taken_at for one in snapshots(pages)} == {NOW}


async def test_members_of_the_row_stand_for_other_questions(tmp_path: Path) -> None:
    joins = MANIFEST.index("[list.join.issues]"), MANIFEST.index("[judge.any]")
    manifest = MANIFEST[: joins[0]] + 'inline = { issues = "problems", person = "?user" }\n' + MANIFEST[joins[1] :]
    fleet, clock = Fleet(3), Hand()
    for one in fleet.devices:
        one.update(problems=[], user={"email": "x@acme.example"})
    fleet.devices[0]["problems"] = [{"id": 1, "title": "Disk", "exempt": False}]
    fleet.devices[1]["user"] = None
    del fleet.devices[2]["problems"]

    def slowly(name: str, cursor: str, answer: Any) -> Any:
        clock.at += 60
        return answer

    fleet.flip = slowly
    pages = await swept(connect(tmp_path, fleet, manifest, clock).sweep())
    one, two = snapshots(pages)
    assert [len(one.findings), len(two.findings)] == [1, 0]
    assert one.owner is not None and one.owner.email == "x@acme.example"
    assert two.owner is not None and two.owner.email is None
    assert faults(pages) == [("d3", "list.inline.issues: problems is missing")]
    assert one.taken_at == NOW, "when its page was asked for"


@pytest.mark.parametrize("devices", [0, 1, 2, 4])
async def test_any_length_is_read_to_its_end(tmp_path: Path, devices: int) -> None:
    pages = await swept(connect(tmp_path, Fleet(devices)).sweep())
    assert len(snapshots(pages)) == devices and pages[-1].next is None


# -- resuming ---------------------------------------------------------------------------------------


async def test_another_process_goes_on_where_one_stopped(tmp_path: Path) -> None:
    first = await swept(connect(tmp_path, Fleet()).sweep())
    fleet = Fleet()
    rest = await swept(connect(tmp_path, fleet).sweep(first[0].next))
    assert [one.device_id for one in snapshots(rest)] == ["d3", "d4", "d5"]
    assert snapshots(rest) == snapshots(first[1:]), "the joins are listed anew"
    assert fleet.asked[:2] == ["/issues?per_page=2", "/issues?cursor=2&per_page=2"]


@pytest.mark.parametrize(
    "said", [(400, {"error": "bad cursor"}), (404, {}), {"data": [], "next": ""}, {"oops": 1}, "<html>"]
)
async def test_a_cursor_that_holds_no_longer_begins_anew(tmp_path: Path, said: Any) -> None:
    first = await swept(connect(tmp_path, Fleet()).sweep())
    fleet = Fleet()
    refuse = [said]
    fleet.flip = lambda name, cursor, answer: refuse.pop() if name == "devices" and cursor and refuse else answer
    assert len(snapshots(await swept(connect(tmp_path, fleet).sweep(first[0].next)))) == 5


@pytest.mark.parametrize(
    "saved", ["", "x", "[]", "{}", '{"of":"0","next":"https://evil.example/","number":1,"count":1}']
)
async def test_what_is_no_cursor_of_this_list_begins_anew(tmp_path: Path, saved: str) -> None:
    assert len(snapshots(await swept(connect(tmp_path, Fleet()).sweep(saved)))) == 5


async def test_a_saved_cursor_never_leads_to_another_host(tmp_path: Path) -> None:
    page = (await swept(connect(tmp_path, Fleet()).sweep()))[0]
    state = json.loads(page.next or "")
    fleet = Fleet()
    away = json.dumps({**state, "next": "https://evil.example/devices?cursor=2"})
    assert len(snapshots(await swept(connect(tmp_path, fleet).sweep(away)))) == 5


async def test_a_vendor_that_is_down_on_resuming_is_down(tmp_path: Path) -> None:
    first = await swept(connect(tmp_path, Fleet()).sweep())
    fleet = Fleet()
    fleet.flip = lambda name, cursor, answer: (503, {}) if name == "devices" else answer
    with pytest.raises(LookFailed) as caught:
        await swept(connect(tmp_path, fleet).sweep(first[0].next))
    assert caught.value.kind == "down"


# -- answers that are not whole ---------------------------------------------------------------------


def flips(name: str) -> dict[str, tuple[Any, str, str]]:
    """What a list answers at the second page, and the failure that this must be."""
    return {
        "html": ("<html>", "malformed", "not JSON"),
        "keyless": ({"rows": []}, "malformed", "lacks data"),
        "no_next": ({"data": []}, "malformed", "lacks next"),
        "null_data": ({"data": None, "next": ""}, "malformed", "lacks data"),
        "no_list": ({"data": {}, "next": ""}, "malformed", "no list"),
        "loop": (lambda good: {**good, "next": "2"}, "malformed", "names a page that we had already"),
        "denied": ((403, {}), "denied", "403"),
        "missing": ((404, {}), "missing", "404"),
        "refused": ((400, {}), "refused", "400"),
        "down": ((500, {}), "down", "500"),
        "no_connection": (failed("connect"), "down", "connect"),
    }


@pytest.mark.parametrize("name", ["devices", "people", "issues"])
@pytest.mark.parametrize("case", list(flips("")))
async def test_a_second_page_that_is_none_ends_the_sweep(tmp_path: Path, name: str, case: str) -> None:
    said, kind, words = flips(name)[case]
    fleet = Fleet(6)

    def flip(asked: str, cursor: str, good: Any) -> Any:
        if asked != name or cursor != "2":
            return good
        return said(good) if callable(said) else said

    fleet.flip = flip
    failure, pages = await refused(tmp_path, fleet)
    assert failure.kind == kind and words in failure.detail
    assert f"(GET /{name})" in failure.detail
    assert len(pages) == (1 if name == "devices" else 0), "no device is told from half a join"


@pytest.mark.parametrize("name", ["devices", "people", "issues"])
async def test_a_page_that_comes_again_ends_the_sweep(tmp_path: Path, name: str) -> None:
    fleet = Fleet(6)
    fleet.issues += [{**fleet.issues[0], "id": 9}, {**fleet.issues[0], "id": 10}]
    first = fleet._paged(getattr(fleet, name), "")["data"]
    fleet.flip = lambda asked, cursor, good: {**good, "data": first} if asked == name and cursor == "4" else good
    failure, pages = await refused(tmp_path, fleet)
    assert failure.kind == "malformed" and "repeats" in failure.detail
    assert len(pages) == (2 if name == "devices" else 0)


async def test_a_page_of_devices_that_came_before_ends_the_sweep(tmp_path: Path) -> None:
    """The same devices in another order, with other facts."""
    fleet = Fleet(6)
    again = [{**one, "name": "other"} for one in reversed(fleet.devices[:2])]
    fleet.flip = lambda asked, cursor, good: {**good, "data": again} if asked == "devices" and cursor == "4" else good
    failure, pages = await refused(tmp_path, fleet)
    assert "repeats devices that came before" in failure.detail and len(pages) == 2


async def test_an_empty_list_is_no_device(tmp_path: Path) -> None:
    fleet = Fleet()
    fleet.flip = lambda asked, cursor, good: {"data": [], "next": ""} if asked == "devices" else good
    pages = await swept(connect(tmp_path, fleet).sweep())
    assert snapshots(pages) == [] and faults(pages) == []


async def test_a_total_that_is_not_reached_ends_the_sweep(tmp_path: Path) -> None:
    manifest = MANIFEST.replace('param = "cursor", ', 'param = "cursor", total = "?total", ')
    fleet = Fleet(4)
    fleet.flip = lambda asked, cursor, good: {**good, "total": 4} if asked == "devices" else good
    assert [page.total for page in await swept(connect(tmp_path, fleet, manifest).sweep())] == [4, 4]
    fleet.flip = lambda asked, cursor, good: {**good, "total": 8} if asked == "devices" else good
    failure, pages = await refused(tmp_path, fleet, manifest)
    assert "ends before its total is reached" in failure.detail and len(pages) == 1


# -- rows -------------------------------------------------------------------------------------------


async def test_a_row_that_cannot_be_read_is_a_fault_of_that_row(tmp_path: Path) -> None:
    fleet = Fleet(5)
    del fleet.devices[0]["id"]
    fleet.devices[1]["id"] = {"not": "text"}
    del fleet.devices[2]["state"]
    fleet.devices[3]["owner"] = ["mistyped"]
    fleet.page = 10
    manifest = MANIFEST.replace(
        '[judge.any]\nfailing = "!finding.exempt"', "[judge.any]\nfailing = 'snapshot.status == \"bad\"'"
    )
    pages = await swept(connect(tmp_path, fleet, manifest).sweep())
    assert [one.device_id for one in snapshots(pages)] == ["d5"]
    found = dict(faults(pages))
    assert set(found) == {None, "d3", "d4"}
    assert "state" in found["d3"] and "list.join.person" in found["d4"]


async def test_a_page_without_any_id_ends_the_sweep(tmp_path: Path) -> None:
    fleet = Fleet(2)
    fleet.devices = [{"name": "x"}, {"name": "y"}]
    failure, _ = await refused(tmp_path, fleet)
    assert failure.kind == "malformed" and "which device it is about" in failure.detail


async def test_a_device_listed_twice_and_not_alike_is_a_fault(tmp_path: Path) -> None:
    fleet = Fleet(2)
    fleet.page = 10
    fleet.devices += [{**fleet.devices[0], "state": "bad"}, dict(fleet.devices[1])]
    pages = await swept(connect(tmp_path, fleet).sweep())
    assert [one.device_id for one in snapshots(pages)] == ["d2"]
    assert [one for one, _ in faults(pages)] == ["d1"]


async def test_an_issue_that_does_not_say_whose_it_is_ends_the_sweep(tmp_path: Path) -> None:
    """Any device might have it."""
    fleet = Fleet()
    del fleet.issues[1]["device"]
    failure, pages = await refused(tmp_path, fleet)
    assert failure.kind == "malformed" and "item.device: is missing" in failure.detail and not pages


async def test_an_issue_of_no_device_concerns_nobody_but_not_all_of_them(tmp_path: Path) -> None:
    fleet = Fleet()
    fleet.issues[1]["device"] = None
    assert len((await swept(connect(tmp_path, fleet).sweep()))[0].snapshots[0].findings) == 1
    for one in fleet.issues:
        one["device"] = None
    failure, _ = await refused(tmp_path, fleet)
    assert "not one row says to which device it belongs" in failure.detail


async def test_a_person_who_is_not_listed_is_missing_as_in_a_look(tmp_path: Path) -> None:
    fleet = Fleet()
    del fleet.people[0]
    fleet.devices[1]["owner"] = None
    ours = connect(tmp_path, fleet)
    one, two = (await swept(ours.sweep()))[0].snapshots
    assert (one, two) == (await ours.snapshot("d1", NOW), await ours.snapshot("d2", NOW))
    assert one.owner is not None and one.owner.email is None and two.owner is None


async def test_where_a_look_would_fail_a_missing_row_is_a_fault(tmp_path: Path) -> None:
    fleet = Fleet()
    del fleet.people[0]
    pages = await swept(connect(tmp_path, fleet, MANIFEST.replace(", none = [404] }", " }")).sweep())
    assert faults(pages) == [("d1", "list.join.person (GET /people): holds no row for this device")]


async def test_two_people_of_one_id_are_nobody(tmp_path: Path) -> None:
    fleet = Fleet()
    fleet.people += [{**fleet.people[0], "email": "other@acme.example"}, dict(fleet.people[1])]
    pages = await swept(connect(tmp_path, fleet).sweep())
    assert faults(pages) == [("d1", "list.join.person (GET /people): holds different rows for one key")]
    assert len(snapshots(pages)) == 4


async def test_no_value_of_an_answer_stands_in_a_fault(tmp_path: Path) -> None:
    fleet = Fleet()
    fleet.devices[0]["owner"] = ["marker"]
    fleet.devices[1]["name"] = {"marker": 1}
    assert "marker" not in str(faults(await swept(connect(tmp_path, fleet).sweep())))
    fleet.issues[0]["device"] = {"marker": 1}
    failure, _ = await refused(tmp_path, fleet)
    assert "marker" not in str(failure)


# -- patience ---------------------------------------------------------------------------------------


async def test_one_failure_among_many_pages_is_waited_out(tmp_path: Path) -> None:
    fleet, clock = Fleet(), Hand()
    said: list[Any] = [(503, {}), failed("timeout"), (429, {})]
    fleet.flip = lambda name, cursor, good: said.pop(0) if name == "people" and cursor and said else good
    assert len(snapshots(await swept(connect(tmp_path, fleet, clock=clock).sweep()))) == 5
    assert [wait for wait in clock.slept if wait] == [2.0, 10.0, 60.0]


async def test_a_vendor_that_never_answered_is_not_waited_for(tmp_path: Path) -> None:
    fleet = Fleet()
    fleet.flip = lambda name, cursor, good: (503, {})
    failure, _ = await refused(tmp_path, fleet)
    assert failure.kind == "down" and len(fleet.asked) == 1


async def test_a_connector_without_a_list_says_so(tmp_path: Path) -> None:
    manifest = MANIFEST[: MANIFEST.index("[list]")] + MANIFEST[MANIFEST.index("[judge.any]") :]
    ours = connect(tmp_path, Fleet(), manifest)
    assert not ours.has_list and not ours.lists_whole_fleet
    with pytest.raises(LookFailed, match="does not say how its devices are listed"):
        await swept(ours.sweep())


# -- the spool --------------------------------------------------------------------------------------


async def test_nothing_is_left_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spools = tmp_path / "spools"
    spools.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(spools))
    fleet = Fleet()
    named: list[str] = []

    def look(name: str, cursor: str, good: Any) -> Any:
        named.extend(os.listdir(spools))
        return good if name != "devices" or not cursor else (403, {})

    fleet.flip = look
    failure, _ = await refused(tmp_path, fleet)
    assert failure.kind == "denied" and named == [] and os.listdir(spools) == []


async def test_a_disk_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    failure, _ = await refused(tmp_path, Fleet())
    assert failure.kind == "limited" and "TMPDIR" in failure.detail


def test_only_what_is_read_is_kept(tmp_path: Path) -> None:
    listing = connect(tmp_path, Fleet())._manifest.listing
    assert listing is not None
    assert [join.kept for join in listing.joins] == [{"id", "title", "exempt"}, {"email"}]


def test_the_spool_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bridge.connector.lists.spool import Spool

    modes = []
    unlink = os.unlink
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(os, "unlink", lambda path: (modes.append(os.stat(path).st_mode & 0o777), unlink(path)))
    with Spool() as spool:
        spool.add("x", [("k", {"a": 1}), ("k", {"a": 1}), ("k", {"a": 2})])
        spool.close_joins()
        assert spool.find("x", "k") == [{"a": 1}, {"a": 2}] and spool.find("x", "other") == []
    assert modes[0] == 0o600
