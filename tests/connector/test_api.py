from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import orjson
import pytest

from bridge.connector.asking.limiter import PATIENCE, Limiter
from bridge.connector.connector import Connector
from bridge.connector.language.answer import read_answer
from bridge.connector.language.tree import NotJson
from bridge.connector.load import load
from bridge.model import LookFailed, Owner, Snapshot
from bridge.outbound import Answer
from tests.connector.scene import NOW, SECRET, Hand, Next, Vendor, failed

API_KEY = "k2sk-demo-key"
DEVICE = {
    "id": "1001",
    "name": "lap-a",
    "auth_state": "Good",
    "last_seen_at": "2026-11-01T09:00:00Z",
    "will_block_at": None,
    "registered_owner_info": {"identifier": "55", "link": "x"},
}
ISSUE = {
    "id": "42",
    "title": "Disk Is Not Encrypted",
    "exempted": False,
    "detected_at": "2026-11-01T09:59:00Z",
    "blocks_device_at": None,
    "check_information": {"identifier": "7"},
}
D, P = "GET /devices/1001", "GET /people/55"
I = "GET /devices/1001/open_issues?per_page=100"  # noqa: E741  the listing of issues


def cursor(name: str) -> str:
    return f"GET /devices/1001/open_issues?cursor={name}&per_page=100"


def page(*items: Any, after: Any = "") -> dict[str, Any]:
    return {"data": list(items), "pagination": {"next_cursor": after, "count": len(items)}}


def answers(**changes: Any) -> dict[str, Any]:
    whole = {D: DEVICE, I: page(ISSUE), P: {"id": "55", "email": "ada@example.com"}}
    names = {"device": D, "issues": I, "person": P}
    return whole | {names.get(key, key): value for key, value in changes.items()}


def kolide(vendor: Vendor, clock: Hand | None = None, **table: object) -> Connector:
    vendor.base = "https://api.kolide.com"
    given = {"type": "kolide", "judge": "issues", "signing_secret": SECRET, "api_key": API_KEY, "rate_limit": "none"}
    return load("kolide", given | table, outbound=vendor, clock=clock or Hand(), base_dir=Path())


async def look(**changes: Any) -> Snapshot:
    return await kolide(Vendor(answers(**changes))).snapshot("1001", NOW)


async def fails(**changes: Any) -> LookFailed:
    with pytest.raises(LookFailed) as caught:
        await look(**changes)
    assert API_KEY not in str(caught.value) and "ada@" not in str(caught.value)
    return caught.value


async def test_the_whole_answer() -> None:
    vendor = Vendor(answers())
    found = await kolide(vendor).snapshot("1001", NOW)
    assert (found.owner, found.status, found.name) == (Owner("55", "ada@example.com"), "Good", "lap-a")
    assert [finding.key for finding in found.findings] == ["42"]
    assert vendor.asked == [D, I, P]
    assert vendor.headers[0]["authorization"] == f"Bearer {API_KEY}"
    assert vendor.headers[0]["x-kolide-api-version"] == "2026-04-07"


@pytest.mark.parametrize("name", [b"a\\u0000b", b"a\\ud800b", b"a\xffb"])
async def test_a_name_that_no_text_may_hold_keeps_nobody_from_being_judged(name: bytes) -> None:
    """Whoever owns a laptop may name it."""
    body = orjson.dumps(DEVICE | {"name": "NAME"}).replace(b"NAME", name)
    found = await look(device=Answer(200, {}, body))
    assert (found.name, found.status, [one.key for one in found.findings]) == ("a\ufffdb", "Good", ["42"])


@pytest.mark.parametrize(
    "body",
    [
        b'{"a\\u0000": 1e999}',
        b'["\xff", ' + b"9" * 30 + b"]",
        b'["\xff"' + b",[" * 80 + b"]" * 81,
        b'["\xff"',
        b'["\\u0000", NaN]',
    ],
)
def test_what_else_is_wrong_with_it_is_refused_as_ever(body: bytes) -> None:
    with pytest.raises(NotJson):
        read_answer(body)


