"""The ways of paging, of logging in, and steps of every kind, as small manifests of an admin's own."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from bridge.errors import ConfigError
from bridge.model import LookFailed
from tests.connector.scene import NOW, Vendor, make
from tests.connector.test_language import HEAD

PAGED = (
    HEAD
    + """
key = { secret = true }
user = { default = "svc" }
[[on]]
device = "id(body.d)"
[api]
base = "https://api.vendor.example/v2"
LOGIN
page.odata = { items = "value", next_url = "@odata.nextLink" }
page.number = { items = "results", page = "page", first = 0, size = ["page-size", 2], total = "totalCount" }
page.offset = { items = ".", offset = "offset", size = ["limit", 2] }
page.after = { items = ".", after = "id", param = "after", size = ["pageSize", 2] }
page.optional = { items = "devices", next = "?nextPageToken", param = "pageToken" }
[look]
rows = { get = "/rows/{device.id}?x=1", page = "STYLE" }
[snapshot]
finding = { each = "look.rows", key = "id(item.id)" }
[judge.any]
failing = "true"
"""
)
R1, R2, R3 = {"id": 1}, {"id": 2}, {"id": 3}
ROWS = "GET /v2/rows/9?x=1"


async def listed(tmp_path: Path, style: str, answers: dict[str, Any], login: str = "") -> tuple[list[str], Vendor]:
    vendor = Vendor(answers)
    text = PAGED.replace("STYLE", style).replace("LOGIN", login)
    connector = make(tmp_path, text, {"secret": "s", "key": "k", "judge": "any"}, vendor)
    return [one.key for one in (await connector.snapshot("9", NOW)).findings], vendor


NUMBER = ROWS + "&page={}&page-size=2"
OFFSET = ROWS + "&offset={}&limit=2"


@pytest.mark.parametrize(
    ("style", "answers"),
    [
        (
            "odata",
            {
                ROWS: {"value": [R1, R2], "@odata.nextLink": "https://api.vendor.example/v2/more?s=1"},
                "GET /v2/more?s=1": {"value": [R3]},
            },
        ),
        (
            "number",
            {
                NUMBER.format(0): {"results": [R1, R2], "totalCount": 3},
                NUMBER.format(1): {"results": [R3], "totalCount": 3},
            },
        ),
        ("offset", {OFFSET.format(0): [R1, R2], OFFSET.format(2): [R3]}),
        ("after", {ROWS + "&pageSize=2": [R1, R2], ROWS + "&after=2&pageSize=2": [R3]}),
        ("optional", {ROWS: {"devices": [R1, R2], "nextPageToken": "n"}, ROWS + "&pageToken=n": {"devices": [R3]}}),
    ],
)
async def test_ways_of_paging(tmp_path: Path, style: str, answers: dict[str, Any]) -> None:
    assert (await listed(tmp_path, style, answers))[0] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("style", "answers"),
    [
        ("odata", {ROWS: {"value": [R1], "@odata.nextLink": "https://evil.example/v2/more"}}),
        ("odata", {ROWS: {"value": [R1], "@odata.nextLink": "http://api.vendor.example/v2/more"}}),
        ("odata", {ROWS: {"value": [R1], "@odata.nextLink": 5}}),
        (
            "number",
            {
                NUMBER.format(0): {"results": [R1, R2], "totalCount": 3},
                NUMBER.format(1): {"results": [], "totalCount": 3},
            },
        ),
        ("number", {NUMBER.format(0): {"results": [R1, R2]}}),
        ("offset", {OFFSET.format(0): {"error": "x"}}),
        ("after", {ROWS + "&pageSize=2": [R1, {}]}),
        ("after", {ROWS + "&pageSize=2": [R1, R2], ROWS + "&after=2&pageSize=2": [R1, R2]}),
    ],
)
async def test_ways_of_paging_wrongly(tmp_path: Path, style: str, answers: dict[str, Any]) -> None:
    with pytest.raises(LookFailed) as caught:
        await listed(tmp_path, style, answers)
    assert caught.value.kind == "malformed", str(caught.value)


@pytest.mark.parametrize(
    ("login", "header", "value"),
    [
        ('basic = { user = "user", secret = "key" }', "authorization", "Basic " + base64.b64encode(b"svc:k").decode()),
        ('header = { name = "X-Api-Key", secret = "key" }', "x-api-key", "k"),
        ('header = { name = "Authorization", secret = "key", prefix = "ApiToken " }', "authorization", "ApiToken k"),
        ('bearer = "key"', "authorization", "Bearer k"),
    ],
)
async def test_ways_of_logging_in(tmp_path: Path, login: str, header: str, value: str) -> None:
    _, vendor = await listed(tmp_path, "offset", {OFFSET.format(0): []}, login)
    assert vendor.headers[0][header] == value


@pytest.mark.parametrize("style", ["post", "basic"])
async def test_a_token_that_the_vendor_repeats_is_not_told(tmp_path: Path, style: str) -> None:
    answers = {
        "POST /v2/token": {"access_token": "at-0123456789", "expires_in": 1200},
        ROWS + "&page=0&page-size=2": (403, {"message": "at-0123456789 may not"}),
    }
    login = f'oauth = {{ token = "/token", client_id = "user", client_secret = "key", style = "{style}" }}'
    with pytest.raises(LookFailed) as caught:
        await listed(tmp_path, "number", answers, login)
    assert "403" in str(caught.value) and "0123456" not in str(caught.value)


STEPS = (
    HEAD
    + """
