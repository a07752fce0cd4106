"""Kinds of values that the sections share: durations, ports, names, lists of words, URLs."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d|w)\Z")
_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*\Z")


def seconds(text: object) -> float:
    """`"10m"` → 600.0. Units ms, s, m, h, d, w."""
    match = _DURATION.match(text) if isinstance(text, str) else None
    if match is None or len(match[1]) > 9:
        raise ValueError('must be a duration such as "30s", "10m", "12h" or "30d"')
    return int(match[1]) * _UNIT[match[2]]


def spoken(length: float) -> str:
    """600.0 → `10 minutes`: exact, in the largest unit that comes out whole; of one there are two at least."""
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if length >= 2 * size and length % size == 0:
            return f"{length / size:.0f} {unit}s"
    return "1 second" if length == 1 else f"{length:g} seconds"


def between(least: str, most: str = "") -> Callable[[float], float]:
    """A check of a duration: not shorter than `least`, not longer than `most`."""

    def check(value: float) -> float:
        if value < seconds(least):
            raise ValueError(f'must be at least "{least}"')
        if most and value > seconds(most):
            raise ValueError(f'must be at most "{most}"')
        return value

    return check


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number")
    return value


def _words(value: object) -> object:
    """From the environment a list comes as one text with commas."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


def _name(value: str) -> str:
    if not NAME.match(value):
        raise ValueError("a name is made of small letters, digits and _, and begins with a letter")
    return value


def _filled(value: str) -> str:
    if not value.strip() or value != value.strip():
        raise ValueError("must not be empty, nor begin or end with a space")
    if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
        raise ValueError("must not hold control characters")
    return value


def _domain(value: str) -> str:
    lowered = value.lower()
    if not _DOMAIN.match(lowered):
        raise ValueError("must be a domain such as acme.example")
    return lowered


def _network(value: object) -> IPv4Network | IPv6Network:
    try:
        return ip_network(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError('must be a network such as "10.20.0.0/16"') from None


def url_fault(value: str, *, schemes: tuple[str, ...] = ("https", "http")) -> str:
    """What is wrong with an absolute URL, or ""."""
    if any(ord(letter) <= 32 or ord(letter) == 127 for letter in value):
        return "must not hold spaces or control characters"
    try:
        parts = urlsplit(value)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return "is not a URL"
    if not usable:
        return f"must be an absolute URL beginning with {' or '.join(scheme + '://' for scheme in schemes)}"
    if parts.fragment or value.endswith("#"):
        return "must not have a fragment (#)"
    return ""


def _url(value: str) -> str:
    fault = url_fault(value)
    if fault:
        raise ValueError(fault)
    return value


Seconds = Annotated[float, BeforeValidator(seconds)]
Whole = Annotated[int, BeforeValidator(_number)]
Percent = Annotated[float, BeforeValidator(_number), Field(ge=0, le=100, allow_inf_nan=False)]
Port = Annotated[int, BeforeValidator(_number), Field(ge=0, le=65535)]
Text = Annotated[str, AfterValidator(_filled)]
Name = Annotated[str, AfterValidator(_name)]
Domain = Annotated[str, AfterValidator(_domain)]
Url = Annotated[str, AfterValidator(_url)]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Networks = Annotated[tuple[Network, ...], BeforeValidator(_words)]
Texts = Annotated[tuple[Text, ...], BeforeValidator(_words)]
Names = Annotated[tuple[Name, ...], BeforeValidator(_words)]
Domains = Annotated[tuple[Domain, ...], BeforeValidator(_words)]


_SECRET_WORDS = frozenset(
    ["secret", "secrets", "token", "tokens", "password", "passphrase", "credential", "credentials", "apikey"]
)


def looks_secret(key: str) -> bool:
    """Whether a connector's setting of this name is treated as a secret before its manifest is read."""
    words = set(re.split(r"[_\-.]", key.lower()))
    return bool(_SECRET_WORDS & words) or ("key" in words and "id" not in words)
