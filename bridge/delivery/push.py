"""One push of one SET (RFC 8935 §2.1): the wire of this wing."""

from __future__ import annotations

from bridge.clock import Clock
from bridge.delivery.retry import classify
from bridge.model import Outcome, Stream
from bridge.outbound import ConnectFailed, Outbound
from bridge.value import replace
from bridge.vault import Sealed

TIMEOUT = 10.0
"""Seconds from the call to the last byte of the answer; the connection may take five of them."""
MAX_ANSWER = 64 * 1024
"""Bytes of an answer that are read; only its status and a short error object matter."""


async def push(outbound: Outbound, stream: Stream, text: str, clock: Clock) -> Outcome:
    """POST the compact SET `text` to the stream's endpoint and say what came of it.

    Network and HTTP trouble is a value, never an exception, and so is a header that does not open with the vault's key:
    nothing is sent then, since the receiver would refuse it. Cancellation passes through.
    An endpoint that a receiver supplied leads to fewer addresses than the admin's, at each connection anew (see
    `bridge.address`).
    """
    started = clock.monotonic()
    try:
        headers = _headers(stream)
    except Sealed as problem:
        return Outcome("stream", "sealed", str(problem))
    try:
        answer = await outbound.request(
            "POST",
            stream.endpoint_url,
            headers=headers,
            body=text.encode("ascii"),
            timeout=TIMEOUT,
            by_admin=not stream.by_api,
            max_bytes=MAX_ANSWER,
            cut=True,
        )
    except ConnectFailed as failed:
        outcome = Outcome("stream", failed.code, failed.words, received=not failed.certainly_not_sent)
    else:
        secret = headers.get("Authorization", "")
        outcome = classify(answer.status, answer.headers, _hide(answer.body, secret), clock.now())
        if outcome.words:  # it may have come escaped
            outcome = replace(outcome, words=_hide(outcome.words.encode(), secret).decode())
    return replace(outcome, took=clock.monotonic() - started)


def _headers(stream: Stream) -> dict[str, str]:
    headers = {"Content-Type": "application/secevent+jwt", "Accept": "application/json"}
    if stream.authorization_header is not None:
        headers["Authorization"] = stream.authorization_header.reveal()
    return headers


def _hide(body: bytes, authorization: str) -> bytes:
    """`body` without the receiver's secret, should the receiver say it back to us."""
    secret = authorization.encode("utf-8", "replace")
    for part in (secret, secret.partition(b" ")[2].strip()):
        if len(part) >= 8:
            body = body.replace(part, b"[authorization]")
    return body
