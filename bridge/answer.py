"""What comes of a request over the way out: an answer, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bridge.errors import BridgeError

FailureCode = Literal["timeout", "dns", "tls", "connect", "reset", "refused_address", "too_large"]


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer of any status. Header names are lower case; a repeated header is joined by ", "."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class ConnectFailed(BridgeError):
    """There is no answer. `certainly_not_sent` is True only if no byte of the request can have arrived.

    timeout · dns: the name has no address · tls: no trusted TLS connection · connect: nobody takes the connection, or
    the request cannot be built · reset: it broke, or the answer is not HTTP · refused_address: our own guard ·
    too_large: the answer is over its bound.
    """

    def __init__(self, code: FailureCode, words: str, *, certainly_not_sent: bool) -> None:
        super().__init__(f"{code}: {words}")
        self.code: FailureCode = code
        self.words = words
        self.certainly_not_sent = certainly_not_sent
