"""Tokens at every route of the API (RFC 6750; interoperability profile §2.7.2, §2.7.3)."""

from __future__ import annotations

import json
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2 as httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from tests.independent.management import UNSET, Management
from tests.independent.stream import Stream
from tests.mirror.answers import challenged, refused
from tests.mirror.clients import secret_of
from tests.mirror.house import House, Streams, state
from tests.mirror.test_tokens import parts

pytestmark = pytest.mark.asyncio(loop_scope="session")

EMAIL = {"format": "email", "email": "ada@acme.example"}
Call = Callable[..., Awaitable[httpx.Response]]

READS: dict[str, Call] = {
    "list": lambda api, stream, **more: api.list(**more),
    "read": lambda api, stream, **more: api.read(stream.id, **more),
    "status": lambda api, stream, **more: api.status(stream.id, **more),
}
POLL: dict[str, Call] = {
    "poll": lambda api, stream, **more: api.poll(stream.poll_url, {"returnImmediately": True}, **more),
}
WRITES: dict[str, Call] = {
    "update": lambda api, stream, **more: api.update({"stream_id": stream.id, "description": "x"}, **more),
    "replace": lambda api, stream, **more: api.replace({"stream_id": stream.id, "description": "y"}, **more),
    "set status": lambda api, stream, **more: posted(api, "status", stream, {"status": "enabled"}, **more),
    "add": lambda api, stream, **more: posted(api, "add_subject", stream, {"subject": EMAIL}, **more),
    "remove": lambda api, stream, **more: posted(api, "remove_subject", stream, {"subject": EMAIL}, **more),
    "verify": lambda api, stream, **more: posted(api, "verification", stream, {"state": state()}, **more),
    "create": lambda api, stream, **more: api.create({"delivery": {"method": "urn:ietf:rfc:8936"}}, **more),
    "delete": lambda api, stream, **more: api.delete(stream.id, **more),
}
CALLS = READS | POLL | WRITES


async def posted(
    api: Management, endpoint: str, stream: Stream, members: dict[str, Any], **more: Any
) -> httpx.Response:
    return await api.send("POST", api.at(endpoint), {"stream_id": stream.id, **members}, **more)


@pytest.mark.parametrize("name", CALLS)
async def test_no_token(streams: Streams, house: House, name: str) -> None:
    """IOP-39, IOP-43 (RFC 6750 §3): 401 with a challenge, which names no error where nothing was tried."""
    stream = await streams.poll()
    answer = await CALLS[name](house.receiver.holding(None), stream)
    challenged(answer, 401, None)


def _unsigned(claims: dict[str, Any]) -> str:
    head, body = ('{"alg":"none","typ":"at+jwt"}', json.dumps(claims))
    return ".".join(urlsafe_b64encode(part.encode()).rstrip(b"=").decode() for part in (head, body)) + "."


def _forged(good: str, header: dict[str, Any], claims: dict[str, Any], key: RSAKey) -> str:
    head, body = parts(good)
    merged = {name: value for name, value in (body | claims).items() if value is not None}
    return jwt.encode(head | {"alg": "RS256"} | header, merged, key, default_type=None)


async def _bad_tokens(house: House, streams: Streams) -> dict[str, str]:
    good = (await house.client("alpha")).token or ""
    head, body, signature = good.split(".")
    key = RSAKey.generate_key(2048)
    claims = parts(good)[1]
    stream = await streams.poll()
    verification = await stream.verified(state())
    other = "A" if signature[10] != "A" else "B"
    return {
        "rubbish": "x",
        "cut": good[:-20],
        "longer": good + "x",
        "tampered": f"{head}.{body}.{signature[:10]}{other}{signature[11:]}",
        "without a signature": f"{head}.{body}.",
        "unsigned": _unsigned(claims),
        "signed by a stranger": _forged(good, {}, {}, key),
        "foreign": _forged(good, {"kid": "theirs"}, {"iss": "https://as.elsewhere.example"}, key),
        "a SET": verification.text,
        "the client's secret": secret_of("alpha"),
        "another body": f"{head}.{parts_of({**claims, 'client_id': 'beta', 'sub': 'beta'})}.{signature}",
        "random": uuid.uuid4().hex,
    }


