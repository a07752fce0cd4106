"""Adding and removing subjects (SSF §8.1.3, §9; RFC 9493; specs §2.5, §4.11)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.e2e.rig import email
from tests.independent.management import Management
from tests.independent.stream import Stream
from tests.mirror.answers import empty, refused
from tests.mirror.house import House, Streams, about, device_subject, is_failing, nothing

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADA = {"format": "email", "email": "ada@elsewhere.example"}

SUBJECTS: dict[str, dict[str, Any]] = {
    "account": {"format": "account", "uri": "acct:ada@acme.example"},
    "email": ADA,
    "iss_sub": {"format": "iss_sub", "iss": "https://idp.example", "sub": "ada"},
    "opaque": {"format": "opaque", "id": "11112222"},
    "phone_number": {"format": "phone_number", "phone_number": "+12065550100"},
    "did": {"format": "did", "url": "did:example:123456"},
    "uri": {"format": "uri", "uri": "urn:uuid:4e851e98-83c4-4743-a5da-150ecb53042f"},
    "aliases": {"format": "aliases", "identifiers": [ADA, {"format": "opaque", "id": "1"}]},
    "jwt_id": {"format": "jwt_id", "iss": "https://idp.example", "jti": "B70BA622"},
    "saml": {"format": "saml_assertion_id", "issuer": "https://idp.example", "assertion_id": "_8e8dc5f6"},
    "ip": {"format": "ip-addresses", "ip-addresses": ["10.29.37.75", "2001:db8::1"]},
    "complex": {"format": "complex", "user": ADA, "device": {"format": "opaque", "id": "kolide:1"}},
    "tenant": {"format": "complex", "tenant": {"format": "opaque", "id": "blue"}},
}


@pytest.mark.parametrize("subject", SUBJECTS.values(), ids=SUBJECTS)
async def test_every_format_is_taken(streams: Streams, subject: dict[str, Any]) -> None:
    """SSF §8.1.3.2, §8.1.3.3, §3.5; RFC 9493 §3.2: added 200, removed 204, both empty, known to us or not."""
    stream = await streams.poll()
    empty(await stream.api.add(stream.id, subject), 200)
    empty(await stream.api.add(stream.id, subject, verified=False), 200)
    empty(await stream.api.remove(stream.id, subject), 204)
    empty(await stream.api.remove(stream.id, subject), 204)


BAD: dict[str, Any] = {
    "nothing": None,
    "text": "ada@acme.example",
    "list": [ADA],
    "empty": {},
    "no format": {"email": "ada@acme.example"},
    "format: number": {"format": 1, "email": "ada@acme.example"},
    "no member": {"format": "email"},
    "member: empty": {"format": "email", "email": ""},
    "member: null": {"format": "email", "email": None},
    "member: list": {"format": "email", "email": ["ada@acme.example"]},
    "half": {"format": "iss_sub", "iss": "https://idp.example"},
    "complex: nothing": {"format": "complex"},
    "complex: text": {"format": "complex", "user": "ada"},
    "complex: complex": {"format": "complex", "user": {"format": "complex", "user": ADA}},
    "aliases: none": {"format": "aliases", "identifiers": []},
    "aliases: nested": {"format": "aliases", "identifiers": [{"format": "aliases", "identifiers": [ADA]}]},
    "huge": {"format": "opaque", "id": "x" * 10_000},
}


@pytest.mark.parametrize("subject", BAD.values(), ids=BAD)
async def test_what_is_no_subject(streams: Streams, subject: Any) -> None:
    """SSF §8.1.3.2, §8.1.3.3: 400 at both."""
    stream = await streams.poll()
    refused(await stream.api.add(stream.id, subject), 400)
    refused(await stream.api.remove(stream.id, subject), 400)


MISFITS: dict[str, Any] = {
    "broken": b"{",
    "a list": [],
    "no stream": {"subject": ADA},
    "stream: list": {"stream_id": ["x"], "subject": ADA},
    "no subject": {"stream_id": "STREAM"},
    "another name": {"stream_id": "STREAM", "sub_id": ADA},
    "verified: text": {"stream_id": "STREAM", "subject": ADA, "verified": "yes"},
}


@pytest.mark.parametrize("body", MISFITS.values(), ids=MISFITS)
async def test_what_is_no_request(streams: Streams, body: Any) -> None:
    """SSF §8.1.3.2: 400. The member is `subject` (specs §4.11)."""
    stream = await streams.poll()
    if isinstance(body, dict) and body.get("stream_id") == "STREAM":
        body = {**body, "stream_id": stream.id}
    refused(await stream.api.send("POST", stream.api.at("add_subject"), body), 400)
    if not (isinstance(body, dict) and "verified" in body):
        refused(await stream.api.send("POST", stream.api.at("remove_subject"), body), 400)


async def test_of_an_unknown_stream(alpha: Management) -> None:
    """SSF §8.1.3.2, §8.1.3.3: 404."""
    refused(await alpha.add("none", ADA), 404)
    refused(await alpha.remove("none", ADA), 404)


async def test_nobody_can_be_probed(house: House, streams: Streams, device: int) -> None:
    """SSF §9.1: the answers about somebody that we know and somebody that we do not know are the same."""
    stream = await streams.poll("chosen")
    await house.fails(device)
    known, unknown = device_subject(device), device_subject(device + 1_000_000)
    answers = [await stream.api.add(stream.id, subject) for subject in (known, unknown)]
    answers += [await stream.api.remove(stream.id, subject) for subject in (known, unknown)]
    seen = [(one.status_code, one.content, sorted(set(one.headers) - {"date"})) for one in answers]
    assert seen[0] == seen[1] and seen[2] == seen[3]


async def told_elsewhere(house: House, streams: Streams, device: int) -> Stream:
    """The device fails, and another stream heard of it."""
    other = await streams.poll()
    await house.fails(device)
    await other.until(is_failing(device))
    return other


async def test_none_at_first(house: House, streams: Streams, device: int) -> None:
    """SSF §7.1 `default_subjects` NONE: only added subjects are told of; adding tells what is so already."""
    stream = await streams.poll("chosen")
    await told_elsewhere(house, streams, device)
    await nothing(stream, about(device), 0.5)
    empty(await stream.api.add(stream.id, device_subject(device)), 200)
    await stream.until(is_failing(device))


async def test_all_but_the_removed(house: House, streams: Streams, device: int) -> None:
    """SSF §7.1 `default_subjects` ALL: a removed subject is an exclusion, and may be added again."""
    stream = await streams.poll()
    empty(await stream.api.remove(stream.id, device_subject(device)), 204)
    other = await told_elsewhere(house, streams, device)
    await house.fails(device + 500_000)
    await stream.until(is_failing(device + 500_000))
    assert not [event for event in stream.events if about(device)(event)]
    empty(await stream.api.add(stream.id, device_subject(device)), 200)
    await stream.until(is_failing(device))
    await house.recovers(device)
    await other.until(about(device, "compliant"))
    await stream.until(about(device, "compliant"))


async def test_removed_after_it_was_added(house: House, streams: Streams, device: int) -> None:
    """SSF §8.1.3.3: what was removed is not told of any more."""
    stream = await streams.poll("chosen")
    empty(await stream.api.add(stream.id, device_subject(device)), 200)
    other = await told_elsewhere(house, streams, device)
    await stream.until(is_failing(device))
    empty(await stream.api.remove(stream.id, device_subject(device)), 204)
    await house.recovers(device)
    await other.until(about(device, "compliant"))
    await nothing(stream, about(device, "compliant"), 0.5)


def user(device: int) -> dict[str, Any]:
    return {"format": "email", "email": email(device)}


MATCHES: dict[str, tuple[Any, bool]] = {
    "the same": (lambda n: device_subject(n), True),
    "the user alone": (lambda n: {"format": "complex", "user": user(n)}, True),
    "the device alone": (lambda n: {"format": "complex", "device": device_subject(n)["device"]}, True),
    "a group beside": (lambda n: {**device_subject(n), "group": {"format": "opaque", "id": "g"}}, True),
    "another device": (lambda n: {**device_subject(n), "device": {"format": "opaque", "id": "kolide:0"}}, False),
    "another user": (lambda n: {**device_subject(n), "user": user(0)}, False),
    "in capitals": (lambda n: {"format": "complex", "user": {**user(n), "email": email(n).upper()}}, False),
    "nothing in common": (lambda n: {"format": "complex", "tenant": {"format": "opaque", "id": "blue"}}, False),
    "a simple one, the user": (lambda n: user(n), True),
    "a simple one, the device": (lambda n: {"format": "opaque", "id": f"kolide:{n}"}, True),
    "a simple one, somebody else": (lambda n: user(0), False),
}


@pytest.mark.parametrize("name", MATCHES)
async def test_what_matches(house: House, streams: Streams, device: int, name: str) -> None:
    """SSF §8.1.3.1, specs §2.5: members that both name must be the same; without one in common nothing matches. A
    simple subject stands for the member that is equal to it (docs/subjects.md)."""
    subject, matches = MATCHES[name]
    stream = await streams.poll("chosen")
    empty(await stream.api.add(stream.id, subject(device)), 200)
    await told_elsewhere(house, streams, device)
    if matches:
        await stream.until(is_failing(device))
    else:
        await nothing(stream, about(device), 0.4)


async def test_the_streams_own_subject_stays(streams: Streams) -> None:
    """SSF §8.1.4.1, §8.1.5; specs §4.10: it cannot be removed, and asking for it is no error."""
    for name in ("alpha", "chosen"):
        stream = await streams.poll(name)
        empty(await stream.api.remove(stream.id, {"format": "opaque", "id": stream.id}), 204)
        await stream.verified("still here")


async def test_each_stream_has_subjects_of_its_own(house: House, streams: Streams, device: int) -> None:
    """SSF §8.1.3: removing on one stream says nothing about another of the same client."""
    one, two = await streams.poll(), await streams.poll()
    empty(await one.api.remove(one.id, device_subject(device)), 204)
    await house.fails(device)
    await two.until(is_failing(device))
    await nothing(one, about(device), 0.4)


async def test_many_at_once(streams: Streams) -> None:
    """SSF §8.1.3.2: each of a hundred parallel additions is taken, or refused as too many (429)."""
    stream = await streams.poll()
    subjects = [{"format": "email", "email": f"many-{n}@acme.example"} for n in range(100)]
    answers = await asyncio.gather(*(stream.api.add(stream.id, one) for one in subjects))
    assert {answer.status_code for answer in answers} <= {200, 429}


async def test_entitlement_comes_first(house: House, streams: Streams, device: int) -> None:
    """SSF §9.2: adding a subject is an interest, not a right: what the client may not hear of it does not hear of."""
    stream = await streams.poll("narrow")
    empty(await stream.api.add(stream.id, device_subject(device)), 200)
    await told_elsewhere(house, streams, device)
    await nothing(stream, about(device), 0.5)
