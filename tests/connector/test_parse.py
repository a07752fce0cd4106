from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.connector.connector import Connector
from bridge.connector.load import load
from bridge.errors import Misfit
from bridge.model import Finding
from tests.connector.scene import BODY, NOW, SECRET, Hand, Vendor, verified

SAMPLE = json.loads(BODY)


@pytest.fixture(scope="module")
def kolide() -> Connector:
    table = {"type": "kolide", "judge": "issues", "signing_secret": SECRET}
    return load("kolide", table, outbound=Vendor({}), clock=Hand(), base_dir=Path())


def changed(path: str, value: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(BODY)
    at: Any = body
    *way, last = path.split(".")
    for name in way:
        at = at[name]
    if value is ...:
        del at[last]
    else:
        at[last] = value
    return body


def test_a_finding(kolide: Connector) -> None:
    parsed = kolide.parse(verified(BODY))
    assert (parsed.type, parsed.delivery_id, parsed.at) == ("issues.new", "01JX0000000000000000000001", NOW)
    [statement] = parsed.statements
    assert (statement.device_id, statement.name, statement.owner) == ("1001", "lap-a", None)
    assert statement.finding == Finding("42", "failing", NOW, check="7", title="Disk Is Not Encrypted")


def test_what_is_only_shown_becomes_one_printable_line(kolide: Connector) -> None:
    body = changed("data.title", "Disk\x1b[2J\nowner: nobody \u202e" + "x" * 5000)
    body["data"]["device"]["name"] = "lap\r\na\x9b"
    [statement] = kolide.parse(verified(body)).statements
    assert statement.finding is not None
    for shown in (statement.finding.title, statement.name):
        assert shown.isprintable() and len(shown) <= 300
    assert statement.finding.title.startswith("Disk [2J owner: nobody xxx") and statement.name == "lap a"


@pytest.mark.parametrize(
    ("path", "value", "title"),
    [
        ("data.title", None, "Disk Encryption"),
        ("data.title", ..., "Disk Encryption"),
        ("data.check_id", ..., "Disk Is Not Encrypted"),
        ("data.check", ..., "Disk Is Not Encrypted"),
        ("data.device.name", ..., "Disk Is Not Encrypted"),
    ],
)
def test_what_may_be_missing(kolide: Connector, path: str, value: Any, title: str) -> None:
    [statement] = kolide.parse(verified(changed(path, value))).statements
    assert statement.device_id == "1001" and statement.finding is not None and statement.finding.title == title


@pytest.mark.parametrize(
    ("path", "value", "field", "devices"),
    [
        ("data.device.id", ..., "data.device.id", ()),
        ("data.device.id", None, "data.device.id", ()),
        ("data.device.id", "", "data.device.id", ()),
        ("data.device.id", "x" * 300, "data.device.id", ()),
        ("data.device.id", "a\nb", "data.device.id", ()),
        ("data.device.id", {"x": 1}, "data.device.id", ()),
        ("data.device.id", 1.5, "data.device.id", ()),
        ("data.device.id", True, "data.device.id", ()),
        ("data.device", [], "data.device.id", ()),
        ("data", None, "data", ()),
        ("data", "x", "data", ()),
        ("data.issue_id", ..., "data.issue_id", ("1001",)),
        ("data.issue_id", [1], "data.issue_id", ("1001",)),
        ("data.title", 7, "data.title", ("1001",)),
        ("data.device.name", {}, "data.device.name", ("1001",)),
        ("event", ..., "event", ("1001",)),
        ("event", 7, "event", ("1001",)),
        ("id", 7, "id", ("1001",)),
        ("id", ..., "id", ("1001",)),
        ("timestamp", "yesterday", "timestamp", ("1001",)),
        ("timestamp", "2026-13-01T10:00:00Z", "timestamp", ("1001",)),
        ("timestamp", ["ada@example.com"], "timestamp", ("1001",)),
    ],
)
def test_a_misfit_names_the_field_and_what_could_be_read(
    kolide: Connector, path: str, value: Any, field: str, devices: tuple[str, ...]
) -> None:
    with pytest.raises(Misfit) as caught:
        kolide.parse(verified(changed(path, value)))
    assert (caught.value.path.startswith(field), caught.value.device_ids) == (True, devices), caught.value.path
    assert "ada" not in str(caught.value) and "yesterday" not in str(caught.value)


DEEP = b'{"event":' + b"[" * 70 + b"]" * 70 + b"}"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "not JSON"),
        (b"nonsense", "not JSON"),
        (BODY[:-1], "not JSON"),
        (b"[]", "JSON object"),
        (b"7", "JSON object"),
        (b'"x"', "JSON object"),
        (b"null", "JSON object"),
        (b'{"a":"\xff"}', "UTF-8"),
        (b"\xef\xbb\xbf{}", "UTF-8"),
        (b'{"a":"\\ud800"}', "surrogate"),
        (b'{"a":"x\\u0000y"}', "NUL"),
        (b'{"a\\u0000":1}', "NUL"),
        (b'{"a":1e400}', "too large"),
        (b'{"a":-1e400}', "too large"),
        (b'{"a":18446744073709551616}', "too large"),
        (b'{"a":9223372036854775808}', "too large"),
        (b'{"a":' + b"9" * 500 + b"}", "too large"),
        (b'{"a":NaN}', "not JSON"),
        (DEEP, "deeper than 64"),
        (b'{"a":' * 2000 + b"1" + b"}" * 2000, "deeper than 64"),
        (b"{'a':1}", "not JSON"),
        (BODY + b"x", "not JSON"),
    ],
)
def test_what_no_vendor_means_is_refused(kolide: Connector, body: bytes, words: str) -> None:
    with pytest.raises(Misfit) as caught:
        kolide.parse(verified(body))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        (b'"a\\u0000b"', "data.device.name"),
        (b'"\\ud800"', "data.device.name"),
        (b'"\\udc00\\ud800"', "data.device.name"),
        (b'"\xff\xfe"', "data.device.name"),
        (b'"\xed\xa0\x80"', "data.device.name"),
        (b"1e999", "data.device.name"),
        (b"-1e999", "data.device.name"),
        (b"NaN", "data.device.name"),
        (b"9" * 5000, "data.device.name"),
        (b"18446744073709551616", "data.device.name"),
        (b'{"a\\u0000":1}', "data.device.name"),
        (b'["fine", "a\\u0000b"]', "data.device.name.1"),
        (b"[" * 70 + b"]" * 70, "data.device.name.0.0"),
    ],
)
def test_what_is_refused_for_one_field_still_names_it_and_rings(kolide: Connector, name: bytes, field: str) -> None:
    with pytest.raises(Misfit) as caught:
        kolide.parse(verified(BODY.replace(b'"lap-a"', name)))
    assert caught.value.path.startswith(field)
    assert caught.value.device_ids == ("1001",)


