"""The files of a recorded case: a request, and what the API answers.

<case>.http is the request as it was sent: request line, headers, an empty line, the body. With a Content-Length the
body is cut there, so that an editor's last newline does no harm. `X-Received-At` (RFC 3339) says when it came; without
it the request's own time is taken, which no replay window refuses.

<case>.api.json is what the API answers: `{"GET /devices/1": {"status": 200, "body": {…}}}`, below the base URL.
`text` in place of `body` is an answer that is not JSON, `headers` may be given, `{"fails": "timeout"}` is no answer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast, get_args

import orjson

from bridge.connector.language import times
from bridge.connector.language.tree import NotJson, read_json
from bridge.errors import BridgeError
from bridge.model import Webhook
from bridge.outbound import Answer, ConnectFailed, FailureCode


class BadSample(BridgeError):
    """A sample file that cannot be read."""


def read_request(file: Path) -> tuple[Webhook, bool]:
    """The request, and whether it says when it was received. Raises BadSample."""
    head, body = _split(file.read_bytes())
    lines = head.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/"):
        raise BadSample(f"{file.name}: the first line must be a request line, as in POST /webhooks/x HTTP/1.1")
    headers: dict[str, str] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise BadSample(f"{file.name}: {name[:20]!r} is not a header")
        key = name.strip().lower()
        headers[key] = f"{headers[key]}, {value.strip()}" if key in headers else value.strip()
    length = headers.get("content-length", "")
    if length.isdecimal():
        body = body[: int(length)]
    received = headers.pop("x-received-at", "")
    try:
        at = times.rfc3339(received).timestamp() if received else 0.0
    except ValueError:
        raise BadSample(f"{file.name}: X-Received-At is not an RFC 3339 time") from None
    return Webhook("sample", words[0], headers, body, at, words[1].partition("?")[2]), bool(received)


def _split(content: bytes) -> tuple[bytes, bytes]:
    for end in re.finditer(rb"\r\n\r\n|\n\n", content):
        return content[: end.start()], content[end.end() :]
    return content, b""


class Stopped:
    """A clock that stands still; only differences of its times are ever used."""

    def now(self) -> float:
        return 0.0

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        return None


class Recorded:
    """An outbound port that answers from a file, or by what is given; `asked` are its requests, below the base URL."""

    def __init__(self, file: Path | None, answers: Mapping[str, Any] | None = None) -> None:
        self.asked: list[str] = []
        self._answers: Mapping[str, Any] = answers or {}
        if file is None:
            return
        try:
            held = read_json(file.read_bytes())
        except NotJson as error:
            raise BadSample(f"{file.name}: {error}") from None
        if not isinstance(held, dict):
            raise BadSample(f"{file.name}: must be an object from requests to answers")
        self._answers = held

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes | None = None,
        timeout: float,  # noqa: ASYNC109  the port of Outbound.request
    ) -> Answer:
        key = next((key for key in self._answers if _is_for(key, method, url)), None)
        found = self._answers.get(key or "")
        self.asked.append(key or f"{method} {url}")
        if found is None:
            raise ConnectFailed("connect", "the sample holds no answer to this", certainly_not_sent=True)
        if "fails" in found:
            code = found["fails"] if found["fails"] in get_args(FailureCode) else "connect"
            raise ConnectFailed(cast(FailureCode, code), "as the sample says", certainly_not_sent=False)
        content = found["text"].encode() if "text" in found else orjson.dumps(found.get("body"))
        kind = {"content-type": "text/html" if "text" in found else "application/json"}
        return Answer(found.get("status", 200), kind | found.get("headers", {}), content)


def _is_for(key: str, method: str, url: str) -> bool:
    verb, _, path = key.partition(" ")
    return verb == method and url.endswith(path) and url.count("?") == path.count("?")
