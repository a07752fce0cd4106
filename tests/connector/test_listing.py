"""The `[list]` key: what `check` says about it, and that it can say how vendors list their devices."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bridge.connector import manifest
from bridge.errors import ConfigError
from bridge.model import LookFailed
from bridge.outbound import Answer
from tests.connector.fleet import MANIFEST, swept
from tests.connector.scene import Vendor, make


@pytest.mark.parametrize(
    ("old", "new", "path", "words"),
    [
        ('get = "/devices"\n', "", "list.get", "one of get and post"),
        ('get = "/devices"\n', 'get = "/devices/{device.id}"\n', "list.get", "is no known name"),
        ('page = "cursor"\n[list.join.issues]', 'page = "other"\n[list.join.issues]', "list.page", "names no api.page"),
        ('page = "cursor"\n[list.join.issues]', 'items = "[x"\n[list.join.issues]', "list.items", "not a path"),
        ("[list]\n", '[list]\nitems = "x"\n', "list.items", "the page says where"),
        ("[list]\n", '[list]\nevery = "often"\n', "list.every", "not a duration"),
        ("[list]\n", '[list]\nevery = "5s"\n', "list.every", "at least 1m"),
        ("[list]\n", '[list]\ncomplete = "yes"\n', "list.complete", "must be true or false"),
        ("[list]\n", '[list]\ndelta = "x"\n', "list.delta", "does not support it yet"),
        ("[list]\n", '[list]\nevrey = "1h"\n', "list.evrey", "did you mean every?"),
        ("[list]\n", '[list]\nas = "look.phone"\n', "list.as", "must name a step: look.device"),
        ("[list]\n", '[list]\nas = "look.person"\n', "list.as", "snapshot.id must be read from look.person alone"),
        ("[list]\n", '[list]\ninline = { person = "x" }\n', "list.join.person.as", "is filled by list.inline already"),
        ("[list]\n", '[list]\ninline = { phone = "x" }\n', "list.inline.phone", "must name a step"),
        ('id = "id(look.device.id)"\n', "", "list.get", "needs snapshot.id"),
        ('id = "id(look.device.id)"', 'id = "device.id"', "list.as", "snapshot.id must be read from look.device"),
        ('by = "id(item.device)"\n', "", "list.join.issues.by", "is required"),
        ('by = "id(item.device)"', 'by = "id(itm.device)"', "list.join.issues.by", "did you mean item"),
        ('on = "id(look.device.owner)"', 'on = "id(look.issues)+1"', "list.join.person.on", "no matching overload"),
        ('on = "id(look.device.owner)"', 'on = "id(look.person.id)"', "list.join.person.on", "undeclared reference"),
        ('when = "!has(item.closed)"', 'when = "item.open"\nmany = 1', "list.join.issues.many", "true or false"),
        ('when = "!has(item.closed)"', 'when = "id(item.x)"', "list.join.issues.when", "must yield true or false"),
        ("[list.join.person]", "[list.join.human]", "list.join.human.as", "must name a step"),
        ("[list.join.person]", '[list.join.x]\nas = "look.device"', "list.join.x.as", "is filled by list already"),
        ("[list.join.person]", '[list.join.person]\ncache = "1h"', "list.join.person.cache", "unknown key"),
    ],
)
def test_a_fault_has_its_line_and_words(old: str, new: str, path: str, words: str) -> None:
    assert old in MANIFEST
    with pytest.raises(ConfigError) as caught:
        manifest.read(MANIFEST.replace(old, new, 1), "connector.toml")
    [found] = [str(fault) for fault in caught.value.faults if fault.path == path]
    assert found.startswith("connector.toml:") and words in found


def test_a_step_that_nothing_fills_is_a_fault() -> None:
    text = MANIFEST[: MANIFEST.index("[list.join.person]")] + MANIFEST[MANIFEST.index("[judge.any]") :]
    with pytest.raises(ConfigError, match="look.person is read by .snapshot., and no join or inline fills it"):
        manifest.read(text, "connector.toml")


def test_a_list_needs_something_to_fill() -> None:
    text = MANIFEST[: MANIFEST.index("[api]")] + MANIFEST[MANIFEST.index("[list]") :]
    with pytest.raises(ConfigError, match=r"list: needs \[api\], \[look\] and \[snapshot\]"):
        manifest.read(text, "connector.toml")


def test_a_page_cannot_be_put_into_text() -> None:
    text = MANIFEST.replace('get = "/devices"\n', 'post = "/devices"\nbody = { cursor = "x", per_page = 1 }\n')
    manifest.read(text, "connector.toml")
    text = text.replace('param = "cursor"', 'param = "cursor.deep"')
    with pytest.raises(ConfigError, match=r"list.body: of api.page: cursor.deep leads through something"):
        manifest.read(text, "connector.toml")


# -- vendors ----------------------------------------------------------------------------------------

HEAD = """
language = 1
title = "Own"
auth = { scheme = "none" }
[[on]]
device = "id(body.id)"
[judge.any]
failing = "true"
[judge.status]
status = { ok = "compliant", bad = "not-compliant" }
[api]
base = "https://api.vendor.example"
"""


class Poster(Vendor):
    """Answers by method, path, query and body."""

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None, timeout: float
    ) -> Answer:
        told = f" {json.dumps(json.loads(body), sort_keys=True)}" if body else ""
        return await super().request(method, url + told, headers=headers, body=body, timeout=timeout)


def page(*ids: Any, key: str = "id", **more: Any) -> dict[str, Any]:
    return {"rows": [{key: one, "state": "bad" if str(one).endswith("2") else "ok"} for one in ids], **more}


SNAPSHOT = '[snapshot]\nid = "id(look.device.id)"\nstatus = "look.device.state"\n'
VENDORS: dict[str, tuple[str, dict[str, Any]]] = {
    "page numbers and a total (Jamf Pro, Workspace ONE)": (
        """
