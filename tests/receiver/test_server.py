from __future__ import annotations

import asyncio
import base64
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
from joserfc.jwk import RSAKey

from bridge.receiver.book import Receipt, Scripted
from bridge.receiver.keys import Given
from bridge.receiver.server import ReceiverServer, run_receiver

Json = dict[str, Any]
ISSUER = "https://signals.acme.example"
AUDIENCE = "https://acme.okta.com"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def _post(
    http: aiohttp.ClientSession, receiver: ReceiverServer, text: str | bytes, **headers: str
) -> tuple[int, Json]:
    sent = {"Content-Type": "application/secevent+jwt", **headers}
    async with http.post(f"{receiver.url}/security/api/v1/security-events", data=text, headers=sent) as answer:
        body = await answer.read()
        return answer.status, json.loads(body) if body else {}


def _receiver(jwks: Json, **more: Any) -> ReceiverServer:
    return ReceiverServer(**{"audience": AUDIENCE, "keys": Given(ISSUER, jwks), **more})


async def test_a_good_set_is_taken_and_shown(http: Any, jwks: Json, okta_claims: Json, sign: Any, clock: Any) -> None:
    told: list[Receipt] = []
    text = sign(okta_claims)
    async with _receiver(jwks, clock=clock, on_receipt=told.append) as receiver:
        assert await _post(http, receiver, text) == (202, {})
        async with http.get(f"{receiver.url}/received") as answer:
            assert answer.headers["content-type"] == "application/json"
            (shown,) = await answer.json()
    assert told == list(receiver.book.receipts) == receiver.book.taken
    assert shown["claims"] == okta_claims and shown["header"]["kid"] == "k1" and shown["text"] == text
    assert (shown["status"], shown["err"], shown["received_at"]) == (202, "", clock.at)
    assert shown["path"] == "/security/api/v1/security-events"


async def test_a_repeat_is_taken_once(http: Any, jwks: Json, okta_claims: Json, sign: Any) -> None:
    async with _receiver(jwks) as receiver:
        for _ in range(2):
            assert await _post(http, receiver, sign(okta_claims)) == (202, {})
    assert [receipt.repeat for receipt in receiver.book.receipts] == [False, True]
    assert len(receiver.book.taken) == 1


async def test_a_repeat_answered_409(http: Any, jwks: Json, okta_claims: Json, sign: Any) -> None:
    async with _receiver(jwks, duplicates="409") as receiver:
        assert (await _post(http, receiver, sign(okta_claims)))[0] == 202
        status, body = await _post(http, receiver, sign(okta_claims))
    assert (status, body["err"]) == (409, "duplicate_event")


async def test_refusals(
    http: Any, jwks: Json, okta_claims: Json, ssf_claims: Json, sign: Any, other_key: RSAKey
) -> None:
    good = sign(okta_claims)
    head, payload, signature = good.split(".")
    cases = [
        (sign(okta_claims, signer=other_key), "authentication_failed"),
        (f"{head}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}", "authentication_failed"),
        (f"{head}.{payload}.AAAA", "authentication_failed"),
        (sign({**okta_claims, "iss": "https://x.example"}), "invalid_issuer"),
        (sign({**okta_claims, "aud": "https://x.example"}), "invalid_audience"),
        (sign(okta_claims, kid="k9"), "invalid_key"),
        (sign(okta_claims, typ="JWT"), "invalid_request"),
        (sign(ssf_claims), "invalid_request"),
        (sign([1]), "invalid_request"),
        (good + "\n", "invalid_request"),
        (f" {good}", "invalid_request"),
        ("", "invalid_request"),
        ("a.b", "invalid_request"),
        ("a.b.c", "invalid_request"),
        (b"\xff\xfe.\x00.\x01", "invalid_request"),
        (f"{head}.{payload}.", "invalid_request"),
        (_unsigned({"alg": "none", "typ": "secevent+jwt", "kid": "k1"}, okta_claims), "invalid_request"),
        (_unsigned({"alg": "HS256", "typ": "secevent+jwt", "kid": "k1"}, okta_claims), "invalid_request"),
    ]
    async with _receiver(jwks) as receiver:
        for text, err in cases:
            status, body = await _post(http, receiver, text)
            assert (status, body["err"]) == (400, err), text
            assert body["description"]
        assert not receiver.book.taken
        assert [receipt.status for receipt in receiver.book.receipts] == [400] * len(cases)
        assert (await _post(http, receiver, good))[0] == 202


