"""Polls over real sockets: every answer, for the owner of a stream and for others."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from bridge.clock import SystemClock
from bridge.model import Stream
from bridge.oauth.caller import READS, BearerRefused, Caller
from bridge.pipeline.api.ownership import Ownership
from bridge.pipeline.sending.mailbox import Bounds, Mailbox
from bridge.pipeline.streams.keeper import Keeper
from bridge.pipeline.streams.running import Running
from bridge.store.memory import MemoryStore
from bridge.store.records import StreamRow
from bridge.web.app import PublicPorts, public_app
from bridge.web.bearer import Bearer
from bridge.web.server import Address, Listener, serve
from bridge.web.ssf.door import SsfDoor
from bridge.web.ssf.polling import poll_routes
from tests.histories.ports import Nothing
from tests.store.given import mint, minted
from tests.web.doors import JWKS, Remembering, raw

pytestmark = pytest.mark.asyncio(loop_scope="module")
SHORT = {"returnImmediately": True}


class Proof:
    """The token is the client's name and a scope; `nobody` has none that is of use."""

    async def __call__(self, token: str, source: str) -> Caller:
        name, _, scope = token.partition(".")
        return Caller(name, frozenset({scope} if scope else ()))

    def refused(self, refused: BearerRefused) -> None: ...


@dataclass
class Post:
    """Client `rp` polls `mine` and has `pushed`; `theirs` is another's."""

    store: MemoryStore
    mailbox: Mailbox
    session: aiohttp.ClientSession
    address: Address = ("", 0)

    async def poll(
        self, body: Any = None, stream: str = "mine", token: str = "rp.ssf.read", **more: Any
    ) -> tuple[int, Any, Any]:
        data = None if body is None else io.BytesIO(body if isinstance(body, bytes) else json.dumps(body).encode())
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json", **more}
        url = f"http://{self.address[0]}:{self.address[1]}/ssf/poll/{stream}"
        async with self.session.post(url, data=data, headers=headers) as answer:
            text = await answer.text()
            assert answer.headers["cache-control"] == "no-store"
            return answer.status, json.loads(text) if text else None, answer.headers

    async def minted(self, stream: str = "mine", order: str = "d1") -> str:
        new = mint(f"{order}|x", order, stream=stream)
        await minted(self.store, new)
        self.mailbox.minted([stream])
        return new.jti

    async def waiting(self, count: int) -> None:
        async with asyncio.timeout(10):
            while len(self.mailbox._waiting) != count:
                await asyncio.sleep(0.005)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def post() -> AsyncIterator[Post]:
    clock = SystemClock()
    store = MemoryStore(clock)
    keeper = Keeper(store, clock, _nothing, _later, _trouble)
    mailbox = Mailbox(store, keeper.running, clock, Nothing(), _trouble, Bounds(wait=0.4, per_stream=20, polls=25))
    carried = []
    for name, client in (("mine", "rp"), ("pushed", "rp"), ("theirs", "other")):
        row = StreamRow(name, name, "https://a.example", 1.0)
        await store.put_stream(row)
        way: Any = "push" if name == "pushed" else "poll"
        carried.append((Stream(name, name, "https://a.example", "ssf", "", way=way, client=client), row))
    keeper.begin(carried, ())
    routes = poll_routes(Ownership(store, keeper, lambda stream_id: None), mailbox)
    ports = PublicPorts(
        issuer="https://a.example", jwks=lambda: JWKS, keys_age=60, intake=Remembering(), connectors={},
        readiness=_ready, clock=clock, ssf=SsfDoor(Bearer(Proof(), "https://a.example/x"), routes),
    )  # fmt: skip
    stop, up = asyncio.Event(), asyncio.Event()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        made = Post(store, mailbox, session)

        def ready(addresses: Sequence[Address]) -> None:
            made.address = addresses[0]
            up.set()

        listener = Listener("server", public_app(ports), "127.0.0.1", 0, grace=1)
        running = asyncio.create_task(serve([listener], stop=stop, on_ready=ready))
        await up.wait()
        yield made
        mailbox.stop()
        stop.set()
        await running


def _nothing(running: Sequence[Running]) -> None: ...
async def _later(streams: Sequence[Stream]) -> None: ...
async def _ready() -> list[Any]:
    return []


def _trouble(what: str) -> None:
    raise AssertionError(what)


