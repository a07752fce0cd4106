"""Where a receiver's trust comes from: a transmitter's issuer and its public keys (SSF 1.0 §7.1, RFC 7517).

As at Okta, a transmitter is registered by its well-known URL, or by issuer and JWKS URL.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2 as httpx
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from bridge.clock import Clock
from bridge.errors import BridgeError

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_REFRESH = 5.0
"""Seconds that must lie between two fetches that an unknown `kid` may cause."""


class KeysUnavailable(BridgeError):
    """The transmitter's documents cannot be had or are not fit; `str()` says why."""


@dataclass(frozen=True, slots=True)
class Transmitter:
    """A registered issuer and its keys by `kid`."""

    issuer: str
    keys: Mapping[str, RSAKey]


class KeySource(Protocol):
    async def transmitter(self, kid: str) -> Transmitter:
        """The transmitter as known now; asks again, within bounds, if `kid` is unknown. Raises KeysUnavailable."""


class Given:
    """Issuer and key set known beforehand. Raises KeysUnavailable if the set is not fit."""

    def __init__(self, issuer: str, jwks: Mapping[str, Any]) -> None:
        self._transmitter = Transmitter(issuer, rsa_keys(jwks))

    async def transmitter(self, kid: str) -> Transmitter:
        return self._transmitter


class Fetched:
    """Issuer and keys by HTTP, kept, and fetched again for an unknown `kid`.

    Either `well_known` (the URL of the metadata), or `issuer` and `jwks_url`. What is given beside `well_known`
    stands in place of what the metadata says: a service that is tried out on loopback names its public URLs.
    """

    def __init__(
        self, clock: Clock, *, well_known: str | None = None, issuer: str | None = None, jwks_url: str | None = None
    ) -> None:
        if well_known is None and (issuer is None or jwks_url is None):
            raise ValueError("well_known, or issuer and jwks_url, must be given")
        self._clock = clock
        self._well_known = well_known
        self._issuer = issuer
        self._jwks_url = jwks_url
        self._known: Transmitter | None = None
        self._fetched_at = 0.0

    async def transmitter(self, kid: str) -> Transmitter:
        known = self._known
        if known is not None and (kid in known.keys or self._clock.monotonic() - self._fetched_at < _REFRESH):
            return known
        self._known = await self._fetch()
        self._fetched_at = self._clock.monotonic()
        return self._known

    async def _fetch(self) -> Transmitter:
        issuer, jwks_url = self._issuer, self._jwks_url
        async with httpx.AsyncClient(timeout=5.0, trust_env=False) as client:
            if issuer is None or jwks_url is None:
                metadata = await _document(client, str(self._well_known), "metadata")
                issuer = issuer or _text(metadata, "issuer")
                jwks_url = jwks_url or _text(metadata, "jwks_uri")
            return Transmitter(issuer, rsa_keys(await _document(client, jwks_url, "key set")))


def rsa_keys(jwks: Mapping[str, Any]) -> dict[str, RSAKey]:
    """The RS256 signature keys of a JWKS by `kid`; others are passed over. Raises KeysUnavailable."""
    listed = jwks.get("keys")
    if not isinstance(listed, list):
        raise KeysUnavailable("the key set has no list of keys")
    if any(isinstance(key, dict) and not _PRIVATE.isdisjoint(key) for key in listed):
        raise KeysUnavailable("the key set holds private members")
    return {key["kid"]: _import(key) for key in listed if isinstance(key, dict) and _is_fit(key)}


def _is_fit(key: Mapping[str, Any]) -> bool:
    return (
        key.get("kty") == "RSA"
        and isinstance(key.get("kid"), str)
        and key.get("alg", "RS256") == "RS256"
        and key.get("use", "sig") == "sig"
        and _bits(key.get("n")) >= 2048
    )


def _bits(modulus: Any) -> int:
    try:
        return 8 * len(base64.urlsafe_b64decode(modulus + "=" * (-len(modulus) % 4)))
    except (TypeError, ValueError):
        return 0


def _import(key: Mapping[str, Any]) -> RSAKey:
    try:
        return RSAKey.import_key(dict(key))
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise KeysUnavailable("the key set holds a key that is no RSA key") from error


async def _document(client: httpx.AsyncClient, url: str, what: str) -> Mapping[str, Any]:
    try:
        answer = await client.get(url, headers={"Accept": "application/json"})
        found = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise KeysUnavailable(f"the {what} of the transmitter cannot be read") from error
    if answer.status_code != 200:
        raise KeysUnavailable(f"the {what} of the transmitter answers {answer.status_code}")
    if answer.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise KeysUnavailable(f"the {what} of the transmitter is not application/json")
    if not isinstance(found, dict):
        raise KeysUnavailable(f"the {what} of the transmitter is not an object")
    return found


def _text(metadata: Mapping[str, Any], name: str) -> str:
    value = metadata.get(name)
    if not isinstance(value, str) or not value:
        raise KeysUnavailable(f"the metadata of the transmitter has no {name}")
    return value
