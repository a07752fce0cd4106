"""Adding and removing subjects at the door: every answer, for the owner of a stream and for others."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from bridge.clock import SystemIds
from bridge.model import Stream, Subscription
from bridge.oauth.caller import SCOPES, BearerRefused, Caller
from bridge.pipeline.api.allowance import Allowance
from bridge.pipeline.api.ownership import Ownership
from bridge.pipeline.api.selections import Selections
from bridge.pipeline.api.subjects import Subjects
from bridge.pipeline.journal import Journal
from bridge.pipeline.streams.keeper import Changed, Keeper
from bridge.ssf.identifier import Identifier
from bridge.store import open_store
from bridge.store.protocol import Store
from bridge.store.records import StreamRow
from bridge.web.bearer import Bearer
from bridge.web.ssf.door import SsfDoor
from bridge.web.ssf.operations import counted
from bridge.web.ssf.subjects import subject_routes
from tests.store.given import FakeClock

ANN = {"format": "email", "email": "ann@acme.example"}
PAIR = {"format": "complex", "user": ANN, "device": {"format": "opaque", "id": "fleet:7"}}
ADD, REMOVE = "/ssf/subjects/add", "/ssf/subjects/remove"
MOST = 3


class Proof:
    """The token is the client's name; `reader` may only read."""

    async def __call__(self, token: str, source: str) -> Caller:
        return Caller(token, frozenset(SCOPES[:1] if token == "reader" else SCOPES))

    def refused(self, refused: BearerRefused) -> None: ...


