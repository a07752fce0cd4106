"""What a receiver checks in a SET beside its signature, by profile. Pure.

`okta` is Okta's published schema and no more; `ssf` is SSF 1.0, CAEP 1.0 and the interoperability profile as strict
parsers in the field read them; `sse` is `ssf` with the subject of the 2021 draft inside the event.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from bridge.receiver import okta, ssf
from bridge.receiver.fault import Error, is_integer, is_text

Profile = Literal["okta", "ssf", "sse"]

SET_TYPE = "secevent+jwt"
ALGORITHM = "RS256"


def validate(
    header: Mapping[str, Any],
    claims: Mapping[str, Any],
    profile: Profile,
    *,
    issuer: str | None,
    audience: str | None,
    kids: Collection[str] | None,
    now: float,
) -> Error | None:
    """The first thing wrong with a SET whose signature is checked elsewhere, or None.

    `issuer`, `audience`, `kids`: what this receiver expects; None leaves that check out. `now`: seconds.
    """
    return check_origin(header, claims, issuer=issuer, kids=kids) or check_content(
        claims, profile, audience=audience, now=now
    )


def check_origin(
    header: Mapping[str, Any], claims: Mapping[str, Any], *, issuer: str | None, kids: Collection[str] | None
) -> Error | None:
    """What must hold before the signature can be checked: JOSE header, issuer, key id (RFC 8417 §2.3, SSF §4.1)."""
    if header.get("typ") != SET_TYPE:
        return Error("invalid_request", f"typ must be {SET_TYPE}")
    if header.get("alg") != ALGORITHM:
        return Error("invalid_request", f"alg must be {ALGORITHM}")
    if not is_text(header.get("kid")):
        return Error("invalid_request", "kid must not be blank")
    if not is_text(claims.get("iss")):
        return Error("invalid_request", "iss must not be blank")
    if issuer is not None and claims["iss"] != issuer:
        return Error("invalid_issuer", "iss is not a registered issuer")
    if kids is not None and header["kid"] not in kids:
        return Error("invalid_key", "kid is not in the key set of the issuer")
    return None


def check_content(claims: Mapping[str, Any], profile: Profile, *, audience: str | None, now: float) -> Error | None:
    """The claims of a SET that is what it says it is."""
    return (
        _check_envelope(claims)
        or _check_audience(claims, profile, audience)
        or (okta.check(claims) if profile == "okta" else ssf.check(claims, legacy=profile == "sse", now=now))
    )


def notes(claims: Mapping[str, Any], profile: Profile) -> tuple[str, ...]:
    """What is worth saying about an accepted SET although nothing refuses it."""
    return okta.notes(claims) if profile == "okta" else ssf.notes(claims)


def _check_envelope(claims: Mapping[str, Any]) -> Error | None:
    if not is_text(claims.get("jti")):
        return Error("invalid_request", "jti must not be blank")
    if not is_integer(claims.get("iat")):
        return Error("invalid_request", "iat must be an integer")
    events = claims.get("events")
    if not isinstance(events, dict) or not events:
        return Error("invalid_request", "events must be an object with at least one event")
    for uri, event in events.items():
        if not isinstance(event, dict):
            return Error("invalid_request", f"events.{uri} must be an object")
    return None


def _check_audience(claims: Mapping[str, Any], profile: Profile, audience: str | None) -> Error | None:
    aud = claims.get("aud")
    if is_text(aud):
        named = [aud]
    elif profile != "okta" and isinstance(aud, list) and aud and all(is_text(one) for one in aud):
        named = aud
    else:
        kind = "a string" if profile == "okta" else "a string or a list of strings"
        return Error("invalid_request", f"aud must be {kind}")
    if audience is not None and audience not in named:
        return Error("invalid_audience", "aud does not name this receiver")
    return None
