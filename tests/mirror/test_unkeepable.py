"""U+0000 and halves of surrogate pairs, at every door that a receiver can bring text to: nobody could keep them."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2 as httpx
import pytest

from tests.independent.stream import Stream
from tests.mirror.answers import ok, refused
from tests.mirror.house import Streams

pytestmark = pytest.mark.asyncio(loop_scope="session")

ANN = {"format": "email", "email": "ann@acme.example"}


async def sent(stream: Stream, method: str, endpoint: str, text: str, **members: Any) -> httpx.Response:
    """The body holds `text`, as JSON writes it, wherever a member says TEXT."""
    body = json.dumps({"stream_id": stream.id, **members}).replace("TEXT", text).encode()
    return await stream.api.send(method, stream.api.at(endpoint), body)


Door = Callable[[Stream, str], Awaitable[httpx.Response]]
DOORS: dict[str, tuple[Door, str]] = {
    "create": (lambda s, t: sent(s, "POST", "configuration", t, description="TEXT"), "description"),
    "description": (lambda s, t: sent(s, "PATCH", "configuration", t, description="a TEXT"), "description"),
    "events": (lambda s, t: sent(s, "PUT", "configuration", t, events_requested=["x:TEXT"]), "events_requested"),
    "nobody reads it": (lambda s, t: sent(s, "PATCH", "configuration", t, more={"a": ["TEXT"]}), "more"),
    "its name": (lambda s, t: sent(s, "PATCH", "configuration", t, more={"TEXT": 1}), "more"),
    "status": (lambda s, t: sent(s, "POST", "status", t, status="paused", reason="TEXT"), "reason"),
    "state": (lambda s, t: sent(s, "POST", "verification", t, state="TEXT"), "state"),
    "subject": (
        lambda s, t: sent(s, "POST", "add_subject", t, subject={"format": "opaque", "id": "TEXT"}),
        "subject",
    ),
    "subject's name": (lambda s, t: sent(s, "POST", "remove_subject", t, subject={"TEXT": ANN}), "subject"),
    "stream": (lambda s, t: sent(s, "POST", "status", t, stream_id="TEXT", status="paused"), "stream_id"),
}


@pytest.mark.parametrize("text", [r"\u0000", r"\ud800"], ids=["NUL", "half a pair"])
@pytest.mark.parametrize("door", DOORS)
async def test_what_nobody_keeps(streams: Streams, door: str, text: str) -> None:
    """400, naming the member, and nothing has changed."""
    stream = await streams.poll(description="stays")
    before, (knock, member) = ok(await stream.api.read(stream.id)), DOORS[door]
    said = refused(await knock(stream, text), 400)["description"]
    assert text == r"\ud800" or said.startswith(f"{member}: must not hold U+0000"), said
    assert ok(await stream.api.read(stream.id)) == before
    assert ok(await stream.api.status(stream.id))["status"] == "enabled"


async def test_an_escaped_escape_is_text_as_any_other(streams: Streams) -> None:
    stream = await streams.poll()
    config = ok(await sent(stream, "PATCH", "configuration", r"\\u0000"))
    assert config == ok(await stream.api.read(stream.id))
    assert ok(await sent(stream, "PATCH", "configuration", r"\\u0000", description="TEXT"))["description"] == r"\u0000"


@pytest.mark.parametrize(
    "body", [{"ack": ["a\0b"]}, {"setErrs": {"j": {"err": "x", "description": "\0"}}}, {"x": "\0"}]
)
async def test_a_poll(streams: Streams, body: dict[str, Any]) -> None:
    """Nothing of it is done: what else it acknowledges waits on."""
    stream = await streams.poll()
    url = stream.config["delivery"]["endpoint_url"]
    refused(await stream.api.poll(url, {"returnImmediately": True, **body}), 400)


@pytest.mark.parametrize("spelt", ["%00", "st_%00", "%ED%A0%80", "%FF"])
async def test_ids_in_path_and_query(streams: Streams, spelt: str) -> None:
    """There is no such stream, whatever the bytes are."""
    stream = await streams.poll()
    parent = stream.config["delivery"]["endpoint_url"].rpartition("/")[0]
    refused(await stream.api.poll(f"{parent}/{spelt}", {"returnImmediately": True}), 404)
    for endpoint in ("configuration", "status"):
        refused(await stream.api.send("GET", f"{stream.api.at(endpoint)}?stream_id={spelt}"), 404)
    refused(await stream.api.send("DELETE", f"{stream.api.at('configuration')}?stream_id={spelt}"), 404)