page.n = { items = "rows", page = "page", first = 0, size = ["page-size", 2], total = "totalCount" }
[look]
device = { get = "/computers/{device.id}" }
[snapshot]
from = "look.device"
id = "id(item.id)"
status = "item.state"
[list]
get = "/computers?section=GENERAL&sort=id:asc"
page = "n"
""",
        {
            "GET /computers?section=GENERAL&sort=id:asc&page=0&page-size=2": page(1, 2, totalCount=3),
            "GET /computers?section=GENERAL&sort=id:asc&page=1&page-size=2": page(3, totalCount=3),
        },
    ),
    "a link to the next page (Intune, Hexnode)": (
        f"""
page.odata = {{ items = "rows", next_url = "@odata.nextLink" }}
[look]
device = {{ get = "/managedDevices/{{device.id}}" }}
{SNAPSHOT}
[list]
get = "/managedDevices?$select=id,state&$top=1000"
page = "odata"
""",
        {
            "GET /managedDevices?$select=id,state&$top=1000": page(
                1, 2, **{"@odata.nextLink": "https://api.vendor.example/managedDevices?$skiptoken=abc"}
            ),
            "GET /managedDevices?$skiptoken=abc": page(3),
        },
    ),
    "offsets into a bare list (Iru, JumpCloud)": (
        f"""
page.o = {{ items = ".", offset = "offset", size = ["limit", 2] }}
[look]
device = {{ get = "/devices/{{device.id}}" }}
{SNAPSHOT}
[list]
get = "/devices"
page = "o"
""",
        {
            "GET /devices?offset=0&limit=2": page(1, 2)["rows"],
            "GET /devices?offset=2&limit=2": page(3)["rows"],
            "GET /devices?offset=3&limit=2": [],
        },
    ),
    "a member of the row for another question (Fleet)": (
        """
page.n = { items = "rows", page = "page", first = 0, size = ["per_page", 2] }
[look]
host = { get = "/hosts/{device.id}", items = "host" }
owners = { get = "/hosts/{device.id}/device_mapping", items = "device_mapping" }
[snapshot]
id = "id(look.host.id)"
status = "look.host.state"
owner = 'pick(look.owners, "source", ["idp"], "email")'
[list]
get = "/hosts?populate_policies=true&device_mapping=true"
page = "n"
inline = { owners = "?device_mapping" }
""",
        {
            "GET /hosts?populate_policies=true&device_mapping=true&page=0&per_page=2": page(1, 2),
            "GET /hosts?populate_policies=true&device_mapping=true&page=1&per_page=2": {
                "rows": [
                    {"id": 3, "state": "ok", "device_mapping": [{"source": "idp", "email": "ada@acme.example"}]},
                ]
            },
            "GET /hosts?populate_policies=true&device_mapping=true&page=2&per_page=2": page(),
        },
    ),
    "a cursor and a total, open threats joined (SentinelOne)": (
        f"""