region = { default = "eu" }
[[on]]
device = "id(body.d)"
[api]
base = "https://{settings.region}.vendor.example"
headers = { x-region = "{settings.region}" }
[look]
device = { post = "/search", body = { ids = ["{device.id}"], limit = 1 }, items = "resources" }
extra = { get = "/extra/{device.id}", when = 'settings.region == "us"' }
checks = { get = "/checks/{item.check}", each = "look.device", cache = "1h", none = [404] }
[snapshot.finding]
each = "look.device"
key = "id(item.id)"
tags = 'look.checks.filter(c, c.id == item.check).map(c, string(c.tag))'
[judge.critical]
failing = '"Critical" in finding.tags'
"""
)


async def test_steps_of_every_kind(tmp_path: Path) -> None:
    rows = [{"id": 1, "check": "a"}, {"id": 2, "check": "b"}]
    vendor = Vendor(
        {
            "POST /search": {"resources": rows},
            "GET /checks/a": {"id": "a", "tag": "Critical"},
            "GET /checks/b": {"id": "b", "tag": "Info"},
        },
        base="https://eu.vendor.example",
    )
    connector = make(tmp_path, STEPS, {"secret": "s", "judge": "critical"}, vendor)
    found = await connector.snapshot("9", NOW)
    await connector.snapshot("9", NOW)
    assert vendor.bodies[0] == b'{"ids":["9"],"limit":1}' and vendor.headers[0]["x-region"] == "eu"
    assert vendor.asked == ["POST /search", "GET /checks/a", "GET /checks/b", "POST /search"]
    assert [one.tags for one in found.findings] == [("Critical",), ("Info",)]
    assert connector.judge(found.findings, None, held=None, now=NOW).failing == found.findings[:1]


async def test_a_fresh_look_asks_each_question_once(tmp_path: Path) -> None:
    rows = [{"id": number, "check": "a"} for number in (1, 2, 3)]
    answers = {"POST /search": {"resources": rows}, "GET /checks/a": {"id": "a", "tag": "Info"}}
    vendor = Vendor(answers, base="https://eu.vendor.example")
    connector = make(tmp_path, STEPS, {"secret": "s", "judge": "critical"}, vendor)
    for _ in range(2):
        await connector.snapshot("9", NOW, fresh=True)
    assert vendor.asked == 2 * ["POST /search", "GET /checks/a"]


def test_a_host_cannot_be_smuggled_into_the_base(tmp_path: Path) -> None:
    for region in ("evil.example/", "a@b", "a:80", "x?y="):
        with pytest.raises(ConfigError):
            make(tmp_path, STEPS, {"secret": "s", "judge": "critical", "region": region})
