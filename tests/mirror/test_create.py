"""Creating streams: who supplies which member, and what a body must not be (SSF §8.1.1, §8.1.1.1; specs §4.5)."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.independent.events import DEVICE_COMPLIANCE_CHANGE, SESSION_REVOKED
from tests.independent.management import POLL, PUSH, Management
from tests.mirror.answers import empty, ok, refused
from tests.mirror.clients import ALPHA, INTERVAL
from tests.mirror.house import House, Streams

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNKNOWN = "https://vendor.example/events/not-known-here"
HTTPS = "https://hooks.acme.example/sets"


async def test_an_empty_object_makes_a_poll_stream(house: House, streams: Streams) -> None:
    """SSF §8.1.1.1, IOP-14, IOP-15: an omitted delivery is poll, with an endpoint of ours."""
    config = await streams.make({})
    assert config["delivery"]["method"] == POLL
    assert config["delivery"]["endpoint_url"].startswith(house.service.url + "/")
    assert set(config["delivery"]) == {"method", "endpoint_url"}


async def test_what_a_configuration_holds(house: House, streams: Streams) -> None:
    """SSF §8.1.1, IOP-15, IOP-16: every REQUIRED member, each of its type; iss and aud as the SETs will have them."""
    config = await streams.make({"events_requested": [DEVICE_COMPLIANCE_CHANGE], "description": "North RP"})
    assert re.fullmatch(r"[A-Za-z0-9._~-]{16,}", config["stream_id"])
    assert (config["iss"], config["aud"]) == (house.service.url, ALPHA)
    assert config["description"] == "North RP"
    for name in ("events_supported", "events_requested", "events_delivered"):
        assert isinstance(config[name], list) and all(isinstance(one, str) for one in config[name]), name
    for name in ("min_verification_interval", "inactivity_timeout"):
        assert type(config.get(name, 0)) is int and config.get(name, 0) >= 0, name
    known = {"stream_id", "iss", "aud", "events_supported", "events_requested", "events_delivered", "delivery"}
    assert set(config) <= known | {"description", "min_verification_interval", "inactivity_timeout"}


async def test_the_answer_is_created_and_not_kept(alpha: Management) -> None:
    """SSF §8.1.1.1: 201, application/json, no-store."""
    config = ok(await alpha.create({}), 201)
    assert ok(await alpha.read(config["stream_id"])) == config
    empty(await alpha.delete(config["stream_id"]))


async def test_the_interval_is_told(house: House, streams: Streams) -> None:
    """SSF §8.1.1: a receiver learns how often it may verify."""
    assert (await streams.make({}, "patient"))["min_verification_interval"] == INTERVAL


async def test_a_push_stream(streams: Streams) -> None:
    """SSF §6.1.1, IOP-14: method and endpoint are the receiver's."""
    delivery = {"method": PUSH, "endpoint_url": HTTPS}
    config = await streams.make({"delivery": delivery})
    assert config["delivery"] == delivery


async def test_unknown_events_are_ignored(streams: Streams) -> None:
    """SSF §8.1.1: they stay in events_requested and are not delivered; delivered is within requested and supported."""
    config = await streams.make({"events_requested": [UNKNOWN, DEVICE_COMPLIANCE_CHANGE]})
    assert set(config["events_requested"]) == {UNKNOWN, DEVICE_COMPLIANCE_CHANGE}
    assert config["events_delivered"] == [DEVICE_COMPLIANCE_CHANGE]
    assert DEVICE_COMPLIANCE_CHANGE in config["events_supported"] and UNKNOWN not in config["events_supported"]


async def test_only_what_we_can_produce_is_promised(streams: Streams) -> None:
    """IOP-4, IOP-27, IOP-29: device-compliance-change is supported, and nothing is promised that never comes."""
    config = await streams.make({"events_requested": [SESSION_REVOKED, DEVICE_COMPLIANCE_CHANGE]})
    assert SESSION_REVOKED not in config["events_supported"] + config["events_delivered"]
    assert DEVICE_COMPLIANCE_CHANGE in config["events_delivered"]


