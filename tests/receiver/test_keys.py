from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import httpx2 as httpx
import pytest
import respx
from joserfc.jwk import RSAKey

from bridge.receiver.keys import Fetched, KeysUnavailable, rsa_keys
from bridge.receiver.server import ReceiverServer
from tests.receiver.conftest import FakeClock

Json = dict[str, Any]
ISSUER = "https://signals.acme.example"
AUDIENCE = "https://acme.okta.com"


async def push(receiver: ReceiverServer, text: str) -> tuple[int, Json]:
    headers = {"Content-Type": "application/secevent+jwt"}
    async with aiohttp.ClientSession() as http, http.post(receiver.url, data=text, headers=headers) as answer:
        body = await answer.read()
        return answer.status, json.loads(body) if body else {}


class Documents:
    """A loopback transmitter: its documents, and how often each was read."""

    def __init__(self) -> None:
        self.pages: dict[str, tuple[int, str, bytes]] = {}
        self.reads: list[str] = []
        self.url = ""

    def put(self, path: str, content: Any, status: int = 200, media: str = "application/json") -> None:
        self.pages[path] = (status, media, content if isinstance(content, bytes) else json.dumps(content).encode())

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1].decode()
        self.reads.append(path)
        status, media, body = self.pages.get(path, (404, "text/plain", b""))
        head = (
            f"HTTP/1.1 {status} X\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()


WELL_KNOWN = "/.well-known/ssf-configuration"


async def test_a_transmitter_on_the_public_net(clock: FakeClock, key: RSAKey, respx_mock: respx.MockRouter) -> None:
    """Over https by name, as no loopback socket can be: the metadata is read, then the key set that it names."""
    public = key.as_dict(private=False) | {"kid": "k1"}
    respx_mock.get(f"{ISSUER}{WELL_KNOWN}").respond(json={"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"})
    keys = respx_mock.get(f"{ISSUER}/keys").mock(
        side_effect=[httpx.ConnectTimeout("slow"), httpx.Response(200, json={"keys": [public]})]
    )
    fetched = Fetched(clock, well_known=f"{ISSUER}{WELL_KNOWN}")
    with pytest.raises(KeysUnavailable, match="cannot be read"):
        await fetched.transmitter("k1")
    found = await fetched.transmitter("k1")
    assert (found.issuer, list(found.keys)) == (ISSUER, ["k1"])
    assert keys.call_count == 2


@pytest.fixture
async def documents(jwks: Json) -> AsyncIterator[Documents]:
    made = Documents()
    server = await asyncio.start_server(made.handle, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    made.put(WELL_KNOWN, {"issuer": ISSUER, "jwks_uri": f"{made.url}/jwks.json"})
    made.put("/jwks.json", jwks)
    yield made
    server.close()
    await server.wait_closed()


async def test_keys_are_fetched_once(documents: Documents, okta_claims: Json, sign: Any, clock: Any) -> None:
    keys = Fetched(clock, well_known=documents.url + WELL_KNOWN)
    async with ReceiverServer(audience=AUDIENCE, keys=keys) as receiver:
        for jti in "abc":
            assert (await push(receiver, sign({**okta_claims, "jti": jti})))[0] == 202
    assert documents.reads == [WELL_KNOWN, "/jwks.json"]


async def test_an_unknown_kid_fetches_again_but_not_too_often(
    documents: Documents, jwks: Json, clock: Any, key: RSAKey
) -> None:
    keys = Fetched(clock, well_known=documents.url + WELL_KNOWN)
    await keys.transmitter("k1")
    documents.put("/jwks.json", {"keys": [{**jwks["keys"][0], "kid": "k2"}]})
    assert "k2" not in (await keys.transmitter("k2")).keys and len(documents.reads) == 2
    clock.at += 6
    assert "k2" in (await keys.transmitter("k2")).keys and len(documents.reads) == 4


async def test_issuer_and_jwks_url_need_no_metadata(documents: Documents, clock: Any) -> None:
    keys = Fetched(clock, issuer=ISSUER, jwks_url=f"{documents.url}/jwks.json")
    assert (await keys.transmitter("k1")).issuer == ISSUER
    assert documents.reads == ["/jwks.json"]
    with pytest.raises(ValueError, match="well_known"):
        Fetched(clock, issuer=ISSUER)


@pytest.mark.parametrize(
    ("path", "content", "status", "media", "says"),
    [
        (WELL_KNOWN, {}, 404, "application/json", "404"),
        (WELL_KNOWN, b"<html>", 200, "text/html", "cannot be read"),
        (WELL_KNOWN, {"issuer": ISSUER, "jwks_uri": "x"}, 200, "text/plain", "not application/json"),
        (WELL_KNOWN, [], 200, "application/json", "not an object"),
        (WELL_KNOWN, {"issuer": ISSUER}, 200, "application/json", "no jwks_uri"),
        (WELL_KNOWN, {"jwks_uri": "x"}, 200, "application/json", "no issuer"),
        (WELL_KNOWN, {"issuer": ISSUER, "jwks_uri": "http://nobody.invalid/"}, 200, "application/json", "key set"),
        (WELL_KNOWN, {"issuer": ISSUER, "jwks_uri": "mailto:x"}, 200, "application/json", "key set"),
        ("/jwks.json", {"keys": {}}, 200, "application/json", "no list"),
        ("/jwks.json", {"keys": [{"kty": "RSA", "kid": "k", "d": "x"}]}, 200, "application/json", "private"),
    ],
)
async def test_unfit_documents(
    documents: Documents, okta_claims: Json, sign: Any, clock: Any,
    path: str, content: Any, status: int, media: str, says: str,
) -> None:  # fmt: skip
    documents.put(path, content, status, media)
    keys = Fetched(clock, well_known=documents.url + WELL_KNOWN)
    with pytest.raises(KeysUnavailable, match=says):
        await keys.transmitter("k1")
    async with ReceiverServer(keys=keys) as receiver:
        answered, body = await push(receiver, sign(okta_claims))
    assert (answered, body["err"]) == (400, "invalid_key")


def test_keys_that_do_not_fit_are_passed_over(jwks: Json) -> None:
    good = jwks["keys"][0]
    small = {**good, "n": good["n"][:100]}
    others = [{**good, "alg": "RS512"}, {**good, "use": "enc"}, {**good, "kid": 7}, small, {"kty": "EC"}, "x", None]
    assert rsa_keys({"keys": others}) == {}
    assert list(rsa_keys({"keys": [*others, good]})) == ["k1"]
    assert rsa_keys({"keys": []}) == {}