NO_KEY = {key: value for key, value in ISSUE.items() if key != "exempted"}
NO_DEADLINE = {key: value for key, value in ISSUE.items() if key != "blocks_device_at"}


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        *[
            ({where: (status, {"error": "no"})}, kind)
            for where in ("device", "issues", "person")
            for status, kind in (
                (401, "denied"),
                (403, "denied"),
                (429, "limited"),
                (500, "down"),
                (502, "down"),
                (503, "down"),
                (302, "refused"),
                (400, "refused"),
                (410, "refused"),
            )
        ],
        ({"issues": (404, {})}, "missing"),
        *[({"issues": failed(code)}, "down") for code in ("timeout", "dns", "tls", "connect", "reset")],
        ({"issues": failed("too_large")}, "malformed"),
        ({"issues": failed("refused_address")}, "refused"),
        ({"device": Answer(200, {"content-type": "text/html"}, b"<html>login</html>")}, "malformed"),
        ({"issues": Answer(200, {}, b"")}, "malformed"),
        ({"issues": Answer(204, {}, b"")}, "malformed"),
        ({"issues": Answer(200, {}, b'{"data":[]')}, "malformed"),
        ({"issues": {}}, "malformed"),
        ({"issues": []}, "malformed"),
        ({"issues": {"data": []}}, "malformed"),
        ({"issues": {"data": [], "pagination": {}}}, "malformed"),
        ({"issues": {"data": None, "pagination": {"next_cursor": ""}}}, "malformed"),
        ({"issues": {"data": {}, "pagination": {"next_cursor": ""}}}, "malformed"),
        ({"issues": page(NO_KEY)}, "malformed"),
        ({"issues": page(ISSUE | {"exempted": "no"})}, "malformed"),
        ({"issues": page(ISSUE | {"exempted": None})}, "malformed"),
        ({"issues": page(ISSUE | {"blocks_device_at": "soon"})}, "malformed"),
        ({"issues": page(ISSUE | {"id": None})}, "malformed"),
        ({"issues": page(None)}, "malformed"),
        ({"issues": page("x")}, "malformed"),
        ({"device": {}}, "malformed"),
        ({"device": []}, "malformed"),
        ({"device": {"error": "hm"}}, "malformed"),
        ({"device": DEVICE | {"id": "1002"}}, "malformed"),
        ({"device": DEVICE | {"auth_state": 7}}, "malformed"),
        ({"device": {key: DEVICE[key] for key in DEVICE if key != "registered_owner_info"}}, "malformed"),
        ({"device": DEVICE | {"registered_owner_info": {"identifier": {}}}}, "malformed"),
        ({"person": {"email": ["ada@example.com"]}}, "malformed"),
    ],
)
async def test_what_is_not_a_good_answer_is_a_failed_look(changes: dict[str, Any], kind: str) -> None:
    assert (await fails(**changes)).kind == kind


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"device": (404, {})}, {"present": False}),
        ({"person": (404, {})}, {"owner": Owner("55", None)}),
        ({"person": {"id": "55"}}, {"owner": Owner("55", None)}),
        ({"person": {"id": "55", "email": None}}, {"owner": Owner("55", None)}),
        (
            {"device": DEVICE | {"registered_owner_info": {"identifier": "", "link": None}}},
            {"managed": False, "owner": None, "status": "Good"},
        ),
        ({"device": DEVICE | {"auth_state": None}}, {"status": None}),
        ({"device": DEVICE | {"auth_state": ""}}, {"status": None}),
        ({"device": DEVICE | {"id": 1001}}, {"present": True}),
        ({"device": DEVICE | {"will_block_at": "2026-11-02T10:00:00Z"}}, {"recheck_at": NOW + 86400}),
        ({"issues": page()}, {"findings": ()}),
    ],
)
async def test_what_a_good_answer_may_lack(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    found = await look(**changes)
    assert {key: getattr(found, key) for key in expected} == expected


@pytest.mark.parametrize(
    ("judge", "changes", "malformed"),
    [
        ("issues", {"issues": page(NO_DEADLINE)}, False),
        ("enforced", {"issues": page(NO_DEADLINE)}, True),
        ("trust", {"issues": page(NO_DEADLINE)}, False),
        ("issues", {"issues": page({key: ISSUE[key] for key in ISSUE if key != "exempted"})}, True),
        ("issues", {"device": {key: DEVICE[key] for key in DEVICE if key != "auth_state"}}, False),
        ("trust", {"device": {key: DEVICE[key] for key in DEVICE if key != "auth_state"}}, True),
    ],
)
async def test_what_the_judgement_reads_must_be_there(judge: str, changes: dict[str, Any], malformed: bool) -> None:
    connector = kolide(Vendor(answers(**changes)), judge=judge)
    if malformed:
        with pytest.raises(LookFailed, match="malformed"):
            await connector.snapshot("1001", NOW)
    else:
        assert (await connector.snapshot("1001", NOW)).present


async def test_all_pages_are_read() -> None:
    rows = [ISSUE | {"id": str(number)} for number in range(5)]
    found = await look(
        **{
            "issues": page(*rows[:2], after="c2"),
            cursor("c2"): page(*rows[2:4], after="c3"),
            cursor("c3"): page(rows[4], after=None),
        }
    )
    assert [finding.key for finding in found.findings] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("pages", "kind"),
    [
        ({"issues": page(ISSUE, after="c2"), cursor("c2"): (500, {})}, "down"),
        ({"issues": page(ISSUE, after="c2"), cursor("c2"): (404, {})}, "missing"),
        ({"issues": page(ISSUE, after="c2"), cursor("c2"): {"pagination": {"next_cursor": ""}}}, "malformed"),
        ({"issues": page(ISSUE, after="c2"), cursor("c2"): page(after="c2")}, "malformed"),
        (
            {"issues": page(ISSUE, after="c2"), cursor("c2"): page(after="c3"), cursor("c3"): page(after="c2")},
            "malformed",
        ),
        ({"issues": page(ISSUE, after=["c2"])}, "malformed"),
    ],
)
async def test_half_a_listing_is_a_failed_look(pages: dict[str, Any], kind: str) -> None:
    assert (await fails(**pages)).kind == kind