async def test_nothing_requested_nothing_delivered(streams: Streams) -> None:
    """SSF §8.1.1: an empty list may stand in a configuration."""
    config = await streams.make({"events_requested": []})
    assert config["events_delivered"] == []


SUPPLIED: dict[str, Any] = {
    "stream_id": "mine",
    "iss": "https://other.example",
    "aud": "https://other.example",
    "events_supported": [UNKNOWN],
    "events_delivered": [UNKNOWN],
    "min_verification_interval": 7,
    "inactivity_timeout": 7,
}


@pytest.mark.parametrize("name", SUPPLIED)
async def test_members_of_the_transmitter_are_ignored(streams: Streams, name: str) -> None:
    """specs §4.5: whatever a receiver writes there."""
    config = await streams.make({name: SUPPLIED[name], "events_requested": [DEVICE_COMPLIANCE_CHANGE]})
    assert config.get(name) != SUPPLIED[name]


async def test_unknown_members_are_ignored(streams: Streams) -> None:
    """specs §4.5: as receivers of other drafts send them."""
    config = await streams.make({"format": "email", "x": {"y": [1]}, "delivery": {"method": POLL, "z": 1}})
    assert not {"format", "x"} & set(config) and "z" not in config["delivery"]


async def test_a_poll_endpoint_is_never_the_receivers(house: House, streams: Streams) -> None:
    """SSF §6.1.2: a value that was sent is overridden."""
    config = await streams.make({"delivery": {"method": POLL, "endpoint_url": HTTPS}})
    assert config["delivery"]["endpoint_url"].startswith(house.service.url + "/")


async def test_two_streams_are_two(streams: Streams) -> None:
    """SSF §6.1.2, §8.1.1.1, IOP-16: several of one client, each with an id and a poll endpoint of its own."""
    first, second = [await streams.make({}) for _ in range(2)]
    assert first["stream_id"] != second["stream_id"]
    assert first["delivery"]["endpoint_url"] != second["delivery"]["endpoint_url"]


async def test_a_client_with_one_stream(house: House, streams: Streams) -> None:
    """SSF §8.1.1.1: 409 while it has one, and 201 after that is gone."""
    config = await streams.make({}, "single")
    api = await house.client("single")
    refused(await api.create({}), 409)
    assert [one["stream_id"] for one in (await api.list()).json()] == [config["stream_id"]]
    empty(await api.delete(config["stream_id"]))
    await streams.make({}, "single")


LEGACY = "https://schemas.openid.net/secevent/risc/delivery-method/"


@pytest.mark.parametrize("method", ["push", "poll"])
async def test_legacy_methods_are_taken_and_echoed(streams: Streams, method: str) -> None:
    """specs §3.3, §10: receivers of the 2021 draft name them by URL."""
    delivery = {"method": LEGACY + method, **({"endpoint_url": HTTPS} if method == "push" else {})}
    config = await streams.make({"delivery": delivery})
    assert config["delivery"]["method"] == LEGACY + method and config["delivery"]["endpoint_url"]


async def test_the_authorization_header_is_a_secret(house: House, streams: Streams) -> None:
    """specs §4.2: it shows to its owner at most, never in a log."""
    secret = "Bearer rcv-3f9d1c-the-mirror"
    delivery = {"method": PUSH, "endpoint_url": HTTPS, "authorization_header": secret}
    config = await streams.make({"delivery": delivery})
    shown = config["delivery"].get("authorization_header", secret)
    assert shown == secret, "either left out or the value itself"
    assert "rcv-3f9d1c" not in house.service.log.read_text()