async def test_fetched_and_acknowledged(post: Post) -> None:
    jti = await post.minted()
    status, body, headers = await post.poll(SHORT)
    assert (status, body, headers["content-type"]) == (200, {"sets": {jti: "e30.e30."}}, "application/json")
    assert (await post.poll({**SHORT, "maxEvents": 0, "ack": [jti]}))[:2] == (200, {"sets": {}})
    assert [row.state for row in await post.store.deliveries(jti=jti)] == ["delivered"]


async def test_no_body_is_a_long_poll_and_a_new_set_wakes_it(post: Post) -> None:
    assert (await post.poll())[:2] == (200, {"sets": {}}), "its time was up"
    waits = asyncio.create_task(post.poll())
    await post.waiting(1)
    jti = await post.minted()
    status, body, _ = await waits
    assert (status, list(body["sets"])) == (200, [jti])
    await post.poll({**SHORT, "ack": [jti]})


async def test_refused_ones_are_dead_with_the_receivers_words(post: Post) -> None:
    jti = await post.minted()
    error = {"err": "invalid_audience", "description": "we are not they"}
    assert (await post.poll({**SHORT, "setErrs": {jti: error}}, **{"content-language": "en"}))[0] == 200
    (row,) = await post.store.deliveries(jti=jti)
    assert (row.state, row.last_code, row.last_words) == ("dead", "invalid_audience", "we are not they")


@pytest.mark.parametrize("stream", ["theirs", "pushed", "nobody", "mine%2F", "%00"])
async def test_what_is_not_theirs_to_poll_is_not_there(post: Post, stream: str) -> None:
    jti = await post.minted("theirs", "t")
    status, body, _ = await post.poll({"ack": [jti]}, stream=stream)
    assert (status, body["err"]) == (404, "not_found")
    assert (await post.poll({**SHORT, "ack": [jti]}))[0] == 200
    assert [row.state for row in await post.store.deliveries(jti=jti)] == ["pending"]
    await post.poll({**SHORT, "ack": [jti]}, stream="theirs", token="other.ssf.manage")
    assert [row.state for row in await post.store.deliveries(jti=jti)] == ["delivered"]


@pytest.mark.parametrize(
    ("body", "status", "err"),
    [
        (b"{", 400, "invalid_request"),
        ([], 400, "invalid_request"),
        ({"maxEvents": -1}, 400, "invalid_request"),
        ({"ack": [f"x{n}" for n in range(10_001)]}, 400, "invalid_request"),
        (b'{"x": "' + b"x" * (5 << 20) + b'"}', 413, "too_large"),
    ],
)
async def test_bodies_that_are_wrong(post: Post, body: Any, status: int, err: str) -> None:
    answer = await post.poll(body)
    assert (answer[0], answer[1]["err"], answer[1].keys()) == (status, err, {"err", "description"})


async def test_ten_thousand_acks(post: Post) -> None:
    jti = await post.minted()
    assert (await post.poll({**SHORT, "ack": [jti, *(f"{n:032x}" for n in range(9999))]}))[0] == 200
    assert [row.state for row in await post.store.deliveries(jti=jti)] == ["delivered"]


async def test_who_may(post: Post) -> None:
    assert [(await post.poll(SHORT, token=f"rp.{scope}"))[0] for scope in (*READS, "else")] == [200, 200, 403]
    async with post.session.get(f"http://{post.address[0]}:{post.address[1]}/ssf/poll/mine") as answer:
        assert answer.status == 401
    headers = {"authorization": "Bearer rp.ssf.read"}
    async with post.session.get(f"http://{post.address[0]}:{post.address[1]}/ssf/poll/mine", headers=headers) as answer:
        assert (answer.status, answer.headers["allow"]) == (405, "POST")


async def test_one_that_hangs_up_hides_nothing(post: Post) -> None:
    head = b"POST /ssf/poll/mine HTTP/1.1\r\nhost: a\r\nauthorization: Bearer rp.ssf.read\r\ncontent-length: 0\r\n\r\n"
    async with raw(post.address) as one:
        await one.send(head)
        await post.waiting(1)
    await post.waiting(0)
    jti = await post.minted()
    assert list((await post.poll(SHORT))[1]["sets"]) == [jti]
    await post.poll({**SHORT, "ack": [jti]})


async def test_so_many_may_wait(post: Post) -> None:
    answers = await asyncio.gather(*(post.poll() for _ in range(60)))
    refused = [answer for answer in answers if answer[0] == 429]
    assert {answer[0] for answer in answers} == {200, 429} and len(refused) >= 10
    assert all(int(answer[2]["retry-after"]) > 0 and answer[1]["err"] == "too_many_requests" for answer in refused)
    assert (await post.poll(SHORT))[0] == 200