async def test_a_listing_without_end_ends() -> None:
    many = {cursor(f"c{number}"): page(after=f"c{number + 1}") for number in range(1, 300)}
    vendor = Vendor(answers(issues=page(after="c1")) | many)
    with pytest.raises(LookFailed) as caught:
        await kolide(vendor).snapshot("1001", NOW)
    assert caught.value.kind == "malformed" and len(vendor.asked) < 210


@pytest.mark.parametrize("device_id", ["..", "../people/55", "a/b", "a?b=c", "a#b", "ü", "a%2Fb", "a\nb"])
async def test_an_id_is_one_segment(device_id: str) -> None:
    vendor = Vendor({})
    try:
        await kolide(vendor).snapshot(device_id, NOW)
    except LookFailed as failure:
        assert failure.kind == "malformed" and vendor.asked == []
    for asked in vendor.asked:
        assert asked.count("/") == 2 and "?" not in asked and "#" not in asked and asked.isascii()


async def test_people_are_cached_for_their_time() -> None:
    vendor, clock = Vendor(answers()), Hand()
    connector = kolide(vendor, clock)
    for _ in range(3):
        await connector.snapshot("1001", NOW)
    assert vendor.asked.count(P) == 1 and vendor.asked.count(D) == 3
    clock.at += 4 * 3600
    await connector.snapshot("1001", NOW)
    assert vendor.asked.count(P) == 2


async def test_a_fresh_look_asks_for_people_anew_and_remembers_what_it_heard() -> None:
    vendor = Vendor(answers(person=[Next({"email": "ada@example.com"}), Next({"email": "ada.married@example.com"})]))
    connector = kolide(vendor)
    seen = [await connector.snapshot("1001", NOW, fresh=fresh) for fresh in (False, True, False)]
    assert [one.owner and one.owner.email for one in seen] == ["ada@example.com"] + 2 * ["ada.married@example.com"]
    assert vendor.asked.count(P) == 2