def parts_of(claims: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()


async def test_no_good_token(house: House, streams: Streams) -> None:
    """IOP-41, IOP-43 (RFC 6750 §3.1): 401 invalid_token; a SET is no token (SSF §4.1.3)."""
    for why, token in (await _bad_tokens(house, streams)).items():
        answer = await house.receiver.holding(token).list()
        assert answer.status_code == 401, (why, answer.status_code)
        challenged(answer, 401, "invalid_token")
        assert token not in answer.text, why


@pytest.mark.parametrize("name", CALLS)
async def test_a_bad_token_at_every_route(streams: Streams, house: House, name: str) -> None:
    """IOP-41: the routes have one door; RFC 8936 §3: the poll endpoint names its scheme too."""
    stream = await streams.poll()
    answer = await CALLS[name](house.receiver.holding("a.bad.token"), stream)
    challenged(answer, 401, "invalid_token")


class Queried(Management):
    """Sends the token in the query, and no header."""

    def __init__(self, api: Management) -> None:
        super().__init__(api.http, api.found, None)
        self.queried = api.token or ""

    async def send(self, method: str, url: str, body: Any = UNSET, **more: Any) -> httpx.Response:
        more["params"] = {**more.get("params", {}), "access_token": self.queried}
        return await super().send(method, url, body, **more)


@pytest.mark.parametrize("name", CALLS)
async def test_a_token_in_the_query_is_none(streams: Streams, alpha: Management, name: str) -> None:
    """IOP-40 (RFC 6750 §2.3): never accepted, nor repeated."""
    answer = await CALLS[name](Queried(alpha), await streams.poll())
    assert answer.status_code in (400, 401), (answer.status_code, answer.text)
    assert answer.headers["www-authenticate"].lower().startswith("bearer")
    assert (alpha.token or "-") not in answer.text + str(answer.headers)


@pytest.mark.parametrize("header", ["Bearer", "Bearer a b", "Basic YTpi", "Token x", "Bearer é"])
async def test_headers_that_hold_no_token(house: House, alpha: Management, header: str) -> None:
    """RFC 6750 §2.1, §3.1: 401, or 400 invalid_request where the request itself is malformed."""
    answer = await alpha.list(headers={"authorization": header.encode("latin-1")})
    assert answer.status_code in (400, 401), answer.status_code
    assert answer.headers["www-authenticate"].lower().startswith("bearer")


async def test_the_scheme_has_no_case(alpha: Management) -> None:
    """RFC 9110 §11.1."""
    assert (await alpha.list(headers={"authorization": f"bearer {alpha.token}"})).status_code == 200


@pytest.mark.parametrize("name", [*READS, *POLL])
async def test_reading_takes_either_scope(house: House, streams: Streams, name: str) -> None:
    """IOP-35, IOP-36: reads, and the poll, accept `ssf.read`, and `ssf.manage` alone as well."""
    stream = await streams.poll()
    for scope in ("ssf.read", "ssf.manage"):
        answer = await CALLS[name](await house.client("alpha", scope), stream)
        assert answer.status_code == 200, (scope, answer.status_code, answer.text)


@pytest.mark.parametrize("name", WRITES)
async def test_changing_takes_ssf_manage(house: House, streams: Streams, name: str) -> None:
    """IOP-35, IOP-42, IOP-43 (RFC 6750 §3.1): `ssf.read` is 403 insufficient_scope, and names what would do."""
    stream = await streams.poll()
    answer = await CALLS[name](await house.client("alpha", "ssf.read"), stream)
    found = challenged(answer, 403, "insufficient_scope")
    assert found["scope"] == "ssf.manage"
    before = stream.config
    assert (await stream.api.read(stream.id)).json() == before, "nothing changed"


@pytest.mark.parametrize("name", WRITES)
async def test_ssf_manage_alone_is_enough(house: House, streams: Streams, name: str) -> None:
    """IOP-35."""
    stream = await streams.poll()
    answer = await CALLS[name](await house.client("alpha", "ssf.manage"), stream)
    assert answer.status_code in (200, 201, 204), (answer.status_code, answer.text)
    if name == "create":
        streams.made.append(Stream(stream.api, answer.json()))


@pytest.mark.parametrize("name", ["create", "update", "replace", "set status", "add", "remove", "verify", "poll"])
async def test_the_token_comes_before_the_body(house: House, streams: Streams, name: str) -> None:
    """Authentication before the body is looked at: what nobody proved is not parsed, whatever its size."""
    stream = await streams.poll()
    for content in (b"{", b"x" * 5_000_000):
        answer = await CALLS[name](house.receiver.holding(None), stream, headers={"x-test": "1"})
        challenged(answer, 401, None)
        url = stream.poll_url if name == "poll" else stream.api.at("configuration")
        raw = await stream.api.http.post(url, content=content, headers={"content-type": "application/json"})
        challenged(raw, 401, None)


async def test_refusals_of_requests_are_of_ssf(alpha: Management) -> None:
    """specs §4.4: past the door, errors are `err` and `description`."""
    refused(await alpha.read(f"none-{time.time()}"), 404)
