"""Keys of others by HTTP: found, kept, asked for anew in time and never too often, and kept when nobody answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bridge.errors import Unavailable
from bridge.oauth.foreign import PROFILES, metadata_urls
from bridge.oauth.remote import AT_FIRST, LATEST, SOONEST, UNSAID, RemoteKeys, Unfit, lifetime
from bridge.outbound import Outbound
from tests.oauth.given import public, rsa
from tests.oauth.standin import StandIn, standing_in
from tests.store.given import FakeClock


@pytest.fixture
async def there() -> AsyncIterator[StandIn]:
    async with standing_in(public(rsa("a"))) as stand_in:
        yield stand_in


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    way = Outbound(insecure=True, user_agent="test", limit_per_host=4)
    yield way
    await way.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def direct(there: StandIn, outbound: Outbound, clock: FakeClock) -> RemoteKeys:
    return RemoteKeys("them", outbound, clock, jwks_uri=f"{there.url}/keys")


async def test_kept_as_long_as_they_say(there: StandIn, outbound: Outbound, clock: FakeClock) -> None:
    remote = direct(there, outbound, clock)
    for _ in range(3):
        assert (await remote.keys("a")).knows("a")
    clock.at += 599
    await remote.keys("a")
    assert there.asked["/keys"] == 1
    clock.at += 1
    await remote.keys("a")
    assert there.asked["/keys"] == 2


async def test_a_kid_that_is_not_known_asks_once_a_minute(there: StandIn, outbound: Outbound, clock: FakeClock) -> None:
    remote = direct(there, outbound, clock)
    await remote.keys("a")
    there.keys = public(rsa("a"), rsa("b"))
    for _ in range(5):
        assert not (await remote.keys("b")).knows("b")
    assert there.asked["/keys"] == 1
    clock.at += SOONEST
    assert (await remote.keys("b")).knows("b")
    for kid in ("c", "d", "e"):
        await remote.keys(kid)
    assert there.asked["/keys"] == 2


async def test_many_callers_share_one_question(there: StandIn, outbound: Outbound, clock: FakeClock) -> None:
    remote = direct(there, outbound, clock)
    found = await asyncio.gather(*(remote.keys("a") for _ in range(20)))
    assert there.asked["/keys"] == 1 and all(keys.knows("a") for keys in found)


async def test_whoever_brings_the_new_key_waits_for_it(there: StandIn, outbound: Outbound, clock: FakeClock) -> None:
    remote = direct(there, outbound, clock)
    await remote.keys("a")
    there.keys = public(rsa("a"), rsa("b"))
    clock.at += SOONEST
    found = await asyncio.gather(*(remote.keys("b") for _ in range(5)))
    assert all(keys.knows("b") for keys in found) and there.asked["/keys"] == 2


@pytest.mark.parametrize("broken", [500, 404, 302])
async def test_the_last_good_set_stays(there: StandIn, outbound: Outbound, clock: FakeClock, broken: int) -> None:
    remote = direct(there, outbound, clock)
    await remote.keys("a")
    there.status = broken
    for days in range(1, 4):
        clock.at += 86_400
        assert (await remote.keys("a")).knows("a")
        assert there.asked["/keys"] == 1 + days
        await remote.keys("a")
        assert there.asked["/keys"] == 1 + days


async def test_a_set_that_will_not_do_takes_nobodys_place(there: StandIn, outbound: Outbound, clock: FakeClock) -> None:
    remote = direct(there, outbound, clock)
    await remote.keys("a")
    for keys in ({}, {"keys": []}, {"keys": [rsa("a").as_dict(private=True)]}):
        there.keys = keys
        clock.at += 3600
        assert (await remote.keys("a")).knows("a")


async def test_while_none_was_ever_had_nobody_can_say(there: StandIn, outbound: Outbound, clock: FakeClock) -> None:
    there.status = 503
    remote = direct(there, outbound, clock)
    for _ in range(3):
        with pytest.raises(Unavailable):
            await remote.keys("a")
    assert there.asked["/keys"] == 1
    there.status = 200
    clock.at += AT_FIRST
    assert (await remote.keys("a")).knows("a")
    clock.at += AT_FIRST
    await remote.keys("b")
    assert there.asked["/keys"] == 2


def found_by(there: StandIn, outbound: Outbound, clock: FakeClock) -> RemoteKeys:
    where = metadata_urls(there.issuer, PROFILES["rfc9068"])
    return RemoteKeys("them", outbound, clock, discovery=where, issuer=there.issuer)


@pytest.mark.parametrize(
    "document",
    [
        "/.well-known/oauth-authorization-server/as",
        "/as/.well-known/oauth-authorization-server",
        "/as/.well-known/openid-configuration",
    ],
)
async def test_found_by_metadata(there: StandIn, outbound: Outbound, clock: FakeClock, document: str) -> None:
    there.documents = (document,)
    assert (await found_by(there, outbound, clock).keys("a")).knows("a")


async def test_metadata_of_another_issuer_is_believed_by_nobody(
    there: StandIn, outbound: Outbound, clock: FakeClock
) -> None:
    there.claims_to_be = "https://evil.example"
    with pytest.raises(Unfit, match="another issuer"):
        await found_by(there, outbound, clock).fetch()
    assert there.asked["/keys"] == 0


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("max-age=600", 600.0),
        ("public, Max-Age=600, must-revalidate", 600.0),
        ("max-age=1", SOONEST),
        ("max-age=999999999", LATEST),
        ("max-age=600, no-store", SOONEST),
        ("no-cache", SOONEST),
        ("s-maxage=5", UNSAID),
        ("max-age=soon", UNSAID),
        ("", UNSAID),
    ],
)
def test_how_long(header: str, seconds: float) -> None:
    assert lifetime(header) == seconds
