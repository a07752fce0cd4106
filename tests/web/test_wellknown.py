from __future__ import annotations

import aiohttp
import pytest

from bridge.web.wellknown import keys_age
from tests.web.doors import JWKS, Doors

pytestmark = pytest.mark.asyncio(loop_scope="module")

METADATA = [
    f"{before}/.well-known/{name}{after}"
    for name in ("ssf-configuration", "sse-configuration")
    for before, after in (("", ""), ("/t/blue", ""), ("", "/t/blue"))
]
KEYS = ["/.well-known/jwks.json", "/t/blue/.well-known/jwks.json", "/.well-known/jwks.json/t/blue"]


@pytest.mark.parametrize("path", METADATA)
async def test_metadata(doors: Doors, http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(doors.url(path), headers={"Host": "anything.example"}) as answer:
        assert answer.status == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["cache-control"] == "public, max-age=3600"
        assert await answer.json() == {
            "spec_version": "1_0",
            "issuer": "https://signals.acme.example/t/blue",
            "jwks_uri": "https://signals.acme.example/t/blue/.well-known/jwks.json",
            "delivery_methods_supported": ["urn:ietf:rfc:8935"],
        }


@pytest.mark.parametrize("path", KEYS)
async def test_keys(doors: Doors, http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(doors.url(path)) as answer:
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        assert answer.headers["cache-control"] == "public, max-age=900"
        assert await answer.json() == JWKS


@pytest.mark.parametrize("path", [METADATA[0], KEYS[0]])
async def test_conditional_requests(doors: Doors, http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(doors.url(path)) as answer:
        tag = answer.headers["etag"]
    for condition in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        async with http.get(doors.url(path), headers={"If-None-Match": condition}) as answer:
            assert (answer.status, answer.headers["etag"], await answer.read()) == (304, tag, b"")
    for condition in ('"other"', tag.strip('"')):
        async with http.get(doors.url(path), headers={"If-None-Match": condition}) as answer:
            assert answer.status == 200


async def test_a_rotation_shows_at_once(doors: Doors, http: aiohttp.ClientSession) -> None:
    async with http.get(doors.url(KEYS[0])) as answer:
        tag = answer.headers["etag"]
    doors.jwks = {"keys": []}
    async with http.get(doors.url(KEYS[0]), headers={"If-None-Match": tag}) as answer:
        assert (answer.status, await answer.json()) == (200, {"keys": []})


@pytest.mark.parametrize(
    ("publish_for", "age"), [(86_400, 900), (3600, 900), (3599, 899), (60, 15), (10, 2), (3, 0), (0, 0)]
)
async def test_who_keeps_to_the_age_of_the_keys_has_the_next_one_in_time(publish_for: float, age: int) -> None:
    assert keys_age(publish_for) == age


async def test_head(doors: Doors, http: aiohttp.ClientSession) -> None:
    async with http.head(doors.url(METADATA[0])) as answer:
        assert (answer.status, answer.headers["content-type"], await answer.read()) == (200, "application/json", b"")
        assert int(answer.headers["content-length"]) > 100


@pytest.mark.parametrize("path", [METADATA[0], KEYS[0]])
async def test_other_methods(doors: Doors, http: aiohttp.ClientSession, path: str) -> None:
    async with http.post(doors.url(path)) as answer:
        assert answer.status == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/t/red/.well-known/jwks.json", "/.well-known/ssf-configuration/t", "/.well-known/"])
async def test_other_paths(doors: Doors, http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(doors.url(path), allow_redirects=False) as answer:
        assert answer.status == 404
