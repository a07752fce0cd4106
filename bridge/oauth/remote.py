"""Public keys of somebody else by HTTP: a client's, or an authorization server's. I/O, by the one way out.

Kept as long as `Cache-Control` says (RFC 9111 §5.2), asked for anew for a `kid` that is not known, at most once a
minute; while none was ever had, every ten seconds. While the other side cannot be reached its last good set stays in
force.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Any, Final

import orjson
import structlog

from bridge.clock import Clock
from bridge.errors import Unavailable
from bridge.oauth.keyset import KeySet, key_set
from bridge.outbound import Answer, ConnectFailed, Outbound

TIMEOUT: Final = 5.0
LARGEST: Final = 1 << 20
"""Bytes of a document, at most."""
SOONEST: Final = 60.0
"""Seconds between two tries, at least,"""
AT_FIRST: Final = 10.0
"""and while none has brought a set: whoever waits for the first one is refused until then."""
LATEST: Final = 86_400.0
UNSAID: Final = 3_600.0
"""Seconds that a set is kept of which nobody says how long."""
_MAX_AGE: Final = re.compile(r"(?:^|[,\s])max-age=\"?(\d{1,9})")

_log = structlog.get_logger("bridge.oauth")


class Unfit(Exception):
    """What was asked for cannot be had, or will not do; `str()` says why, without anything that was received."""


class RemoteKeys:
    """Of `jwks_uri`; or as the metadata at one of `discovery` says, which must be of `issuer`.

    `whose` is for the log.
    """

    def __init__(
        self,
        whose: str,
        outbound: Outbound,
        clock: Clock,
        *,
        jwks_uri: str | None = None,
        discovery: Sequence[str] = (),
        issuer: str = "",
    ) -> None:
        self._whose = whose
        self._outbound = outbound
        self._clock = clock
        self._jwks_uri = jwks_uri
        self._discovery = tuple(discovery)
        self._issuer = issuer
        self._known: KeySet | None = None
        self._tried_at = float("-inf")
        self._good_until = float("-inf")
        self._asking = asyncio.Lock()

    async def keys(self, kid: str | None) -> KeySet:
        """The set to verify with. Raises Unavailable while none was ever had.

        Whom the known set serves does not wait for a question that is under way; others do.
        """
        if self._is_due(kid) and not (self._serves(kid) and self._asking.locked()):
            async with self._asking:
                if self._is_due(kid):
                    await self._try()
        if self._known is None:
            raise Unavailable(f"the keys of {self._whose} cannot be had", int(AT_FIRST))
        return self._known

    async def fetch(self) -> tuple[KeySet, float]:
        """The set as it stands there now, and for how many seconds it is good. Raises Unfit."""
        uri = self._jwks_uri or await self._discovered()
        answer = await _get(self._outbound, uri, "the key set")
        try:
            return key_set(_tree(answer, "the key set")), lifetime(answer.headers.get("cache-control", ""))
        except ValueError as problem:
            raise Unfit(f"the key set {problem}") from None

    def _is_due(self, kid: str | None) -> bool:
        now = self._clock.monotonic()
        if now - self._tried_at < (AT_FIRST if self._known is None else SOONEST):
            return False
        return now >= self._good_until or not self._serves(kid)

    def _serves(self, kid: str | None) -> bool:
        return self._known is not None and self._known.knows(kid)

    async def _try(self) -> None:
        try:
            self._known, good_for = await self.fetch()
        except Unfit as problem:
            kept = "the last good set stays in force" if self._known is not None else "nobody can be verified"
            _log.error("oauth.keys_not_had", whose=self._whose, problem=str(problem), so=kept)
        else:
            self._good_until = self._clock.monotonic() + good_for
        finally:
            self._tried_at = self._clock.monotonic()  # at the end: until then others wait for what comes of it

    async def _discovered(self) -> str:
        """`jwks_uri` of the first metadata that is there and is of the issuer (RFC 8414 §3.3)."""
        why = "there is no metadata"
        for url in self._discovery:
            try:
                tree = _tree(await _get(self._outbound, url, "the metadata"), "the metadata")
            except Unfit as problem:
                why = str(problem)
                continue
            if tree.get("issuer") != self._issuer:
                why = "the metadata is of another issuer"
            elif isinstance(uri := tree.get("jwks_uri"), str):
                return uri
            else:
                why = "the metadata has no jwks_uri"
        raise Unfit(why)


def lifetime(cache_control: str) -> float:
    """Seconds that an answer with this header is kept, within bounds of our own."""
    text = cache_control.lower()
    if "no-store" in text or "no-cache" in text:
        return SOONEST
    found = _MAX_AGE.search(text)
    return min(max(float(found[1]), SOONEST), LATEST) if found else UNSAID


async def _get(outbound: Outbound, url: str, what: str) -> Answer:
    try:
        answer = await outbound.request(
            "GET", url, headers={"accept": "application/json"}, timeout=TIMEOUT, max_bytes=LARGEST
        )
    except ConnectFailed as failed:
        raise Unfit(f"{what}: {failed.code}: {failed.words}") from None
    if answer.status != 200:
        raise Unfit(f"{what}: answered {answer.status}")
    return answer


def _tree(answer: Answer, what: str) -> dict[str, Any]:
    try:
        tree = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise Unfit(f"{what} is not JSON") from None
    if not isinstance(tree, dict):
        raise Unfit(f"{what} is no JSON object")
    return tree
