from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest
from structlog.testing import capture_logs

from bridge.clock import SystemClock
from bridge.errors import Conflict, Misfit, StoreProblem, TooLarge, Unauthenticated, Unavailable
from bridge.web.webhooks import LIMIT, WebhookDoor
from tests.web.doors import Doors, Raw, opened, raw

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEAD = b"POST /webhooks/fleet HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


async def test_accepted(doors: Doors, http: aiohttp.ClientSession) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8", "X-Signature": "\u00e9"}
    async with http.post(doors.url("/webhooks/fleet?a=1&b=%20"), data=b'{"a": 1}', headers=headers) as answer:
        assert answer.status == 202
        assert answer.headers["content-type"] == "application/json"
        assert "server" not in answer.headers
        assert await answer.json() == {"id": "fleet-1"}
    (came,) = doors.intake.came
    assert (came.connector, came.method, came.body, came.query) == ("fleet", "POST", b'{"a": 1}', "a=1&b=%20")
    assert came.headers["content-type"] == "application/json; charset=utf-8"
    assert abs(came.received_at - SystemClock().now()) < 5
    assert doors.counted == []


async def test_a_repeat_says_so(doors: Doors, http: aiohttp.ClientSession) -> None:
    doors.intake.duplicate = True
    async with http.post(doors.url("/webhooks/fleet"), json={}) as answer:
        assert (answer.status, await answer.json()) == (202, {"id": "fleet-1", "duplicate": True})


async def test_repeated_headers_are_joined(doors: Doors) -> None:
    async with raw(doors.public) as wire:
        await wire.send(HEAD + b"X-Sig: a\r\nx-sig: b\r\nContent-Length: 2\r\n\r\n{}")
        assert (await wire.answer())[0] == 202
    assert doors.intake.came[0].headers["x-sig"] == "a, b"


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 202),
        ("Application/JSON;charset=UTF-8", 202),
        ('application/json; charset="utf-8"', 202),
        ("application/json; profile=x", 202),
        ("application/json; charset=utf-16", 415),
        ("application/json; charset=latin-1", 415),
        ("application/jsonp", 415),
        ("text/plain", 415),
        ("", 415),
    ],
)
async def test_content_types(doors: Doors, http: aiohttp.ClientSession, content_type: str, status: int) -> None:
    headers = {"Content-Type": content_type}
    async with http.post(doors.url("/webhooks/fleet"), data=b"{}", headers=headers) as answer:
        assert answer.status == status
        if status == 415:
            assert answer.headers["content-type"] == "application/problem+json"
            assert "application/json" in (await answer.json(content_type=None))["detail"]
            assert doors.counted == [("fleet", "content_type")]
    assert len(doors.intake.came) == (status == 202)


async def test_a_connector_may_take_other_types(doors: Doors, http: aiohttp.ClientSession) -> None:
    async with http.post(doors.url("/webhooks/form"), data={"a": "1"}) as answer:
        assert answer.status == 202
    async with http.post(doors.url("/webhooks/form"), json={}) as answer:
        assert answer.status == 415


async def test_compressed_bodies_are_refused(doors: Doors, http: aiohttp.ClientSession) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with http.post(doors.url("/webhooks/fleet"), data=b"{}", headers=headers) as answer:
        assert answer.status == 415


@pytest.mark.parametrize("path", ["/webhooks/other", "/webhooks/FLEET", "/webhooks/fleet%20", "/webhooks/%00"])
@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_unknown_connectors_come_first(doors: Doors, http: aiohttp.ClientSession, path: str, method: str) -> None:
    async with http.request(method, doors.url(path), data=b"x") as answer:
        assert answer.status == 404
        assert await answer.json(content_type=None) == {
            "type": "about:blank", "title": "Not Found", "status": 404, "detail": "there is nothing here",
        }  # fmt: skip
    assert doors.counted == [("-", "unknown")]


@pytest.mark.parametrize("path", ["/webhooks", "/webhooks/", "/webhooks/fleet/", "/webhooks/fleet/x", "/nowhere"])
async def test_other_paths(doors: Doors, http: aiohttp.ClientSession, path: str) -> None:
    async with http.post(doors.url(path), json={}, allow_redirects=False) as answer:
        assert answer.status == 404
        assert answer.headers["content-type"] == "application/problem+json"
    assert doors.intake.came == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods(doors: Doors, http: aiohttp.ClientSession, method: str) -> None:
    async with http.request(method, doors.url("/webhooks/fleet")) as answer:
        assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert doors.counted == [("fleet", "method")]


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (
            Unauthenticated("bad_signature", "the HMAC differs at byte 7"),
            401,
            "the request does not prove where it comes from",
        ),
        (Misfit("data.device.id", "must be text"), 400, "data.device.id: must be text"),
        (TooLarge("deeper than 64 levels"), 413, "deeper than 64 levels"),
        (Conflict("changed meanwhile"), 409, "changed meanwhile"),
        (Unavailable("queue: /var/lib/x.db", retry_after=7), 503, "try again later"),
        (StoreProblem("/var/lib/x.db is corrupt"), 503, "try again later"),
        (RuntimeError("secret words"), 500, None),
    ],
)
async def test_errors(
    doors: Doors, http: aiohttp.ClientSession, error: Exception, status: int, detail: str | None
) -> None:
    doors.intake.fails = error
    async with http.post(doors.url("/webhooks/fleet"), json={}) as answer:
        assert answer.status == status
        assert answer.headers["content-type"] == "application/problem+json"
        text = await answer.text()
        if detail is not None:
            assert json.loads(text)["detail"] == detail
        assert "HMAC" not in text and "secret words" not in text and "/var/lib" not in text
        if status == 503:
            assert answer.headers["retry-after"] == ("7" if isinstance(error, Unavailable) else "5")
        if status == 401:
            assert "www-authenticate" in answer.headers
        if status == 400:
            assert json.loads(text)["errors"] == [{"path": "data.device.id", "message": "must be text"}]