async def test_a_long_description_is_kept_or_cut(streams: Streams) -> None:
    """SSF §8.1.1: T may truncate."""
    written = "a long tale " * 200
    kept = (await streams.make({"description": written}))["description"]
    assert kept and written.startswith(kept)


def push(url: Any, **more: Any) -> dict[str, Any]:
    return {"delivery": {"method": PUSH, "endpoint_url": url, **more}}


MISFITS: dict[str, Any] = {
    "broken": b'{"delivery": ',
    "not UTF-8": b'{"description": "\xff"}',
    "not a number": b'{"description": "x", "x": NaN}',
    "deep": b'{"x":' * 5000 + b"1" + b"}" * 5000,
    "a list": [],
    "a text": "x",
    "a number": 17,
    "null": None,
    "events: text": {"events_requested": DEVICE_COMPLIANCE_CHANGE},
    "events: object": {"events_requested": {}},
    "events: numbers": {"events_requested": [1]},
    "events: too many": {"events_requested": [f"{UNKNOWN}/{n}" for n in range(1000)]},
    "description: list": {"description": []},
    "description: number": {"description": 1},
    "delivery: text": {"delivery": PUSH},
    "delivery: list": {"delivery": [PUSH]},
    "delivery: empty": {"delivery": {}},
    "method: unknown": {"delivery": {"method": "urn:ietf:rfc:9999", "endpoint_url": HTTPS}},
    "method: number": {"delivery": {"method": 8935}},
    "method: null": {"delivery": {"method": None}},
    "push: nowhere": {"delivery": {"method": PUSH}},
    "url: number": push(5),
    "url: null": push(None),
    "url: list": push([HTTPS]),
    "url: relative": push("/sets"),
    "url: ftp": push("ftp://hooks.acme.example/"),
    "url: file": push("file:///etc/passwd"),
    "url: user": push("https://user:pass@hooks.acme.example/"),
    "url: fragment": push(f"{HTTPS}#part"),
    "url: space": push("https://hooks.acme.example/a b"),
    "url: line": push("https://hooks.acme.example/\r\nx: y"),
    "url: no host": push("https:///sets"),
    "url: port": push("https://hooks.acme.example:99999/"),
    "url: long": push("https://hooks.acme.example/" + "x" * 10_000),
    "header: line": push(HTTPS, authorization_header="Bearer x\r\nx-evil: 1"),
    "header: NUL": push(HTTPS, authorization_header="Bearer x\0"),
    "header: not ASCII": push(HTTPS, authorization_header="Bearer é"),
    "header: number": push(HTTPS, authorization_header=7),
    "header: long": push(HTTPS, authorization_header="Bearer " + "x" * 100_000),
}


@pytest.mark.parametrize("body", MISFITS.values(), ids=MISFITS)
async def test_what_is_no_request(alpha: Management, body: Any) -> None:
    """SSF §8.1.1.1 (400), specs §11: nothing is made of it, and it is not repeated."""
    before = (await alpha.list()).json()
    answer = await alpha.create(body)
    refused(answer, 400)
    assert "x-evil" not in answer.text and "user:pass" not in answer.text
    assert (await alpha.list()).json() == before


async def test_too_large(alpha: Management) -> None:
    """specs §11: bodies are bounded."""
    answer = await alpha.create(b'{"description": "' + b"x" * 5 * 1024 * 1024 + b'"}')
    refused(answer, 413)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jwt", "x"])
async def test_another_media_type(alpha: Management, kind: str) -> None:
    """specs §4.10: 415."""
    refused(await alpha.create({}, headers={"content-type": kind}), 415)


@pytest.mark.parametrize("kind", [None, "application/json; charset=utf-8", "Application/JSON"])
async def test_the_media_type(alpha: Management, kind: str | None) -> None:
    """specs §4.10: JSON by any of its names; a missing one is JSON too, as in samples of SSF."""
    config = ok(await alpha.create({}, headers={"content-type": kind}), 201)
    empty(await alpha.delete(config["stream_id"]))