class Hall:
    """A client `rp` with a stream `mine` of its own and a configured one, and a client `other` with `theirs`."""

    def __init__(self, store: Store) -> None:
        self.store = store
        clock = FakeClock()
        self.keeper = Keeper(store, clock, self._carry, self._resume, self._trouble, self._made)
        self.selections = Selections(
            store, lambda client: Journal(store, clock, SystemIds(), client), clock, self._running,
            self.keeper.select, self._catch_up, self._trouble, defaults={"rp": "ALL", "other": "NONE"}, most=MOST,
        )  # fmt: skip
        owned = Ownership(store, self.keeper, lambda stream_id: None)
        self.door = SsfDoor(Bearer(Proof(), "https://x.example"), subject_routes(Subjects(owned, self.selections)))

    async def open(self) -> None:
        for stream_id, client in (("mine", "rp"), ("theirs", "other")):
            row = StreamRow(stream_id, stream_id, "https://rp.example", 1.0, client=client)
            await self.store.make_stream(self._subscribed(row), 10)
        configured = StreamRow("configured", "configured", "https://rp.example", 1.0)
        await self.store.put_stream(configured)
        stream = Stream("configured", "configured", "https://rp.example", "ssf", "", client="rp")
        self.keeper.begin(((stream, configured),), ())
        await self.keeper.begin_made()

    def _subscribed(self, row: StreamRow) -> StreamRow:
        row.subscription = Subscription("urn:ietf:rfc:8936")  # type: ignore[misc]  # not shared yet
        return row

    def _made(self, row: StreamRow) -> Stream:
        selection = self.selections.of(row.id, row.client)
        return Stream(
            row.id, row.name, row.audience, "ssf", "", client=row.client, by_api=True, way="poll", selection=selection
        )

    def _running(self, stream_id: str) -> Stream | None:
        one = self.keeper.running().get(stream_id)
        return one.stream if one is not None else None

    def _carry(self, changed: Changed) -> None: ...
    async def _resume(self, streams: Sequence[Stream]) -> None: ...
    async def _catch_up(self, stream: Stream, subjects: Sequence[Identifier]) -> None: ...
    def _trouble(self, what: str) -> None: ...

    async def ask(self, path: str, body: Any, client: str = "rp", method: str = "POST") -> tuple[int, Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = [(b"authorization", b"Bearer " + client.encode()), (b"content-type", b"application/json")]
        scope = {
            "type": "http", "method": method, "path": path, "query_string": b"", "headers": headers if client else [],
        }  # fmt: skip
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": raw}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.door(scope, receive, send)
        assert (b"cache-control", b"no-store") in sent[0]["headers"]
        answer = b"".join(message.get("body", b"") for message in sent[1:])
        return sent[0]["status"], json.loads(answer) if answer else None

    def why_not(self, stream_id: str, sub_id: Any) -> str:
        stream = self._running(stream_id)
        assert stream is not None and stream.selection is not None
        return stream.selection.why_not(sub_id)


@pytest.fixture(params=["memory", "sqlite"])
async def hall(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Hall]:
    url = "memory:" if request.param == "memory" else f"sqlite:///{tmp_path / 'bridge.db'}"
    store = await open_store(url, FakeClock(), exclusive=True, create=True)
    made = Hall(store)
    await made.open()
    yield made
    await store.close()


@pytest.mark.parametrize("subject", [ANN, PAIR, {"format": "email", "email": "nobody@nowhere.example"}])
async def test_added_is_an_empty_200_and_removed_a_204(hall: Hall, subject: Any) -> None:
    body = {"stream_id": "mine", "subject": subject, "verified": False, "else": [1]}
    assert await hall.ask(REMOVE, body) == (204, None)
    assert hall.why_not("mine", subject) == "subject_removed"
    assert await hall.ask(ADD, body) == (200, None)
    assert hall.why_not("mine", subject) == ""
    assert [(one.kind, one.verified) for one in await hall.store.choices("mine")] == [("added", False)]
    (removed, added) = (await hall.store.audit())[::-1]
    assert (removed.who, removed.what, added.what, added.target) == ("rp", "subjects.remove", "subjects.add", "mine")


async def test_a_client_that_says_it_in_a_loop(hall: Hall) -> None:
    """Each word is a line of the audit log. What is refused for something else does not count, and others go on."""
    owned = Ownership(hall.store, hall.keeper, lambda stream_id: None)
    routes = counted(subject_routes(Subjects(owned, hall.selections)), Allowance(4, FakeClock()))
    hall.door = SsfDoor(Bearer(Proof(), "https://x.example"), routes)
    for body in ({"stream_id": "mine", "subject": {}}, {"stream_id": "theirs", "subject": ANN}):
        assert (await hall.ask(ADD, body))[0] in (400, 404)
    answers = [(await hall.ask(path, {"stream_id": "mine", "subject": ANN}))[0] for path in [REMOVE, ADD] * 3]
    assert answers == [204, 200, 204, 200, 429, 429]
    status, error = await hall.ask(ADD, {"stream_id": "mine", "subject": ANN})
    assert (status, error["err"]) == (429, "too_many_requests")
    assert len(await hall.store.audit()) == 4
    assert (await hall.ask(ADD, {"stream_id": "theirs", "subject": ANN}, "other"))[0] == 200


async def test_a_stream_that_begins_with_no_subjects(hall: Hall) -> None:
    body = {"stream_id": "theirs", "subject": ANN}
    assert await hall.ask(REMOVE, body, "other") == (204, None)
    assert hall.why_not("theirs", PAIR) == "subject_not_added"
    assert await hall.ask(ADD, body, "other") == (200, None)
    assert hall.why_not("theirs", PAIR) == ""
    assert [one.verified for one in await hall.store.choices("theirs")] == [True]


async def test_the_stream_s_own_subject_stays(hall: Hall) -> None:
    for path, status in ((REMOVE, 204), (ADD, 200)):
        body = {"stream_id": "theirs", "subject": {"format": "opaque", "id": "theirs"}}
        assert await hall.ask(path, body, "other") == (status, None)
    assert await hall.store.choices("theirs") == []


WRONG: list[tuple[Any, str]] = [
    (b"", "stream_id: "),
    (b"{", "the body is not JSON"),
    (b"[" * 5000, "the body is not JSON"),
    ([ANN], "the body must be a JSON object"),
    ({"subject": ANN}, "stream_id: is required, a string"),
    ({"stream_id": 7, "subject": ANN}, "stream_id: is required, a string"),
    ({"stream_id": ["mine"], "subject": ANN}, "stream_id: is required, a string"),
    ({"stream_id": "mine"}, "subject: must be an object"),
    ({"stream_id": "mine", "sub_id": ANN}, "subject: must be an object"),
    ({"stream_id": "mine", "subject": [ANN]}, "subject: must be an object"),
    ({"stream_id": "mine", "subject": {"format": "email"}}, "subject.email: is missing"),
    ({"stream_id": "mine", "subject": {"format": "complex", "user": [ANN]}}, "subject.user: must be an object"),
]


@pytest.mark.parametrize("path", [ADD, REMOVE])
@pytest.mark.parametrize(("body", "words"), WRONG)
async def test_what_is_wrong_is_a_400_that_says_where(hall: Hall, path: str, body: Any, words: str) -> None:
    status, answer = await hall.ask(path, body)
    assert (status, answer["err"]) == (400, "invalid_request")
    assert answer["description"].startswith(words)
    assert await hall.store.every_choice() == [] == await hall.store.audit()


async def test_verified_is_a_boolean(hall: Hall) -> None:
    status, answer = await hall.ask(ADD, {"stream_id": "mine", "subject": ANN, "verified": "yes"})
    assert (status, answer["description"]) == (400, "verified: must be true or false")
    assert await hall.ask(ADD, {"stream_id": "mine", "subject": ANN, "verified": None}) == (200, None)


@pytest.mark.parametrize("path", [ADD, REMOVE])
async def test_other_people_s_streams_are_not_there(hall: Hall, path: str) -> None:
    foreign = await hall.ask(path, {"stream_id": "theirs", "subject": ANN})
    unknown = await hall.ask(path, {"stream_id": "never_was", "subject": ANN})
    assert foreign == unknown == (404, {"err": "not_found", "description": "there is no such stream"})
    assert await hall.store.every_choice() == []


@pytest.mark.parametrize("path", [ADD, REMOVE])
async def test_a_configured_stream_is_not_the_client_s_to_change(hall: Hall, path: str) -> None:
    status, answer = await hall.ask(path, {"stream_id": "configured", "subject": ANN})
    assert (status, answer["err"]) == (403, "access_denied")
    assert await hall.store.every_choice() == []


@pytest.mark.parametrize("path", [ADD, REMOVE])
async def test_who_may_call(hall: Hall, path: str) -> None:
    body = {"stream_id": "mine", "subject": ANN}
    assert (await hall.ask(path, body, client=""))[0] == 401
    assert (await hall.ask(path, body, client="reader"))[0] == 403
    assert (await hall.ask(path, body, method="GET"))[0] == 405
    assert await hall.store.every_choice() == []


async def test_too_many_are_a_403_that_says_so(hall: Hall) -> None:
    def body(number: int) -> Any:
        return {"stream_id": "mine", "subject": {"format": "email", "email": f"u{number}@acme.example"}}

    answers = [await hall.ask(REMOVE, body(number)) for number in range(MOST + 1)]
    assert [status for status, _ in answers] == [204, 204, 204, 403]
    assert answers[-1][1] == {
        "err": "access_denied",
        "description": "3 subjects were added or removed, which is as many as may be: take some of that back first",
    }
    assert await hall.ask(ADD, body(0)) == (200, None)


async def test_a_large_body_is_not_read(hall: Hall) -> None:
    status, answer = await hall.ask(ADD, {"stream_id": "mine", "subject": ANN, "more": "x" * 40_000})
    assert (status, answer["err"]) == (413, "too_large")


async def test_a_deleted_stream_takes_no_more(hall: Hall) -> None:
    assert await hall.ask(REMOVE, {"stream_id": "mine", "subject": ANN}) == (204, None)
    await hall.store.prune_stream("mine")
    assert (await hall.ask(REMOVE, {"stream_id": "mine", "subject": PAIR}))[0] == 404
    assert await hall.store.every_choice() == []
