"""Client credentials (RFC 6749 §4.4) by the three ways to prove oneself, and a token that was agreed beforehand."""

from __future__ import annotations

import time
import uuid
from base64 import b64encode
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus

import httpx2 as httpx
from joserfc import jwt
from joserfc.jwk import ECKey, OKPKey, RSAKey

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Proof = Callable[[dict[str, str]], tuple[dict[str, str], dict[str, str]]]
"""The form → (form, headers) with the client's proof in one of them."""


def basic(client: str, secret: str) -> Proof:
    """RFC 6749 §2.3.1: both parts form-encoded first."""
    pair = f"{quote_plus(client)}:{quote_plus(secret)}"
    return lambda form: (form, {"authorization": "Basic " + b64encode(pair.encode()).decode()})


def post(client: str, secret: str) -> Proof:
    return lambda form: ({**form, "client_id": client, "client_secret": secret}, {})


def private_key_jwt(client: str, key: RSAKey | ECKey | OKPKey, audience: str, alg: str, **changes: Any) -> Proof:
    """RFC 7523 §2.2. `changes` replace claims of the assertion; None takes one out."""

    def prove(form: dict[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        text = assertion(client, key, audience, alg, **changes)
        return {**form, "client_assertion_type": ASSERTION_TYPE, "client_assertion": text}, {}

    return prove


def assertion(client: str, key: RSAKey | ECKey | OKPKey, audience: str, alg: str, **changes: Any) -> str:
    now = int(time.time())
    claims = {"iss": client, "sub": client, "aud": audience, "jti": uuid.uuid4().hex, "iat": now, "exp": now + 60}
    kept = {name: value for name, value in (claims | changes).items() if value is not None}
    header = {"alg": alg, **({"kid": key.kid} if key.kid else {})}
    return jwt.encode(header, kept, key, algorithms=[alg])


async def ask(http: httpx.AsyncClient, endpoint: str, proof: Proof, scope: str = "", **more: str) -> httpx.Response:
    """The answer of the token endpoint, whatever it is."""
    form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {}), **more}
    data, headers = proof(form)
    return await http.post(endpoint, data=data, headers=headers)


async def fetch(http: httpx.AsyncClient, endpoint: str, proof: Proof, scope: str = "") -> str:
    """A token, from an answer that keeps to RFC 6749 §5.1 and to the profile's lifetime (§2.7.1)."""
    answer = await ask(http, endpoint, proof, scope)
    assert answer.status_code == 200, (answer.status_code, answer.text)
    body = answer.json()
    assert body["token_type"].lower() == "bearer"
    assert 0 < body["expires_in"] <= 3600
    assert answer.headers["cache-control"] == "no-store"
    assert body.get("scope", scope).split() or not scope
    return str(body["access_token"])