async def test_every_unauthenticated_request_gets_the_same_answer(doors: Doors, http: aiohttp.ClientSession) -> None:
    answers = set()
    for code in ("missing", "malformed", "bad_signature", "too_old"):
        doors.intake.fails = Unauthenticated(code, f"because of {code}")
        async with http.post(doors.url("/webhooks/fleet"), json={}) as answer:
            answers.add(await answer.text())
    assert len(answers) == 1


async def test_an_unexpected_error_is_logged_once_and_the_connection_lives(
    doors: Doors, caplog: pytest.LogCaptureFixture
) -> None:
    doors.intake.fails = RuntimeError("oh")
    with capture_logs() as lines:
        async with raw(doors.public) as wire:
            for _ in range(2):
                await wire.send(HEAD + b"Content-Length: 2\r\n\r\n{}")
                assert (await wire.answer())[0] == 500
    assert [(line["event"], line["exc_info"]) for line in lines] == [("request.failed", True)] * 2
    assert caplog.records == []


async def test_exactly_the_limit_is_taken(doors: Doors, http: aiohttp.ClientSession) -> None:
    headers = {"Content-Type": "application/json"}
    async with http.post(doors.url("/webhooks/fleet"), data=b"x" * LIMIT, headers=headers) as answer:
        assert answer.status == 202
    assert len(doors.intake.came[0].body) == LIMIT


async def test_a_declared_length_over_the_limit_is_refused_before_the_body_comes(doors: Doors) -> None:
    async with raw(doors.public) as wire:
        await wire.send(HEAD + b"Content-Length: %d\r\n\r\n" % (LIMIT + 1))
        status, headers, body = await wire.answer()
        assert (status, headers["connection"]) == (413, "close")
        assert json.loads(body)["detail"] == "the body is larger than 1 MiB"
    assert doors.counted == [("fleet", "too_large")]


async def test_the_refusal_reaches_a_sender_who_is_still_sending(doors: Doors) -> None:
    async with raw(doors.public) as wire:
        await wire.send(HEAD + b"Content-Length: %d\r\n\r\n" % (8 * LIMIT))
        for _ in range(8):
            await wire.send(b"x" * LIMIT)
        assert (await wire.answer())[0] == 413
        assert await wire.closed()


async def test_a_sender_who_waits_for_continue_is_refused_without_it_and_at_once(doors: Doors) -> None:
    async with raw(doors.public) as wire:
        await wire.send(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % (2 * LIMIT))
        assert (await wire.answer())[0] == 413
        assert await asyncio.wait_for(wire.closed(), 1)


async def chunks(wire: Raw, size: int, count: int) -> None:
    for _ in range(count):
        await wire.send(b"%x\r\n" % size + b"x" * size + b"\r\n")


async def test_chunked_bodies_are_read(doors: Doors) -> None:
    async with raw(doors.public) as wire:
        await wire.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        await chunks(wire, 1000, 3)
        await wire.send(b"0\r\n\r\n")
        assert (await wire.answer())[0] == 202
    assert doors.intake.came[0].body == b"x" * 3000


async def test_chunked_bodies_over_the_limit_are_refused_while_they_come(doors: Doors) -> None:
    async with raw(doors.public) as wire:
        await wire.send(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        await chunks(wire, 65536, LIMIT // 65536 + 1)
        assert (await wire.answer())[0] == 413
        await wire.send(b"0\r\n\r\n")
        assert await wire.closed()
    assert doors.intake.came == []
    assert doors.counted == [("fleet", "too_large")]


async def test_a_body_in_single_bytes(doors: Doors) -> None:
    async with raw(doors.public) as wire:
        await wire.send(HEAD + b"Content-Length: 20\r\n\r\n")
        for _ in range(20):
            await wire.send(b"x")
            await asyncio.sleep(0.001)
        assert (await wire.answer())[0] == 202
    assert doors.intake.came[0].body == b"x" * 20


async def test_a_sender_who_goes_away_leaves_nothing(doors: Doors) -> None:
    async with raw(doors.public) as wire:
        await wire.send(HEAD + b"Content-Length: 20\r\n\r\nhalf")
        await asyncio.sleep(0.02)
    await asyncio.wait_for(doors.refused.wait(), 5)
    assert doors.counted == [("fleet", "disconnected")]
    assert doors.intake.came == []


async def test_a_body_that_does_not_come_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WebhookDoor.__init__, "__kwdefaults__", {"limit": LIMIT, "body_seconds": 0.05})
    async with opened(Doors()) as impatient, raw(impatient.public) as wire:
        await wire.send(HEAD + b"Content-Length: 20\r\n\r\nhalf")
        status, headers, _ = await wire.answer()
        assert (status, headers["connection"]) == (408, "close")
        assert await wire.closed()
    assert impatient.intake.came == []
    assert impatient.counted == [("fleet", "timeout")]
