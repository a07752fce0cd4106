"""Our own documents at the public issuer, asked for from outside as a receiver does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote, urlsplit

from bridge.cli.online import documents
from bridge.cli.online.certificate import ending, ends_at
from bridge.cli.online.line import Found, Line, date_of, dated, unreached
from bridge.clock import Clock
from bridge.config import Config
from bridge.key import KeyRow
from bridge.outbound import Answer, ConnectFailed, Outbound
from bridge.ssf import discovery

TIMEOUT: Final = 10.0
LARGEST: Final = 1 << 20
_SERVE = "start `caep-bridge serve`, and let this address lead to it, from outside too"


@dataclass(frozen=True, slots=True)
class Asked:
    what: str
    answer: Answer | None
    lines: tuple[Line, ...] = ()


async def issuer(config: Config, known: Sequence[KeyRow], outbound: Outbound, clock: Clock) -> Found:
    """`known`: the signing keys that the store has heard of."""
    name = config.transmitter.issuer
    about, jwks, certificate = await asyncio.gather(
        _ask(metadata_url(name), outbound), _ask(discovery.jwks_uri(name), outbound), ends_at(name, config)
    )
    lines = [*about.lines, *jwks.lines, *_about(about, name), *_keys(jwks, known)]
    lines += ending(documents.ABOUT, certificate, clock.now())
    answers = [one.answer for one in (about, jwks) if one.answer is not None]
    dates = dated("our own public answer", date_of(answers[0].headers), clock.now(), own=True) if answers else ()
    return Found(tuple(lines), dates)


def metadata_url(issuer: str) -> str:
    """Where receivers seek it (SSF 1.0 §7.2.1): the well-known name stands before the issuer's path."""
    parts = urlsplit(issuer)
    paths = discovery.paths(issuer, "ssf-configuration")
    return f"{parts.scheme}://{parts.netloc}{quote(paths[1] if parts.path.strip('/') else paths[0])}"


async def _ask(url: str, outbound: Outbound) -> Asked:
    try:
        return Asked(url, await outbound.request("GET", url, headers={}, timeout=TIMEOUT, max_bytes=LARGEST))
    except ConnectFailed as failed:
        line = unreached(documents.ABOUT, url, failed)
        return Asked(url, None, (replace(line, remedy=_SERVE if failed.code == "connect" else line.remedy),))


def _about(asked: Asked, issuer: str) -> list[Line]:
    if asked.answer is None:
        return []
    tree, lines = documents.document(asked.what, asked.answer)
    return lines if tree is None else [*lines, *documents.metadata(asked.what, tree, issuer)]


def _keys(asked: Asked, known: Sequence[KeyRow]) -> list[Line]:
    if asked.answer is None:
        return []
    tree, lines = documents.document(asked.what, asked.answer)
    if tree is None:
        return lines
    needed = [row.kid for row in known if row.state in ("active", "next") and row.published_at is not None]
    return [*lines, *documents.keys(asked.what, tree, needed, [row.kid for row in known])]
