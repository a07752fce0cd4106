"""One SET from its text to a verdict: form, header, issuer, key, signature, claims, in that order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from bridge.clock import Clock
from bridge.receiver.fault import Error, invalid
from bridge.receiver.keys import KeySource, KeysUnavailable
from bridge.receiver.rules import ALGORITHM, Profile, check_content, check_origin, notes

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
_UNVERIFIED = "the signature was not checked: no transmitter is registered"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a text turned out to be. `header` and `claims` are empty if it could not be read."""

    error: Error | None
    header: Mapping[str, Any] = field(default_factory=dict)
    claims: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Checker:
    """By which rules, for which audience (None: any), with whose keys (None: no signature is checked)."""

    profile: Profile
    audience: str | None
    keys: KeySource | None
    clock: Clock

    async def check(self, text: str) -> Checked:
        """The verdict on one compact SET; never raises for what is in it."""
        read = _read(text)
        if isinstance(read, Error):
            return Checked(read)
        header, claims = read
        error = await self._check_signed(text, header, claims) or check_content(
            claims, self.profile, audience=self.audience, now=self.clock.now()
        )
        remarks = () if error else notes(claims, self.profile)
        return Checked(error, header, claims, remarks if self.keys else (_UNVERIFIED, *remarks))

    async def _check_signed(self, text: str, header: Mapping[str, Any], claims: Mapping[str, Any]) -> Error | None:
        error = check_origin(header, claims, issuer=None, kids=None)
        if error is not None or self.keys is None:
            return error
        kid = header["kid"]
        try:
            transmitter = await self.keys.transmitter(kid)
        except KeysUnavailable as unavailable:
            return Error("invalid_key", str(unavailable))
        error = check_origin(header, claims, issuer=transmitter.issuer, kids=transmitter.keys)
        return error or _check_signature(text, transmitter.keys[kid])


def _read(text: str) -> tuple[Mapping[str, Any], Mapping[str, Any]] | Error:
    if not _COMPACT.fullmatch(text):
        return invalid("the body is not a compact JWS")
    try:
        token = jws.extract_compact(text.encode("ascii"))
        header, claims = token.headers(), orjson.loads(token.payload or b"")
    except (JoseError, ValueError, TypeError):
        return invalid("the body is not a signed JSON object")
    if not isinstance(header, dict) or not isinstance(claims, dict):
        return invalid("the body is not a signed JSON object")
    return header, claims


def _check_signature(text: str, key: RSAKey) -> Error | None:
    try:
        jws.deserialize_compact(text, key, algorithms=[ALGORITHM])
    except (JoseError, ValueError):
        return Error("authentication_failed", "the signature does not verify")
    return None