def _unsigned(header: Json, claims: Json) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (header, claims)]
    return f"{parts[0]}.{parts[1]}.AAAA"


async def test_error_answers_are_those_of_rfc_8935(http: Any, jwks: Json) -> None:
    async with (
        _receiver(jwks) as receiver,
        http.post(receiver.url, data="x", headers={"Content-Type": "application/secevent+jwt"}) as answer,
    ):
        assert answer.status == 400
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["content-language"] == "en"
        assert set(await answer.json()) == {"err", "description"}


async def test_requests_that_are_no_push(http: Any, jwks: Json, okta_claims: Json, sign: Any) -> None:
    text = sign(okta_claims)
    async with _receiver(jwks, authorization="Bearer t0ken") as receiver:
        wrong = {"Content-Type": "application/json", "Authorization": "Bearer t0ken"}
        assert (await _post(http, receiver, text, **wrong))[1]["err"] == "invalid_request"
        assert (await _post(http, receiver, text))[1]["err"] == "authentication_failed"
        assert (await _post(http, receiver, text, Authorization="bearer t0ken"))[1]["err"] == "authentication_failed"
        assert (await _post(http, receiver, b"x" * 70_000, Authorization="Bearer t0ken"))[0] == 413
        assert (await _post(http, receiver, text, Authorization="Bearer t0ken"))[0] == 202


async def test_without_a_transmitter_the_signature_is_not_checked_and_it_says_so(
    http: Any, okta_claims: Json, sign: Any
) -> None:
    async with ReceiverServer() as receiver:
        assert (await _post(http, receiver, sign(okta_claims)))[0] == 202
        assert "not checked" in receiver.book.taken[0].notes[0]
        assert (await _post(http, receiver, sign({**okta_claims, "jti": ""})))[0] == 400


async def test_the_ssf_profile(
    http: Any, jwks: Json, okta_claims: Json, ssf_claims: Json, sign: Any, clock: Any
) -> None:
    async with _receiver(jwks, profile="ssf", clock=clock) as receiver:
        assert (await _post(http, receiver, sign(ssf_claims)))[0] == 202
        assert (
            "future" in (await _post(http, receiver, sign({**ssf_claims, "iat": int(clock.at) + 61})))[1]["description"]
        )
        assert (await _post(http, receiver, sign(okta_claims)))[1]["err"] == "invalid_request"


# -- the script ---------------------------------------------------------------------------------


async def test_scripted_answers_are_used_up_in_order(http: Any, jwks: Json, okta_claims: Json, sign: Any) -> None:
    async with _receiver(jwks) as receiver:
        receiver.book.script.extend([Scripted(503), Scripted(400, body=b'{"err":"invalid_key"}')])
        assert (await _post(http, receiver, sign(okta_claims)))[0] == 503
        assert await _post(http, receiver, sign(okta_claims)) == (400, {"err": "invalid_key"})
        assert not receiver.book.taken
        assert (await _post(http, receiver, sign(okta_claims)))[0] == 202
    assert [receipt.status for receipt in receiver.book.receipts] == [503, 400, 202]
    assert len(receiver.book.taken) == 1


async def test_a_lost_acknowledgement(http: Any, jwks: Json, okta_claims: Json, sign: Any) -> None:
    async with _receiver(jwks) as receiver:
        receiver.book.script.append(Scripted(500, take=True))
        assert (await _post(http, receiver, sign(okta_claims)))[0] == 500
        assert (await _post(http, receiver, sign(okta_claims)))[0] == 202
    assert [receipt.repeat for receipt in receiver.book.receipts] == [False, True]


