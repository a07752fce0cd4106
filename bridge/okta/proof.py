"""How we prove ourselves to Okta: an API token, or a service app's private key (RFC 7523 §2.2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Protocol
from urllib.parse import urlencode

import orjson
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from joserfc import jws
from joserfc.jwk import RSAKey

from bridge.clock import Clock, Ids
from bridge.config.secret import Secret
from bridge.okta.words import OktaTrouble

Ask = Callable[[str, bytes], Awaitable[bytes]]
"""POSTs a form to a path of Okta's and gives the body of a good answer; raises OktaTrouble."""

TOKEN_PATH: Final = "/oauth2/v1/token"  # noqa: S105  a path
_ASSERTION: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LIFETIME: Final = 300
"""Seconds that an assertion is good for."""
_MARGIN: Final = 60.0
_RS256 = jws.JWSRegistry(algorithms=["RS256"])


class Proof(Protocol):
    async def header(self, scope: str, ask: Ask) -> str:
        """The Authorization header for a question that needs `scope`. Raises OktaTrouble."""

    def forget(self) -> None:
        """Okta refused it: do not use again what is kept."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""


class ApiToken:
    """`SSWS`, or `Bearer` for an access token that an admin got elsewhere."""

    def __init__(self, token: Secret, scheme: str = "SSWS") -> None:
        self._token, self._scheme = token, scheme

    async def header(self, scope: str, ask: Ask) -> str:
        token = self._token.reveal()
        if not token.isascii() or not token.isprintable() or " " in token:
            raise OktaTrouble("unauthorized", "the API token is no single word of printable ASCII", sent=False)
        return f"{self._scheme} {token}"

    def forget(self) -> None:
        return

    @property
    def secrets(self) -> tuple[str, ...]:
        return (self._token.reveal(),)


class PrivateKeyJwt:
    """Access tokens by client credentials, one per scope, so that an app may be granted one scope alone."""

    def __init__(self, client_id: str, key: Secret, key_id: str | None, base: str, clock: Clock, ids: Ids) -> None:
        self._client, self._key, self._key_id = client_id, key, key_id
        self._audience = base + TOKEN_PATH
        self._clock, self._ids = clock, ids
        self._kept: dict[str, tuple[str, float]] = {}

    async def header(self, scope: str, ask: Ask) -> str:
        token, until = self._kept.get(scope, ("", 0.0))
        if not token or self._clock.monotonic() >= until:
            token, lifetime = _token(await ask(TOKEN_PATH, self._form(scope)))
            self._kept[scope] = token, self._clock.monotonic() + max(lifetime - _MARGIN, lifetime / 2)
        return f"Bearer {token}"

    def forget(self) -> None:
        self._kept.clear()

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(token for token, _ in self._kept.values())

    def _form(self, scope: str) -> bytes:
        form = {
            "grant_type": "client_credentials",
            "scope": scope,
            "client_assertion_type": _ASSERTION,
            "client_assertion": self._assertion(),
        }
        return urlencode(form).encode()

    def _assertion(self) -> str:
        now = int(self._clock.now())
        claims = {
            "iss": self._client,
            "sub": self._client,
            "aud": self._audience,
            "iat": now,
            "exp": now + _LIFETIME,
            "jti": self._ids.jti(),
        }
        header = {"alg": "RS256", **({"kid": self._key_id} if self._key_id else {})}
        key, fault = private_key(self._key)
        if key is None:
            raise OktaTrouble("unauthorized", f"the private key {fault}", sent=False)
        return jws.serialize_compact(header, orjson.dumps(claims), key, registry=_RS256)


def private_key(secret: Secret) -> tuple[RSAKey | None, str]:
    """The key of an `api_private_key`, or what is wrong with it."""
    try:
        key = load_pem_private_key(secret.reveal().encode(), password=None)
    except TypeError:
        return None, "is encrypted; give it without a passphrase"
    except (ValueError, UnsupportedAlgorithm):
        return None, "must be a private key in PEM, such as file:/run/secrets/okta-client.pem"
    if not isinstance(key, RSAPrivateKey):
        return None, "must be an RSA key: the assertion is signed with RS256"
    return RSAKey.import_key(key), ""


def _token(body: bytes) -> tuple[str, float]:
    try:
        tree = orjson.loads(body)
        token, lifetime = tree["access_token"], float(tree.get("expires_in", 3600))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise OktaTrouble("malformed", "the token: the answer holds no access_token") from None
    if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
        raise OktaTrouble("malformed", "the token: the answer holds no usable access_token")
    return token, lifetime
