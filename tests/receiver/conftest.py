from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

Json = dict[str, Any]
Sign = Callable[..., str]

COMPLIANCE = "https://schemas.openid.net/secevent/caep/event-type/device-compliance-change"
ISSUER = "https://signals.acme.example"
AUDIENCE = "https://acme.okta.com"
NOW = 1_795_348_800


class FakeClock:
    """Time that stands still unless moved; `sleep` moves it."""

    def __init__(self) -> None:
        self.at = float(NOW)

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(scope="session")
def key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "k1", "alg": "RS256", "use": "sig"})


@pytest.fixture(scope="session")
def other_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "k1", "alg": "RS256", "use": "sig"})


@pytest.fixture
def jwks(key: RSAKey) -> Json:
    return {"keys": [key.as_dict(private=False)]}


@pytest.fixture
def header() -> Json:
    return {"alg": "RS256", "kid": "k1", "typ": "secevent+jwt"}


@pytest.fixture
def okta_claims() -> Json:
    return {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "jti": "01JD9Z6W3C5K8N2Q7R4T1V0XYA",
        "iat": NOW,
        "events": {
            COMPLIANCE: {
                "subject": {
                    "user": {"format": "email", "email": "dana.reyes@acme.example"},
                    "device": {"format": "opaque", "id": "kolide:48213"},
                },
                "event_timestamp": NOW - 9,
                "current_status": "not-compliant",
                "previous_status": "compliant",
                "initiating_entity": "policy",
                "reason_admin": {"en": "disk encryption is off"},
            }
        },
    }


@pytest.fixture
def ssf_claims(okta_claims: Json) -> Json:
    claims = copy.deepcopy(okta_claims)
    subject = claims["events"][COMPLIANCE].pop("subject")
    return {**claims, "txn": "t-1", "sub_id": {"format": "complex", **subject}}


@pytest.fixture
def sign(key: RSAKey, header: Json) -> Sign:
    """`sign(claims, key=…, **header)`: a compact SET; a header member None is left out."""

    def make(claims: Any, signer: RSAKey = key, **changed: Any) -> str:
        protected = {name: value for name, value in {**header, **changed}.items() if value is not None}
        return jws.serialize_compact(protected, json.dumps(claims), signer, algorithms=[protected.get("alg", "RS256")])

    return make
