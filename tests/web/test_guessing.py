"""Guesses of secrets and static tokens, on a socket: who is barred, and who is not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.oauth.given import rsa, signed
from tests.web.guests import Guests, guests

pytestmark = pytest.mark.asyncio

CLIENTS = """
[oauth.clients.siem]
audience = "https://siem.example"
secret = "hush-1"
[oauth.clients.other]
audience = "https://siem.example"
secret = "hush-2"
[oauth.clients.static]
audience = "https://siem.example"
token = "hush-3"
"""
PROXIED = '[server]\ntrusted_proxies = ["127.0.0.0/8"]\n' + CLIENTS
THERE, ELSEWHERE = "203.0.113.7", "198.51.100.9"


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncIterator[Guests]:
    async with guests(tmp_path, PROXIED) as running:
        yield running


async def ask(house: Guests, secret: str, client: str = "siem", source: str = THERE) -> tuple[int, Any, Any]:
    """The proxy is the peer; the sender wrote an address of its own before."""
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    headers = {"x-forwarded-for": f"1.1.1.1, {source}"}
    async with house.session.post(house.url("/oauth/token"), data=form, headers=headers) as answer:
        return answer.status, answer.headers, await answer.json()


async def call(house: Guests, token: str, source: str = THERE) -> tuple[int, Any]:
    headers = {"authorization": f"Bearer {token}", "x-forwarded-for": source}
    async with house.session.get(house.url("/ssf/probe"), headers=headers) as answer:
        return answer.status, await answer.json()


async def test_whoever_guesses_a_secret_is_barred_and_nobody_else(
    house: Guests, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(10):
        status, headers, body = await ask(house, f"guess-{number}")
        assert (status, body["error"]) == (401, "invalid_client") and "retry-after" not in headers
    for secret in ("guess-10", "hush-1"):  # right or wrong, nobody learns which
        status, headers, body = await ask(house, secret)
        assert (status, headers["retry-after"], body["error"]) == (429, "30", "temporarily_unavailable")
        assert headers["cache-control"] == "no-store" and "www-authenticate" not in headers
    assert (await ask(house, "hush-1", source=ELSEWHERE))[0] == 200
    assert (await ask(house, "hush-2", "other"))[0] == 200
    assert (await ask(house, "guess", "other"))[0] == 401
    house.clock.time += 30
    assert (await ask(house, "hush-1"))[0] == 200
    metrics, logged = house.metrics.render().decode(), capsys.readouterr().out
    assert 'oauth_token_requests_total{client="siem",outcome="limited"} 2.0' in metrics
    assert logged.count("oauth.guesses_limited") == 1 and THERE in logged
    assert "guess-" not in logged and "hush" not in logged


async def test_clients_that_do_not_exist_are_answered_alike(house: Guests) -> None:
    answers = {name: [await ask(house, "guess", name) for _ in range(12)] for name in ("siem", "stranger")}
    mine, theirs = ([(status, body) for status, _, body in one] for one in answers.values())
    assert mine == theirs and [status for status, _ in mine] == [401] * 10 + [429] * 2
    assert 'client="-",outcome="limited"} 2.0' in house.metrics.render().decode()


async def test_static_tokens(house: Guests) -> None:
    token = (await ask(house, "hush-1"))[2]["access_token"]
    for number in range(10):
        assert (await call(house, f"guess-{number}"))[0] == 401
    status, body = await call(house, "hush-3")
    assert (status, body["err"]) == (429, "too_many_requests")
    assert (await call(house, signed({"sub": "x"}, rsa("stranger"))))[0] == 429
    assert await call(house, token) == (200, {"client": "siem"})  # nobody guesses what is signed
    assert await call(house, "hush-3", ELSEWHERE) == (200, {"client": "static"})
    assert 'api_calls_refused_total{error="limited"} 2.0' in house.metrics.render().decode()
    house.clock.time += 30
    assert (await call(house, "hush-3"))[0] == 200


async def test_nobody_waits_because_of_a_neighbour_where_static_tokens_are_too_long_to_be_guessed(
    tmp_path: Path,
) -> None:
    long = "0123456789abcdef" * 2
    async with guests(tmp_path, PROXIED.replace("hush-3", long)) as house:
        for number in range(15):
            assert (await call(house, f"guess-{number}"))[0] == 401
        assert await call(house, long) == (200, {"client": "static"})


async def test_tokens_of_ours_that_are_not_good_any_more_are_no_guesses(house: Guests) -> None:
    token = (await ask(house, "hush-1"))[2]["access_token"]
    house.clock.time += 3700
    for _ in range(12):
        assert (await call(house, token))[0] == 401
    assert (await call(house, "hush-3"))[0] == 200


async def test_behind_a_proxy_that_nobody_named_nobody_is_barred(tmp_path: Path) -> None:
    async with guests(tmp_path, CLIENTS) as house:
        for _ in range(12):
            assert (await ask(house, "guess"))[0] == 401
        assert (await ask(house, "hush-1"))[0] == 200