async def test_headers_and_delay(http: Any, jwks: Json, okta_claims: Json, sign: Any, clock: Any) -> None:
    before = clock.at
    async with _receiver(jwks, clock=clock) as receiver:
        receiver.book.script.extend([Scripted(429, {"Retry-After": "9"}, delay=3.0), Scripted(delay=2.0)])
        sent = {"Content-Type": "application/secevent+jwt"}
        async with http.post(receiver.url, data=sign(okta_claims), headers=sent) as answer:
            assert (answer.status, answer.headers["retry-after"]) == (429, "9")
        assert (await _post(http, receiver, sign(okta_claims)))[0] == 202
    assert clock.at == before + 5.0


async def test_some_sets_only(http: Any, jwks: Json, okta_claims: Json, sign: Any) -> None:
    def when(claims: Mapping[str, Any]) -> Scripted | None:
        return Scripted(500) if claims["jti"] == "bad" else None

    async with _receiver(jwks) as receiver:
        receiver.book.when = when
        for jti, status in [("bad", 500), ("good", 202), ("bad", 500)]:
            assert (await _post(http, receiver, sign({**okta_claims, "jti": jti})))[0] == status


async def test_down_and_gone(http: Any, jwks: Json, okta_claims: Json, sign: Any) -> None:
    async with _receiver(jwks) as receiver:
        url = receiver.url
        receiver.book.down = True
        assert (await _post(http, receiver, sign(okta_claims)))[0] == 503
        receiver.book.down = False
        await receiver.stop()
        with pytest.raises(aiohttp.ClientConnectionError):
            await _post(http, receiver, sign(okta_claims))
        await receiver.start()
        assert receiver.url == url
        assert (await _post(http, receiver, sign(okta_claims)))[0] == 202
    assert [receipt.status for receipt in receiver.book.receipts] == [503, 202]


async def test_stop_cuts_off_what_is_in_flight(http: Any, jwks: Json, okta_claims: Json, sign: Any) -> None:
    async with _receiver(jwks) as receiver:
        asked = asyncio.Event()

        def when(claims: Mapping[str, Any]) -> Scripted:
            asked.set()
            return Scripted(202, delay=60.0)

        receiver.book.when = when
        pushing = asyncio.create_task(_post(http, receiver, sign(okta_claims)))
        await asked.wait()
        async with asyncio.timeout(5):
            await receiver.stop()
            with pytest.raises(aiohttp.ClientConnectionError):
                await pushing


async def test_wait_for(http: Any, jwks: Json, okta_claims: Json, sign: Any) -> None:
    async with _receiver(jwks) as receiver:
        waiting = asyncio.create_task(receiver.book.wait_for(lambda book: len(book.taken) == 2))
        for jti in "ab":
            await _post(http, receiver, sign({**okta_claims, "jti": jti}))
        await waiting
        with pytest.raises(TimeoutError):
            await receiver.book.wait_for(lambda book: len(book.taken) == 3, 0.05)


PROGRAM = """
from bridge.receiver.server import run_receiver
print("ready", flush=True)
run_receiver("127.0.0.1", {port}, on_receipt=lambda receipt: print(receipt.status, receipt.err, flush=True))
print("ended", flush=True)
"""


async def test_as_a_program(http: Any, okta_claims: Json, sign: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM.format(port=port), stdout=asyncio.subprocess.PIPE
    )
    assert program.stdout is not None
    assert await program.stdout.readline() == b"ready\n"
    receiver = ReceiverServer(port=port)  # only for its url
    for _ in range(100):
        try:
            assert (await _post(http, receiver, sign(okta_claims)))[0] == 202
            break
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(0.05)
    assert (await _post(http, receiver, "x"))[0] == 400
    assert [await program.stdout.readline() for _ in range(2)] == [b"202 \n", b"400 invalid_request\n"]
    program.send_signal(signal.SIGINT)
    assert await program.stdout.readline() == b"ended\n"
    assert await program.wait() == 0


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError):
        run_receiver("127.0.0.1", taken.getsockname()[1])
