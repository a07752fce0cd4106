"""What a client proves itself with, as it is remembered: salted hashes, and the generation that tokens name.

To hash is slow on purpose, and what `fingerprints` does belongs into a thread. The rules are pure.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from bridge.config import Client

_COST: Final = {"n": 1 << 14, "r": 8, "p": 1, "maxmem": 64 << 20}
"""16 MiB and some 40 ms for each credential, at a start or when one has changed; never for a request."""


@dataclass(frozen=True, slots=True)
class Remembered:
    """`hashes`: of each credential that is accepted now. `generation` grows when one of them is accepted no more."""

    generation: int
    salt: str = field(repr=False)
    hashes: frozenset[str] = field(repr=False)


def credentials(client: Client) -> tuple[str, ...]:
    """Everything that the client may prove itself with, each with its kind. Not to be kept."""
    named: tuple[tuple[str, Iterable[str]], ...] = (
        ("secret", (one.reveal() for one in client.secret or ())),
        ("token", (one.reveal() for one in client.token or ())),
        ("public_key", (client.public_key.reveal(),) if client.public_key is not None else ()),
        ("jwks_uri", (client.jwks_uri,) if client.jwks_uri is not None else ()),
    )
    return tuple(f"{kind}:{text}" for kind, texts in named for text in texts)


def fingerprints(texts: Sequence[str], salt: str) -> frozenset[str]:
    """Salted scrypt hashes (RFC 7914), hexadecimal. Slow."""
    return frozenset(hashlib.scrypt(text.encode(), salt=bytes.fromhex(salt), **_COST).hex() for text in texts)


def followed(known: Remembered | None, texts: Sequence[str], fresh_salt: str) -> Remembered:
    """What is to be remembered by now. Slow.

    One more credential beside those that were known ends nothing: so a secret can be rotated without a gap. One that
    is gone ends every token of the client, whichever credential it was got with.
    """
    if known is None:
        return Remembered(1, fresh_salt, fingerprints(texts, fresh_salt))
    now = fingerprints(texts, known.salt)
    if known.hashes <= now:
        return known if known.hashes == now else Remembered(known.generation, known.salt, now)
    return Remembered(known.generation + 1, fresh_salt, fingerprints(texts, fresh_salt))


def removed(known: Remembered) -> Remembered:
    """Of a client that is gone from the configuration: nothing of it is good any more, also if it comes back."""
    return known if not known.hashes else Remembered(known.generation + 1, known.salt, frozenset())


def one_of(given: str, texts: Iterable[str]) -> bool:
    """Whether `given` is one of them; the time that takes tells nothing of them, nor which one it is."""
    wanted = _digest(given)
    same = [hmac.compare_digest(wanted, _digest(text)) for text in texts]
    return any(same)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


Salt = Callable[[], str]
"""32 hexadecimal characters that nobody can guess."""