async def test_a_fresh_look_that_finds_nobody_forgets_who_it_was() -> None:
    vendor = Vendor(answers(person=[Next({"email": "ada@example.com"}), Next((404, {}))]))
    connector = kolide(vendor)
    seen = [await connector.snapshot("1001", NOW, fresh=fresh) for fresh in (False, True, False)]
    assert [one.owner and one.owner.email for one in seen] == ["ada@example.com", None, None]


async def test_an_owner_without_address_is_asked_for_again() -> None:
    vendor = Vendor(answers(person=[Next({"email": None}), Next({"email": "ada@example.com"})]))
    connector = kolide(vendor)
    assert (await connector.snapshot("1001", NOW)).owner == Owner("55", None)
    assert (await connector.snapshot("1001", NOW)).owner == Owner("55", "ada@example.com")


async def test_retry_after_is_kept_and_holds_the_others() -> None:
    clock = Hand()
    vendor = Vendor(answers(device=[Next(Answer(429, {"retry-after": "90"}, b"{}")), Next(DEVICE)]))
    connector = kolide(vendor, clock)
    for _ in range(2):
        with pytest.raises(LookFailed) as caught:
            await connector.snapshot("1001", NOW)
        assert (caught.value.kind, caught.value.retry_after) == ("limited", 90.0)
    assert vendor.asked == [D]
    clock.at += 90
    assert (await connector.snapshot("1001", NOW)).present


async def test_a_date_in_retry_after() -> None:
    answer = Answer(503, {"retry-after": "Sun, 01 Nov 2026 10:00:30 GMT"}, b"")
    assert (await fails(device=answer)).retry_after == 30.0


@pytest.mark.parametrize("words", [f"bad key {API_KEY}", f"{API_KEY[:-4]}... is bad", "a@example.com", "a%40b.example"])
async def test_the_vendors_words_are_not_repeated_if_they_tell_too_much(words: str) -> None:
    assert words not in str(await fails(device=(403, {"message": words})))


async def test_the_vendors_words_help() -> None:
    assert "(this key may not read people)" in str(await fails(person=(403, {"error": "this key may not read people"})))


async def test_a_missing_answer_is_told_without_values() -> None:
    assert "look.issues (GET /devices/{device.id}/open_issues)" in str(await fails(issues=(500, {})))


# -- the limiter --------------------------------------------------------------------------------


async def test_no_stretch_holds_more_than_was_allowed() -> None:
    clock = Hand(0.0)
    limiter, times = Limiter((270, 60.0), clock), []
    for _ in range(1000):
        await limiter.take()
        times.append(clock.at)
    assert times[26] == 0.0 and times[27] > 0.0
    assert all(times[index + 270] - times[index] > 59.9 for index in range(len(times) - 270))


async def test_a_look_too_many_is_put_off() -> None:
    clock = Hand(0.0)
    limiter = Limiter((10, 60.0), clock)
    await limiter.take()
    with pytest.raises(LookFailed) as caught:
        await limiter.take(5)
    assert caught.value.kind == "limited" and caught.value.retry_after is not None
    assert caught.value.retry_after > PATIENCE and clock.slept == []


async def test_who_asked_for_patience_is_named() -> None:
    closed, ours = Limiter(None, Hand(0.0)), Limiter((10, 60.0), Hand(0.0))
    closed.close_for(3600)
    with pytest.raises(LookFailed, match="asked us to wait"):
        await closed.take()
    with pytest.raises(LookFailed, match="our own limit"):
        await ours.take(50)


async def test_turns_that_were_not_needed_are_given_back() -> None:
    clock = Hand(0.0)
    connector = kolide(Vendor(answers(device=(404, {}))), clock, rate_limit="100/min")
    for _ in range(5):
        assert not (await connector.snapshot("1001", NOW)).present
    assert clock.slept == []


async def test_no_more_at_once_than_declared(tmp_path: Path) -> None:
    running = most = 0

    class Slow(Vendor):
        async def request(self, *args: Any, **more: Any) -> Answer:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1
            return await super().request(*args, **more)

    connector = kolide(Slow(answers()))
    await asyncio.gather(*(connector.snapshot("1001", NOW) for _ in range(200)))
    assert most <= connector.concurrency
