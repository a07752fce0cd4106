"""The one question of `check --online`: the first page of the vendor's list, or the base of its API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bridge.connector.lists.probe import Probe
from bridge.outbound import Answer
from tests.connector.scene import SECRET, Vendor, failed, make
from tests.connector.test_api import API_KEY, kolide, page

FIRST = "GET /devices?per_page=1"
DATE = "Thu, 01 Jan 2026 00:00:00 GMT"
PLAIN = """
language = 1
title = "Own"
certainty = "documented"
auth = { scheme = "bearer", secret = "signing_secret" }
[settings]
signing_secret = { secret = true }
token = { secret = true, required = false }
[[on]]
device = "id(body.device)"
[api]
base = "https://api.own.example"
bearer = "token"
[look]
device = { get = "/d/{device.id}" }
[snapshot]
id = "id(look.device.id)"
status = "look.device.status"
[judge.status]
help = "as the vendor says"
[judge.status.status]
good = "compliant"
bad = "not-compliant"
"""


async def asked(answer: Any) -> tuple[Probe, Vendor]:
    vendor = Vendor({FIRST: answer})
    found = await kolide(vendor).probe()
    assert found is not None
    assert API_KEY not in repr(found)
    return found, vendor


async def test_the_first_device_of_the_list() -> None:
    body = json.dumps(page({"id": "1"}, after="more")).encode()
    found, vendor = await asked(Answer(200, {"date": DATE}, body))
    assert found == Probe("list (GET /devices), its first page", 200, 1767225600.0)
    assert vendor.asked == [FIRST]


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        ((401, {"message": "no such key"}), "denied", "the API answered 401 (no such key)"),
        ((403, {"message": f"the key {API_KEY} may not"}), "denied", "the API answered 403"),
        ((404, {}), "missing", "the API answered 404"),
        ((429, {}), "limited", "the API answered 429"),
        ((503, {}), "down", "the API answered 503"),
        (Answer(200, {}, b"<html>"), "malformed", "the answer is not JSON"),
        ({"pagination": {}}, "malformed", ""),
        (failed("dns"), "down", "dns: scripted"),
    ],
)
async def test_what_can_be_wrong(answer: Any, kind: str, words: str) -> None:
    found, _ = await asked(answer)
    assert found.kind == kind
    assert words in found.words
    assert found.words.startswith("list (GET /devices), its first page: ")


async def test_without_credentials_nothing_is_asked() -> None:
    vendor = Vendor({})
    assert await kolide(vendor, api_key=None or "").probe() is None
    assert vendor.asked == []


@pytest.mark.parametrize(("status", "kind"), [(200, None), (404, None), (401, "denied"), (502, "down")])
async def test_without_a_list_only_a_refusal_says_something(tmp_path: Path, status: int, kind: str | None) -> None:
    vendor = Vendor({"GET /": (status, {})}, "https://api.own.example")
    own = make(tmp_path, PLAIN, {"judge": "status", "signing_secret": SECRET, "token": "t0ken-1234"}, vendor)
    found = await own.probe()
    assert found is not None
    assert (found.status, found.kind, found.sure) == (status, kind, False)
    assert vendor.asked == ["GET /"]
