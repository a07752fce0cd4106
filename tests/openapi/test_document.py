"""The document says what the code does: the same routes, methods, scopes and limits, and nothing that is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import pytest_asyncio

from bridge.app import Bridge, open_bridge
from bridge.config import load
from bridge.oauth.caller import MANAGE, READ
from bridge.pipeline.api.standing import REASON_MOST
from bridge.pipeline.api.verification import STATE_MOST
from bridge.ssf import configuration, identifier, poll
from bridge.web import oauth, webhooks
from bridge.web.openapi.document import document
from bridge.web.ssf import door, polling, subjects
from bridge.web.ssf.door import Operations, SsfDoor

ISSUER = "https://signals.acme.example"
CONFIG = """[transmitter]
issuer = "{issuer}"
[store]
url = "sqlite:///{folder}/bridge.db"
[connectors.kolide]
type = "kolide"
signing_secret = "made-up-for-this-test"
api_key = "made-up"
judge = "issues"
[oauth.clients.siem]
audience = "https://siem.example"
secret = "made-up-for-this-test"
"""
Routes = set[tuple[str, str]]
ALL = document(ISSUER, ["application/json"], calls=True, tokens=True)


@pytest_asyncio.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Bridge]:
    file = tmp_path / "config.toml"
    file.write_text(CONFIG.format(issuer=ISSUER, folder=tmp_path))
    made = await open_bridge(load(file, {}))
    yield made
    await made.close()


def described(about: dict[str, Any]) -> Routes:
    return {(path, method.upper()) for path, item in about["paths"].items() for method in item if method != "servers"}


def table(door: SsfDoor) -> Operations:
    """Its table, as the document writes the paths."""
    named = {"/ssf/poll/": "/ssf/poll/{stream_id}"}
    return {named.get(path, path): methods for path, methods in door._operations.items()}


async def test_every_route_is_there_and_no_other(bridge: Bridge) -> None:
    app: Any = bridge.listeners()[0].app
    routes = {("/webhooks/{connector}", "POST")}
    routes |= {(path, method) for path, methods in table(app._ssf).items() for method in methods}
    for route in app._rest.routes:
        # The token endpoint answers every method, all but one by a refusal. GET stands for HEAD.
        routes |= {(route.path, method) for method in route.methods or {"POST"} if method != "HEAD"}
    assert described(ALL) == routes


async def test_the_scopes_are_those_of_the_operations(bridge: Bridge) -> None:
    app: Any = bridge.listeners()[0].app
    for path, methods in table(app._ssf).items():
        for method, operation in methods.items():
            security = ALL["paths"][path][method.lower()]["security"]
            assert security == [{"client": [scope]} for scope in operation.scopes], (method, path)
            assert ("requestBody" in ALL["paths"][path][method.lower()]) == bool(operation.limit), (method, path)
    flow = ALL["components"]["securitySchemes"]["client"]["flows"]["clientCredentials"]
    assert set(flow["scopes"]) == {READ, MANAGE}
    assert flow["tokenUrl"] == f"{ISSUER}/oauth/token"


def test_what_does_not_exist_is_not_named() -> None:
    alone = document(ISSUER, [], calls=False, tokens=False)
    assert {path for path, _ in described(alone)} == {
        "/.well-known/ssf-configuration", "/.well-known/sse-configuration", "/.well-known/jwks.json",
        "/healthz", "/readyz", "/openapi.json",
    }  # fmt: skip
    assert "securitySchemes" not in alone["components"]
    brought = document(ISSUER, ["application/json"], calls=True, tokens=False)
    gone = {"/oauth/token", "/oauth/jwks.json", "/.well-known/oauth-authorization-server"}
    assert {path for path, _ in described(ALL) - described(brought)} == gone
    assert brought["components"]["securitySchemes"]["client"]["type"] == "http"


def test_where_the_issuer_has_a_path() -> None:
    about = document(f"{ISSUER}/t/blue/", ["application/json"], calls=True, tokens=True)
    assert about["servers"] == [{"url": f"{ISSUER}/t/blue"}]
    assert about["paths"]["/webhooks/{connector}"]["servers"] == [{"url": ISSUER}]
    assert "servers" not in about["paths"]["/ssf/streams"]
    assert "servers" not in ALL["paths"]["/healthz"]


@pytest.mark.parametrize("calls", [True, False])
def test_every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own(calls: bool) -> None:
    about = document(ISSUER, ["application/json"], calls=calls, tokens=calls)
    for reference in {one["$ref"] for one in objects(about) if "$ref" in one}:
        here: Any = about
        for step in reference.removeprefix("#/").split("/"):
            assert step in here, reference
            here = here[step]
    names = [one["operationId"] for path in about["paths"].values() for one in path.values() if "operationId" in one]
    assert len(set(names)) == len(names) == len(described(about))
    linked = {one["operationId"] for one in objects(about) if "operationId" in one and "responses" not in one}
    assert linked <= set(names)


def test_every_example_is_one() -> None:
    seen = 0
    for schema in [*ALL["components"]["schemas"].values(), *(one for one in objects(ALL) if "schema" in one)]:
        given = [schema["example"]] if "example" in schema else schema.get("examples", [])
        validator = jsonschema_rs.validator_for({**schema.get("schema", schema), "components": ALL["components"]})
        for one in given:
            validator.validate(one)
            seen += 1
    assert seen > 20


def objects(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for one in value.values():
            yield from objects(one)
    elif isinstance(value, list):
        for one in value:
            yield from objects(one)


def test_the_limits_are_the_constants() -> None:
    schemas = ALL["components"]["schemas"]
    event = schemas["Events"]
    push = schemas["Delivery"]["oneOf"][2]["properties"]
    polling_ = schemas["PollRequest"]["properties"]
    assert (event["maxItems"], event["items"]["maxLength"]) == (configuration.EVENTS_MOST, configuration.URI_MOST)
    assert push["endpoint_url"]["maxLength"] == configuration.URI_MOST
    assert push["authorization_header"]["maxLength"] == configuration.HEADER_MOST
    assert schemas["Stream"]["properties"]["description"]["maxLength"] == configuration.DESCRIPTION_MOST
    assert f"{configuration.DESCRIPTION_MOST} characters" in schemas["Description"]["description"]
    assert schemas["Status"]["properties"]["reason"]["maxLength"] == REASON_MOST
    assert schemas["VerificationRequest"]["properties"]["state"]["maxLength"] == STATE_MOST
    assert polling_["ack"]["maxItems"] == polling_["setErrs"]["maxProperties"] == poll.SETTLED_MOST
    assert f"{poll.MOST} at most; without it {poll.USUAL};" in polling_["maxEvents"]["description"]
    assert polling_["ack"]["items"]["maxLength"] == poll.JTI_MOST
    assert schemas["Text"]["maxLength"] == identifier.LONGEST
    assert schemas["Aliases"]["properties"]["identifiers"]["maxItems"] == identifier.MOST_MEMBERS
    assert schemas["Complex"]["maxProperties"] == identifier.MOST_MEMBERS + 1
    assert schemas["Complex"]["propertyNames"]["maxLength"] == identifier.LONGEST_NAME
    assert f"{identifier.MOST_BYTES} bytes" in schemas["Subject"]["description"]


def test_every_format_of_a_subject_is_there() -> None:
    schemas = ALL["components"]["schemas"]
    simple = [*schemas["Identifier"]["oneOf"], schemas["Aliases"]]
    named = {one["properties"]["format"]["const"]: set(one["properties"]) - {"format"} for one in simple}
    assert named == {name: set(members) for name, members in identifier._FORMATS.items()}


@pytest.mark.parametrize(
    ("path", "limit", "seconds"),
    [
        ("/webhooks/{connector}", webhooks.LIMIT, webhooks.BODY_SECONDS),
        ("/oauth/token", oauth.LARGEST, oauth.SECONDS),
        ("/ssf/verify", door.LIMIT, door.BODY_SECONDS),
        ("/ssf/poll/{stream_id}", polling.BODY, door.BODY_SECONDS),
        ("Streams", door.LIMIT, door.BODY_SECONDS),
        ("Subjects", subjects.LIMIT, door.BODY_SECONDS),
    ],
)
def test_how_large_and_how_late_a_body_may_be(path: str, limit: int, seconds: float) -> None:
    tags = {tag["name"]: tag["description"] for tag in ALL["tags"]}
    text = tags[path] if path in tags else ALL["paths"][path]["post"]["description"]
    size = f"{limit >> 20} MiB" if limit >> 20 else f"{limit >> 10} KiB"
    assert f"A body has {size} and {seconds:g} seconds at most." in text