page.c = {{ items = "rows", next = "pagination.nextCursor", param = "cursor", total = "pagination.totalItems" }}
[look]
device = {{ get = "/agents?ids={{device.id}}", items = "data" }}
threats = {{ get = "/threats?agentIds={{device.id}}&resolved=false", page = "c" }}
{SNAPSHOT}
finding = {{ each = "look.threats", key = "id(item.threat)" }}
[list]
get = "/agents?limit=1000"
page = "c"
[list.join.threats]
get = "/threats?resolved=false&limit=1000"
page = "c"
by = "id(item.agent.id)"
""",
        {
            "GET /threats?resolved=false&limit=1000": {
                "rows": [{"threat": "t1", "agent": {"id": "2"}}, {"threat": "t2", "agent": {"id": "2"}}],
                "pagination": {"nextCursor": None, "totalItems": 2},
            },
            "GET /agents?limit=1000": page(1, 2, pagination={"nextCursor": "c1", "totalItems": 3}),
            "GET /agents?limit=1000&cursor=c1": page(3, pagination={"nextCursor": None, "totalItems": 3}),
        },
    ),
    "the last id, alerts in one answer (NinjaOne)": (
        f"""
page.a = {{ items = ".", after = "id", param = "after", size = ["pageSize", 2] }}
[look]
device = {{ get = "/device/{{device.id}}" }}
alerts = {{ get = "/device/{{device.id}}/alerts" }}
{SNAPSHOT}
finding = {{ each = "look.alerts", key = "id(item.uid)" }}
[list]
get = "/devices-detailed"
page = "a"
[list.join.alerts]
get = "/alerts"
many = true
by = "id(item.deviceId)"
""",
        {
            "GET /alerts": [{"uid": "u1", "deviceId": 2}, {"uid": "u2", "deviceId": 2}],
            "GET /devices-detailed?pageSize=2": page(1, 2)["rows"],
            "GET /devices-detailed?after=2&pageSize=2": page(3)["rows"],
            "GET /devices-detailed?after=3&pageSize=2": [],
        },
    ),
    "page numbers in the body (Mosyle, Addigy)": (
        f"""
page.n = {{ items = "rows", page = "options.page", first = 1, size = ["options.size", 2] }}
[look]
device = {{ post = "/device", body = {{ id = "{{device.id}}" }} }}
{SNAPSHOT}
[list]
post = "/listdevices"
body = {{ options = {{ os = "mac" }} }}
page = "n"
""",
        {
            'POST /listdevices {"options": {"os": "mac", "page": 1, "size": 2}}': page(1, 2),
            'POST /listdevices {"options": {"os": "mac", "page": 2, "size": 2}}': page(3),
            'POST /listdevices {"options": {"os": "mac", "page": 3, "size": 2}}': page(),
        },
    ),
    "a cursor with the last page too (Vanta)": (
        f"""
page.relay = {{ items = "rows", next = "info.endCursor", more = "info.hasNextPage", param = "pageCursor" }}
[look]
device = {{ get = "/monitored-computers/{{device.id}}" }}
{SNAPSHOT}
[list]
get = "/monitored-computers?pageSize=100"
page = "relay"
""",
        {
            "GET /monitored-computers?pageSize=100": page(1, 2, info={"endCursor": "e1", "hasNextPage": True}),
            "GET /monitored-computers?pageSize=100&pageCursor=e1": page(
                3, info={"endCursor": "e", "hasNextPage": False}
            ),
        },
    ),
    "GraphQL (Tanium)": (
        f"""
[api.page.edges]
items = "data.edges.*.node"
next = "data.info.endCursor"
more = "data.info.hasNextPage"
param = "variables.c"
[look]
device = {{ post = "/graphql", body = {{ query = "one", variables = {{ id = "{{device.id}}" }} }}, items = "data" }}
{SNAPSHOT}
[list]
post = "/graphql"
body = {{ query = "all", variables = {{ first = 100 }} }}
page = "edges"
""",
        {
            'POST /graphql {"query": "all", "variables": {"first": 100}}': {
                "data": {
                    "edges": [{"node": row} for row in page(1, 2)["rows"]],
                    "info": {"endCursor": "e1", "hasNextPage": True},
                }
            },
            'POST /graphql {"query": "all", "variables": {"c": "e1", "first": 100}}': {
                "data": {
                    "edges": [{"node": row} for row in page(3)["rows"]],
                    "info": {"endCursor": "e2", "hasNextPage": False},
                }
            },
        },
    ),
    "a key within a name (Google)": (
        """
