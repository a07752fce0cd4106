"""The token endpoint (RFC 6749 §2.3, §4.4, §5; RFC 7523; RFC 9068; interoperability profile §2.7.1)."""

from __future__ import annotations

import json
import time
from base64 import urlsafe_b64decode
from typing import Any

import httpx2 as httpx
import pytest

from tests.independent import tokens
from tests.independent.discovery import document, media_type
from tests.mirror.clients import secret_of
from tests.mirror.house import House

pytestmark = pytest.mark.asyncio(loop_scope="session")

BASIC = tokens.basic("alpha", secret_of("alpha"))


async def ask(house: House, proof: tokens.Proof, scope: str = "", **more: str) -> httpx.Response:
    return await tokens.ask(house.receiver.http, house.receiver.found.token_endpoint, proof, scope, **more)


def failed(answer: httpx.Response, status: int, error: str) -> None:
    """RFC 6749 §5.2."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert media_type(answer) == "application/json" and answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body["error"] == error and set(body) <= {"error", "error_description", "error_uri"}, body
    assert "secret-of-the-mirror" not in answer.text


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    header, claims, _ = token.split(".")
    opened = [json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in (header, claims)]
    return opened[0], opened[1]


@pytest.mark.parametrize("way", [tokens.basic, tokens.post], ids=["basic", "post"])
async def test_a_secret_gets_a_token(house: House, way: Any) -> None:
    """IOP-31 (RFC 6749 §2.3.1, §4.4): client_secret_basic and client_secret_post."""
    proof = way("alpha", secret_of("alpha"))
    token = await tokens.fetch(house.receiver.http, house.receiver.found.token_endpoint, proof)
    assert (await house.receiver.holding(token).list()).status_code == 200


async def test_what_a_token_says(house: House) -> None:
    """IOP-32 (RFC 9068 §2): typed at+jwt, at most an hour, for this issuer, with client and scope; never a SET."""
    answer = (await ask(house, BASIC)).json()
    header, claims = parts(answer["access_token"])
    assert header["typ"] == "at+jwt" and header["alg"] != "none"
    published = await document(house.receiver.http, house.receiver.found.server["jwks_uri"])
    assert header["kid"] in {key["kid"] for key in published["keys"]}
    assert header["kid"] not in house.receiver.found.set_keys
    assert claims["iss"] == house.receiver.found.server["issuer"]
    assert (claims["client_id"], claims["sub"]) == ("alpha", "alpha")
    assert claims["exp"] - claims["iat"] == answer["expires_in"] <= 3600
    assert abs(claims["iat"] - time.time()) < 5 and claims["jti"] and claims["aud"]
    assert set(claims["scope"].split()) == {"ssf.read", "ssf.manage"} and "events" not in claims


async def test_two_tokens_are_two(house: House) -> None:
    """RFC 9068 §2.2: jti is unique."""
    first, second = [parts((await ask(house, BASIC)).json()["access_token"])[1] for _ in range(2)]
    assert first["jti"] != second["jti"]


@pytest.mark.parametrize("scope", ["ssf.read", "ssf.manage", "ssf.manage ssf.read"])
async def test_scopes_are_what_was_asked_for(house: House, scope: str) -> None:
    """RFC 6749 §3.3: a token may have less than its client."""
    answer = (await ask(house, BASIC, scope)).json()
    assert set(parts(answer["access_token"])[1]["scope"].split()) == set(scope.split())


@pytest.mark.parametrize("scope", ["ssf.manage", "ssf.write", "openid", "ssf.read ssf.manage"])
async def test_no_more_than_the_client_has(house: House, scope: str) -> None:
    """IOP-42 (RFC 6749 §5.2): invalid_scope."""
    failed(await ask(house, tokens.basic("reader", secret_of("reader")), scope), 400, "invalid_scope")


@pytest.mark.parametrize(
    "proof",
    [
        tokens.basic("alpha", "wrong"),
        tokens.basic("alpha", ""),
        tokens.basic("alpha", secret_of("beta")),
        tokens.basic("nobody", secret_of("alpha")),
        tokens.basic("", ""),
        lambda form: (form, {"authorization": "Basic !!!"}),
        lambda form: (form, {"authorization": f"Bearer {secret_of('alpha')}"}),
    ],
    ids=["wrong secret", "no secret", "another's secret", "nobody", "empty", "no base64", "another scheme"],
)
async def test_who_proves_nothing_gets_nothing(house: House, proof: tokens.Proof) -> None:
    """RFC 6749 §5.2: invalid_client, and a challenge where a header was tried."""
    answer = await ask(house, proof)
    failed(answer, 401, "invalid_client")
    assert answer.headers["www-authenticate"].lower().startswith("basic")


@pytest.mark.parametrize(
    "proof",
    [
        tokens.post("alpha", "wrong"),
        tokens.post("nobody", "wrong"),
        lambda form: (form, {}),
        lambda form: ({**form, "client_id": "alpha"}, {}),
    ],
    ids=["wrong secret", "nobody", "nothing", "only a name"],
)
async def test_nor_in_the_body(house: House, proof: tokens.Proof) -> None:
    """RFC 6749 §5.2."""
    failed(await ask(house, proof), 401, "invalid_client")


async def test_one_way_at_a_time(house: House) -> None:
    """RFC 6749 §2.3: never two methods in one request."""
    _, headers = BASIC({})
    form, _ = tokens.post("alpha", secret_of("alpha"))({})
    failed(await ask(house, lambda given: ({**given, **form}, headers)), 400, "invalid_request")


@pytest.mark.parametrize("grant", ["password", "authorization_code", "refresh_token", "x"])
async def test_other_grants(house: House, grant: str) -> None:
    """RFC 6749 §5.2: unsupported_grant_type."""
    failed(await ask(house, BASIC, grant_type=grant), 400, "unsupported_grant_type")


FORM = "application/x-www-form-urlencoded"
MISFITS = {
    "no grant": (b"scope=ssf.read", FORM),
    "empty": (b"", FORM),
    "twice": (b"grant_type=client_credentials&grant_type=client_credentials", FORM),
    "not UTF-8": (b"grant_type=client_credentials&scope=%ff", FORM),
}


@pytest.mark.parametrize(("body", "kind"), MISFITS.values(), ids=MISFITS)
async def test_misfits(house: House, body: bytes, kind: str) -> None:
    """RFC 6749 §3.2, §5.2: missing and repeated parameters are invalid_request."""
    _, headers = BASIC({})
    url = house.receiver.found.token_endpoint
    answer = await house.receiver.http.post(url, content=body, headers={**headers, "content-type": kind})
    assert answer.json()["error"] in ("invalid_request", "invalid_scope") and answer.status_code == 400, answer.text


async def test_only_by_post_and_as_a_form(house: House) -> None:
    """RFC 6749 §3.2, appendix B."""
    url, http = house.receiver.found.token_endpoint, house.receiver.http
    _, headers = BASIC({})
    got = await http.get(url, params={"grant_type": "client_credentials"}, headers=headers)
    assert got.status_code == 405 and "POST" in got.headers["allow"]
    sent = await http.post(url, json={"grant_type": "client_credentials"}, headers=headers)
    assert sent.status_code in (400, 415) and "access_token" not in sent.text
    queried = await http.post(url, params={"grant_type": "client_credentials"}, headers=headers)
    assert queried.status_code in (400, 415) and "access_token" not in queried.text
    large = await http.post(url, content=b"x=" + b"a" * 5_000_000, headers={**headers, "content-type": FORM})
    assert large.status_code in (400, 413)