@pytest.mark.parametrize("device", [b'"a\\u0000b"', b'"\\ud800"', b'"\xff"', b"9" * 30, b"[" * 5000 + b"]" * 5000])
def test_a_device_id_that_cannot_be_read_rings_for_nobody(kolide: Connector, device: bytes) -> None:
    with pytest.raises(Misfit) as caught:
        kolide.parse(verified(BODY.replace(b"1001", device)))
    assert caught.value.device_ids == ()


def test_the_deepest_that_is_taken(kolide: Connector) -> None:
    body = b'{"event":"unknown","id":"1","timestamp":"2026-11-01T10:00:00Z","x":' + b"[" * 63 + b"]" * 63 + b"}"
    assert kolide.parse(verified(body)).ignored == "unknown_event"
    with pytest.raises(Misfit):
        kolide.parse(verified(body.replace(b"[" * 63, b"[" * 64).replace(b"]" * 63, b"]" * 64)))


def test_unknown_and_test_events_are_taken_and_ignored(kolide: Connector) -> None:
    assert kolide.parse(verified(changed("event", "requests.registration"))).ignored == "unknown_event"
    parsed = kolide.parse(verified(changed("event", "webhook.test")))
    assert (parsed.ignored, parsed.type, parsed.statements) == ("test", "webhook.test", ())


def test_the_owner_travels_if_it_is_there(kolide: Connector) -> None:
    data = {"device_id": 5, "registered_owner": {"id": 55, "email": "ada@example.com"}}
    [statement] = kolide.parse(verified(changed("event", "devices.registered") | {"data": data})).statements
    assert statement.owner is not None and (statement.owner.id, statement.owner.email) == ("55", "ada@example.com")
    [thin] = kolide.parse(verified(changed("event", "devices.registered") | {"data": {"device_id": 5}})).statements
    assert (thin.device_id, thin.owner, thin.finding) == ("5", None, None)