page.g = { items = "rows", next = "?nextPageToken", param = "pageToken" }
[look]
device = { get = "/devices/{device.id}" }
users = { get = "/devices/{device.id}/deviceUsers", page = "g" }
[snapshot]
id = 'look.device.id.split("/")[1]'
status = "look.device.state"
finding = { each = "look.users", key = "item.name" }
[list]
get = "/devices?customer=customers/my_customer"
page = "g"
[list.join.users]
get = "/devices/-/deviceUsers"
page = "g"
by = 'item.name.split("/")[1]'
""",
        {
            "GET /devices/-/deviceUsers": {"rows": [{"name": f"devices/2/deviceUsers/{n}"} for n in "ab"]},
            "GET /devices?customer=customers/my_customer": page("devices/1", "devices/2", nextPageToken="t"),
            "GET /devices?customer=customers/my_customer&pageToken=t": page("devices/3"),
        },
    ),
}


@pytest.mark.parametrize("name", list(VENDORS))
async def test_the_language_says_how_vendors_list(tmp_path: Path, name: str) -> None:
    text, answers = VENDORS[name]
    judge = "any" if "finding" in text else "status"
    vendor = Poster(answers)
    ours = make(tmp_path, HEAD + text, {"judge": judge}, vendor)
    pages = await swept(ours.sweep())
    found = [one for page in pages for one in page.snapshots]
    assert [one.device_id for one in found] == ["1", "2", "3"] and not any(page.faults for page in pages)
    assert [one.status for one in found] == ["ok", "bad", "ok"]
    if judge == "any":
        assert [len(one.findings) for one in found] == [0, 2, 0]
    assert vendor.asked == list(answers)
    if len(pages) > 1:
        rest = await swept(make(tmp_path, HEAD + text, {"judge": judge}, Poster(answers)).sweep(pages[0].next))
        assert [one.device_id for page in rest for one in page.snapshots] == ["3"]


async def test_a_question_for_every_item_is_joined_too(tmp_path: Path) -> None:
    text = """
[look]
device = { get = "/devices/{device.id}" }
checks = { get = "/checks/{item}", each = "look.device.checks", none = [404] }
[snapshot]
id = "id(look.device.id)"
status = 'look.checks.exists(c, c.bad) ? "bad" : "ok"'
[list]
get = "/devices"
items = "rows"
[list.join.checks]
get = "/checks"
items = "rows"
by = "id(item.id)"
on = "id(item)"
"""
    checks = [{"id": 7, "bad": False}, {"id": 8, "bad": True}]
    rows = [{"id": 1, "checks": [7]}, {"id": 2, "checks": [7, 8]}]
    answers: dict[str, Any] = {"GET /devices": {"rows": rows}, "GET /checks": {"rows": checks}}
    answers |= {f"GET /checks/{one['id']}": one for one in checks} | {f"GET /devices/{one['id']}": one for one in rows}
    ours = make(tmp_path, HEAD + text, {"judge": "status"}, Vendor(answers))
    [found] = await swept(ours.sweep())
    assert [one.status for one in found.snapshots] == ["ok", "bad"] and not found.faults
    assert [one.status for one in found.snapshots] == [(await ours.snapshot(n, 0.0)).status for n in "12"]


async def test_a_vendor_that_caps_its_pages_is_read_to_the_end(tmp_path: Path) -> None:
    """Asked for two, it gives one: that does not end the list."""
    text, _ = VENDORS["offsets into a bare list (Iru, JumpCloud)"]
    answers = {f"GET /devices?offset={n}&limit=2": page(n + 1)["rows"] for n in range(3)}
    ours = make(tmp_path, HEAD + text, {"judge": "status"}, Vendor({**answers, "GET /devices?offset=3&limit=2": []}))
    assert [one.device_id for page in await swept(ours.sweep()) for one in page.snapshots] == ["1", "2", "3"]


async def test_a_vendor_that_ignores_the_page_is_found_out(tmp_path: Path) -> None:
    text, _ = VENDORS["offsets into a bare list (Iru, JumpCloud)"]
    answers = {f"GET /devices?offset={n}&limit=2": page(1, 2)["rows"] for n in (0, 2)}
    with pytest.raises(LookFailed, match="repeats one that came before"):
        await swept(make(tmp_path, HEAD + text, {"judge": "status"}, Vendor(answers)).sweep())
