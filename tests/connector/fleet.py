"""A vendor that lists its fleet in three lists, for the tests of the sweep: rows can be changed, pages flipped."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bridge.connector.connector import Connector
from bridge.connector.lists.sweep import SweepPage
from bridge.outbound import Answer
from tests.connector.scene import Hand, make

MANIFEST = """
language = 1
title = "Own"
auth = { scheme = "none" }
[settings]
judge_me = { default = "" }
[[on]]
device = "id(body.id)"
[api]
base = "https://api.vendor.example"
page.cursor = { items = "data", next = "next", param = "cursor", size = ["per_page", 2] }
[look]
device = { get = "/devices/{device.id}", gone = [404] }
issues = { get = "/devices/{device.id}/issues", page = "cursor" }
person = { get = "/people/{look.device.owner}", none = [404] }
[snapshot]
id = "id(look.device.id)"
owner = "look.person.email"
owner_id = "id(look.device.owner)"
name = "look.device.name"
status = "look.device.state"
[snapshot.finding]
each = "look.issues"
key = "id(item.id)"
title = "item.title"
exempt = "item.exempt"
[list]
get = "/devices"
page = "cursor"
[list.join.issues]
get = "/issues"
page = "cursor"
when = "!has(item.closed)"
by = "id(item.device)"
[list.join.person]
get = "/people"
page = "cursor"
by = "id(item.id)"
on = "id(look.device.owner)"
[judge.any]
failing = "!finding.exempt"
[judge.state]
status = { good = "compliant", bad = "not-compliant" }
"""
TABLE: Mapping[str, object] = {"judge": "any"}
Flip = Callable[[str, str, Any], Any]
"""(list, cursor, good answer) → what is answered: JSON, (status, JSON), text, or an exception."""


class Fleet:
    """An outbound port. Devices d1…dn, each with an owner p<n>; d1 has two issues, d2 an exempt one."""

    def __init__(self, devices: int = 5, page: int = 2) -> None:
        self.page = page
        self.devices: list[Any] = [
            {"id": f"d{n}", "owner": f"p{n}", "name": f"lap-{n}", "state": "good", "serial": "x"}
            for n in range(1, devices + 1)
        ]
        self.people: list[Any] = [
            {"id": f"p{n}", "email": f"p{n}@acme.example", "phone": "1"} for n in range(1, devices + 1)
        ]
        self.issues: list[Any] = [
            {"id": 1, "device": "d1", "title": "Disk", "exempt": False, "closed": None},
            {"id": 2, "device": "d1", "title": "Wall", "exempt": False, "closed": None},
            {"id": 3, "device": "d3", "title": "Gone", "exempt": False, "closed": "2026-11-01T00:00:00Z"},
            {"id": 4, "device": "d2", "title": "Lock", "exempt": True, "closed": None},
        ]
        self.flip: Flip = lambda name, cursor, answer: answer
        self.asked: list[str] = []

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes | None = None, timeout: float
    ) -> Answer:
        parts = urlsplit(url)
        self.asked.append(parts.path + (f"?{parts.query}" if parts.query else ""))
        cursor = parse_qs(parts.query).get("cursor", [""])[0]
        said = self._said(parts.path.strip("/").split("/"), cursor)
        if isinstance(said, Exception):
            raise said
        if isinstance(said, str):
            return Answer(200, {"content-type": "text/html"}, said.encode())
        status, tree = said if isinstance(said, tuple) else (200, said)
        return Answer(status, {"content-type": "application/json"}, json.dumps(tree).encode())

    def _said(self, path: list[str], cursor: str) -> Any:
        if len(path) == 1:
            return self.flip(path[0], cursor, self._paged(getattr(self, path[0]), cursor))
        if len(path) == 3:
            own = [one for one in self.issues if one["device"] == path[1] and not one["closed"]]
            return self._paged(own, cursor)
        return next((one for one in getattr(self, path[0]) if one["id"] == path[1]), (404, {}))

    def _paged(self, rows: list[Any], cursor: str) -> Any:
        begin = int(cursor or 0)
        more = str(begin + self.page) if begin + self.page < len(rows) else ""
        return {"data": rows[begin : begin + self.page], "next": more}


def connect(tmp_path: Path, fleet: Any, manifest: str = MANIFEST, clock: Hand | None = None) -> Connector:
    return make(tmp_path, manifest, TABLE, fleet, clock)


async def swept(pages: AsyncIterator[SweepPage]) -> list[SweepPage]:
    return [page async for page in pages]
