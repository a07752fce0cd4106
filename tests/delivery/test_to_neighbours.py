"""How SETs reach the neighbours that are pushed to, and what their answers mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.clock import SystemClock
from bridge.delivery.push import push
from bridge.outbound import Outbound
from bridge.value import replace
from tests.delivery.wire import OK, answering
from tests.ssf.neighbours import golden, streams

TEXT = "eyJ0eXAiOiJzZWNldmVudCtqd3QifQ.eyJqdGkiOiIxIn0.c2ln"


@pytest.mark.parametrize("page", ["sgnl", "keycloak"])
async def test_the_request(page: str, tmp_path: Path, serve: Any, outbound: Outbound) -> None:
    """The page's `authorization_header` goes out to the letter."""
    seen: list[bytes] = []
    port = await serve(answering(OK, seen))
    stream = next(one for one in streams(page, tmp_path) if one.way == "push")
    await push(outbound, replace(stream, endpoint_url=f"http://127.0.0.1:{port}/in"), TEXT, SystemClock())
    head, _, body = seen[0].decode().partition("\r\n\r\n")
    assert {f"{name}: {value}" for name, value in golden(page)["push"].items()} <= set(head.split("\r\n"))
    assert body == TEXT


def _answer(status: str, body: dict[str, str] | None) -> bytes:
    """As SGNL's gateway writes it: JSON on one line, ended."""
    text = b"" if body is None else json.dumps(body, separators=(",", ":")).encode() + b"\n"
    kind = "" if body is None else "content-type: application/json\r\n"
    return (
        f"HTTP/1.1 {status}\r\ncontent-length: {len(text)}\r\n{kind}server: istio-envoy\r\n"
        "strict-transport-security: max-age=31536000;\r\nx-envoy-upstream-service-time: 3\r\n\r\n"
    ).encode() + text


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (_answer("202 Accepted", None), "delivered", "202"),
        (
            _answer("409 Conflict", {"err": "duplicate_event", "description": "it was stored before"}),
            "delivered",
            "409",
        ),
        (
            _answer("400 Bad Request", {"err": "authentication_failed", "description": "the token is not known"}),
            "stream",
            "authentication_failed",
        ),
    ],
    ids=["new", "had it", "wrong token"],
)
async def test_what_sgnl_answers(
    answer: bytes, kind: str, code: str, tmp_path: Path, serve: Any, outbound: Outbound
) -> None:
    """A repeat is delivered; a wrong token is the stream's trouble, which delays its SETs and kills none."""
    port = await serve(answering(answer))
    (stream,) = streams("sgnl", tmp_path)
    outcome = await push(outbound, replace(stream, endpoint_url=f"http://127.0.0.1:{port}/in"), TEXT, SystemClock())
    assert (outcome.kind, outcome.code) == (kind, code)


@pytest.mark.parametrize(
    ("status", "err", "kind", "code"),
    [
        ("401 Unauthorized", "authentication_failed", "stream", "401"),
        ("400 Bad Request", "invalid_issuer", "stream", "invalid_issuer"),
        ("400 Bad Request", "invalid_audience", "stream", "invalid_audience"),
        ("400 Bad Request", "invalid_request", "row", "invalid_request"),
        ("500 Internal Server Error", "", "stream", "500"),
    ],
)
async def test_what_keycloak_answers(
    status: str, err: str, kind: str, code: str, tmp_path: Path, serve: Any, outbound: Outbound
) -> None:
    """500 is its answer to a verification without `state`."""
    port = await serve(answering(_answer(status, {"err": err, "description": "no"} if err else None)))
    stream = next(one for one in streams("keycloak", tmp_path) if one.way == "push")
    outcome = await push(outbound, replace(stream, endpoint_url=f"http://127.0.0.1:{port}/in"), TEXT, SystemClock())
    assert (outcome.kind, outcome.code) == (kind, code)
