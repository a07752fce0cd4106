"""private_key_jwt, static tokens, and the end of credentials (RFC 7523 §3; interoperability profile §2.7.3)."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from tests.independent import tokens
from tests.mirror.answers import challenged, ok
from tests.mirror.clients import ALPHA, KEY, TOKEN, secret_of
from tests.mirror.house import House, Streams, state
from tests.mirror.test_tokens import failed

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def asserted(
    house: House, key: Any = KEY, alg: str = "ES256", audience: str = "", **changes: Any
) -> httpx.Response:
    endpoint = house.receiver.found.token_endpoint
    proof = tokens.private_key_jwt("keyed", key, audience or endpoint, alg, **changes)
    return await tokens.ask(house.receiver.http, endpoint, proof)


@pytest.mark.parametrize("audience", ["endpoint", "issuer"])
async def test_a_key_gets_a_token(house: House, audience: str) -> None:
    """IOP-31 (RFC 7523 §3): with the token endpoint, or the issuer, as audience."""
    answer = await asserted(house, audience="" if audience == "endpoint" else house.service.url)
    assert answer.status_code == 200, answer.text
    api = house.receiver.holding(answer.json()["access_token"])
    assert (await api.list()).status_code == 200


STRANGER = ECKey.generate_key("P-256", {"kid": "keyed-1"}, auto_kid=False)

REFUSED: dict[str, dict[str, Any]] = {
    "expired": {"exp": int(time.time()) - 3600, "iat": int(time.time()) - 3700},
    "no end": {"exp": None},
    "for years": {"exp": int(time.time()) + 10_000_000},
    "not yet": {"nbf": int(time.time()) + 3600},
    "no jti": {"jti": None},
    "another audience": {"aud": "https://as.elsewhere.example"},
    "no audience": {"aud": None},
    "another issuer": {"iss": "alpha"},
    "another subject": {"sub": "alpha"},
    "by a stranger": {"key": STRANGER},
    "RSA": {"key": RSAKey.generate_key(2048, {"kid": "keyed-1"}, auto_kid=False), "alg": "RS256"},
    "HMAC": {"key": OctKey.import_key(secret_of("alpha")), "alg": "HS256"},
}


@pytest.mark.parametrize("changes", REFUSED.values(), ids=REFUSED)
async def test_what_proves_nothing(house: House, changes: dict[str, Any]) -> None:
    """RFC 7523 §3, RFC 6749 §5.2: invalid_client."""
    answer = await asserted(house, **changes)
    failed(answer, answer.status_code if answer.status_code in (400, 401) else 401, "invalid_client")


async def test_an_assertion_is_used_once(house: House) -> None:
    """RFC 7523 §3: its jti is remembered; also where both come at once."""
    endpoint = house.receiver.found.token_endpoint
    text = tokens.assertion("keyed", KEY, endpoint, "ES256")
    body = {"client_assertion_type": tokens.ASSERTION_TYPE, "client_assertion": text}

    def proof(form: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        return {**form, **body}, {}

    asked = [tokens.ask(house.receiver.http, endpoint, proof) for _ in range(5)]
    answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code == 200 for answer in answers) == [False] * 4 + [True]
    for answer in answers:
        if answer.status_code != 200:
            failed(answer, answer.status_code, "invalid_client")


async def test_a_token_that_was_agreed(house: House, streams: Streams) -> None:
    """IOP-39: a static client does all that another does, and sees its own streams."""
    api = house.receiver.holding(TOKEN)
    stream = await house.receiver.open_push(api, ())
    streams.made.append(stream)
    await stream.verified(state())
    assert [one["stream_id"] for one in (await api.list()).json()] == [stream.id]
    challenged(await house.receiver.holding(TOKEN[:-1]).list(), 401, "invalid_token")


async def test_nobody_gets_a_token_for_it(house: House) -> None:
    """A static token is no secret of the token endpoint, nor the other way round."""
    endpoint, http = house.receiver.found.token_endpoint, house.receiver.http
    failed(await tokens.ask(http, endpoint, tokens.basic("static", TOKEN)), 401, "invalid_client")


def client(name: str, secret: str = "") -> dict[str, dict[str, Any]]:
    table = {"secret": secret or secret_of(name), "scopes": ["ssf.read", "ssf.manage"], "audience": ALPHA}
    return {f"oauth.clients.{name}": table}


async def test_the_end_of_credentials(tmp_path: Path) -> None:
    """IOP-41: tokens of a removed client, and of one whose secret changed, end; others' stay, and streams too."""
    async with House(tmp_path, client("stays") | client("changes") | client("goes")) as house:
        apis = {name: await house.client(name) for name in ("stays", "changes", "goes")}
        made = {name: ok(await api.create({}), 201)["stream_id"] for name, api in apis.items()}
        del house.service.tables["oauth.clients.goes"]
        house.service.tables |= client("changes", "another-secret-0123456789-0123456789")
        await house.service.restart()
        assert (await apis["stays"].read(made["stays"])).status_code == 200
        for name in ("changes", "goes"):
            challenged(await apis[name].read(made[name]), 401, "invalid_token")
        proof = tokens.basic("changes", "another-secret-0123456789-0123456789")
        again = await house.receiver.client(proof)
        assert (await again.read(made["changes"])).status_code == 200
        old = tokens.basic("changes", secret_of("changes"))
        failed(await tokens.ask(house.receiver.http, house.receiver.found.token_endpoint, old), 401, "invalid_client")
