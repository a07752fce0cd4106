"""What knocks at the public listener: repeats, forgeries, misfits, giants."""

from __future__ import annotations

import asyncio
import json
from typing import Final

import pytest

from tests.e2e.rig import Rig, email
from tests.e2e.webhooks import Answer, Hook, changed, opened, post, signature

pytestmark = pytest.mark.asyncio(loop_scope="module")

BAD: Final = "not-compliant"
MIB = 1 << 20


async def test_a_repeated_delivery_is_one(line: Rig, number: int) -> None:
    line.api.add(number, owner=number).issues = {1: False}
    hook = opened(number)
    first, second = await line.send(hook), await line.send(hook)
    assert first.status == second.status == 202
    assert first.body == {"id": first.body["id"]}
    assert second.body == {"id": first.body["id"], "duplicate": True}
    await line.hears("okta", BAD, login=email(number))
    await line.settled()


async def test_twenty_at_once_are_one(line: Rig, number: int) -> None:
    line.api.add(number, owner=number).issues = {1: False}
    hook = opened(number)
    answers = await asyncio.gather(*(line.send(hook) for _ in range(20)))
    assert {answer.status for answer in answers} == {202}
    assert len({answer.body["id"] for answer in answers}) == 1
    assert sum("duplicate" not in answer.body for answer in answers) == 1
    await line.hears("ssf", BAD, device=number)
    await line.settled()
    again = await line.send(hook)
    assert again.body == {"id": answers[0].body["id"], "duplicate": True}


def _with(hook: Hook, **members: object) -> bytes:
    return json.dumps(json.loads(hook.body) | members).encode()


GOOD_BODY = changed(999_999).body
FORGED = {
    "no signature": {"Authorization": ""},
    "blank": {"Authorization": " "},
    "of other bytes": {"Authorization": signature(GOOD_BODY + b" ")},
    "by another secret": {"Authorization": signature(GOOD_BODY, "e2e-signing-secreT")},
    "by an empty secret": {"Authorization": signature(GOOD_BODY, "")},
    "with a scheme before it": {"Authorization": f"Bearer {signature(GOOD_BODY)}"},
    "cut": {"Authorization": signature(GOOD_BODY)[:-1]},
    "longer": {"Authorization": signature(GOOD_BODY) + "0"},
    "not ASCII": {"Authorization": "é" * 32},
    "oversized": {"Authorization": "0" * 7000},
}


@pytest.mark.parametrize("headers", FORGED.values(), ids=FORGED.keys())
async def test_forged(line: Rig, headers: dict[str, str]) -> None:
    before = await _stored(line)
    refused = await line.metric("caep_bridge_webhooks_total", outcome="unauthenticated")
    answer = await _post(line, GOOD_BODY, headers)
    _is_problem(answer, 401)
    assert await _stored(line) == before
    assert await line.metric("caep_bridge_webhooks_total", outcome="unauthenticated") == refused + 1


MISFITS = {
    "empty": b"",
    "not JSON": b"issues.new of MARKER",
    "cut": GOOD_BODY[:-2],
    "not UTF-8": b'{"event": "MARKER\xff"}',
    "a list": b'["MARKER"]',
    "a number": b"17",
    "NUL": _with(opened(1), id="a\0MARKER"),
    "lone surrogate": _with(opened(1), id="MARKER").replace(b"MARKER", b"MARKER\\ud800"),
    "number too large": _with(opened(1), timestamp=0).replace(b'"timestamp": 0', b'"timestamp": 1e999'),
    "deep": b'{"event": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "no event": _with(opened(1), event=None),
    "event no text": _with(opened(1), event=["MARKER"]),
    "data no object": _with(opened(1), data="MARKER"),
    "device no object": _with(opened(1), data={"issue_id": 1, "device": "MARKER"}),
    "time no time": _with(opened(1), timestamp="MARKER"),
}


@pytest.mark.parametrize("body", MISFITS.values(), ids=MISFITS.keys())
async def test_misfit(line: Rig, body: bytes) -> None:
    answer = await _post(line, body)
    _is_problem(answer, 400)
    assert "MARKER" not in json.dumps(answer.body)


async def test_a_misfit_still_rings_for_the_device_that_can_be_read(line: Rig, number: int) -> None:
    line.api.add(number, owner=number).issues = {1: False}
    answer = await _post(line, _with(opened(number), timestamp="yesterday"))
    _is_problem(answer, 400)
    assert "timestamp" in answer.body["detail"]
    await line.hears("okta", BAD, login=email(number))


async def test_an_unknown_event_and_a_test_are_taken_and_nothing_follows(line: Rig) -> None:
    for event in ("auth_logs.success", "webhook.test"):
        before = await _looks(line)
        answer = await _post(line, _with(opened(999_998), event=event, data={}))
        assert (answer.status, [*answer.body]) == (202, ["id"])
        assert await _looks(line) == before


@pytest.mark.parametrize("declared", [True, False], ids=["with a length", "chunked"])
async def test_larger_than_a_mebibyte(line: Rig, declared: bool) -> None:
    """Refused while it is read, so the rest is never sent."""
    length = b"content-length: %d\r\n" % (64 * MIB) if declared else b"transfer-encoding: chunked\r\n"
    head = b"POST /webhooks/kolide HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" + length + b"\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", int(line.service.url.rpartition(":")[2]))
    writer.write(head)
    if not declared:
        for _ in range(17):
            writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
    async with asyncio.timeout(5):
        assert b" 413 " in await reader.readline()
    writer.close()


async def test_exactly_a_mebibyte_is_read(line: Rig) -> None:
    body = GOOD_BODY + b" " * (MIB - len(GOOD_BODY))
    assert (await _post(line, body)).status == 202
    assert (await _post(line, body + b" ")).status == 413


async def test_wrong_doors(line: Rig) -> None:
    answer = await post(line.session, f"{line.service.url}/webhooks/kandji", GOOD_BODY)
    _is_problem(answer, 404)
    async with line.session.get(f"{line.service.url}/webhooks/kolide") as got:
        assert (got.status, got.headers["allow"]) == (405, "POST")
        assert got.content_type == "application/problem+json"
    _is_problem(await _post(line, GOOD_BODY, {"Content-Type": "text/plain"}), 415)
    _is_problem(await _post(line, GOOD_BODY, {"Content-Encoding": "gzip"}), 415)


async def _post(line: Rig, body: bytes, headers: dict[str, str] | None = None) -> Answer:
    return await post(line.session, f"{line.service.url}/webhooks/kolide", body, headers)


def _is_problem(answer: Answer, status: int) -> None:
    assert answer.status == status, answer
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.body["status"] == status and answer.body["title"]


async def _stored(line: Rig) -> tuple[int, int]:
    counts = await (await line.store()).counts()
    return counts["webhooks"], counts["quarantined"]


async def _looks(line: Rig) -> float:
    return (await (await line.store()).counts())["looks"]
