"""A stand-in for Kolide's API in the test process: what it knows can be changed, and it can be made to fail."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Self

from aiohttp import web

from tests.e2e.times import iso

Status = Literal["compliant", "not-compliant"]
Flip = Callable[[str, str, dict[str, Any]], dict[str, Any]]
Kind = Literal["status", "html", "half", "cut", "hang", "keyless", "loop", "second_page"]


@dataclass(frozen=True)
class Trouble:
    """How the API fails.

    status: answers `status` · html: a page for humans · half: JSON that breaks off · cut: the connection breaks off ·
    hang: answers after `delay` · keyless: a list without its `pagination` · loop: a cursor that comes back ·
    second_page: the first page is good and the second one answers `status`. The last three are about lists only.
    """

    kind: Kind = "status"
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 30.0
    at: Literal["device", "issues", "person", "devices", "people", ""] = ""
    """Only this question fails; "" is each."""


@dataclass
class Laptop:
    id: int
    owner: int | None
    issues: dict[int, bool] = field(default_factory=dict)
    """open issue → exempted"""
    exists: bool = True

    @property
    def truth(self) -> Status:
        return "not-compliant" if any(not exempt for exempt in self.issues.values()) else "compliant"


class KolideApi:
    """`async with KolideApi() as api`: `api.url` is the `base_url` of the connector."""

    def __init__(self, key: str = "e2e-api-key") -> None:
        self.key = key
        self.laptops: dict[int, Laptop] = {}
        self.people: dict[int, str | None] = {}
        """person → e-mail; None: a person without one. Whoever is not in here is gone."""
        self.trouble: Trouble | None = None
        """Of every answer."""
        self.troubles: dict[int, Trouble] = {}
        """Of answers about this device, or this person."""
        self.flip_list: Flip = lambda what, cursor, answer: answer
        """Changes what a list of the fleet answers: (devices, issues or people; cursor; page) → page."""
        self.page_size = 100
        self.asked: Counter[str] = Counter()
        """Path → how often it was asked for."""
        self._runner: web.AppRunner | None = None
        self._port = 0

    def add(self, device: int, owner: int | None, email: str | None = None) -> Laptop:
        """A laptop, its owner known by this address (by `p<owner>@acme.example` if none is given)."""
        laptop = self.laptops[device] = Laptop(device, owner)
        if owner is not None:
            self.people.setdefault(owner, email or f"p{owner}@acme.example")
        return laptop

    def email_of(self, laptop: Laptop) -> str | None:
        return self.people.get(laptop.owner) if laptop.owner is not None else None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/devices/{id}", self._device)
        app.router.add_get("/devices/{id}/open_issues", self._issues)
        app.router.add_get("/people/{id}", self._person)
        app.router.add_get("/devices", self._list)
        app.router.add_get("/issues", self._list)
        app.router.add_get("/people", self._list)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    # -- answers --------------------------------------------------------------------------------

    async def _device(self, request: web.Request) -> web.StreamResponse:
        laptop = self.laptops.get(self._number(request))
        if laptop is None or not laptop.exists:
            return await self._answer(request, "device", None)
        return await self._answer(request, "device", self._told(laptop))

    def _told(self, laptop: Laptop) -> dict[str, Any]:
        owner: dict[str, str | None] = {"identifier": "", "link": None}
        if laptop.owner is not None:
            owner = {"identifier": str(laptop.owner), "link": f"{self.url}/people/{laptop.owner}"}
        return {
            "id": str(laptop.id),
            "name": f"lap-{laptop.id}",
            "registered_at": "2026-01-05T08:00:00Z" if laptop.owner is not None else None,
            "last_seen_at": iso(),
            "registered_owner_info": owner,
            "auth_state": "Will Block" if laptop.truth == "not-compliant" else "Good",
            "will_block_at": None,
            "device_type": "Mac",
        }

    async def _issues(self, request: web.Request) -> web.StreamResponse:
        laptop = self.laptops[self._number(request)]
        answer = self._page(request, [self._issue(laptop, key) for key in sorted(laptop.issues)])
        return await self._answer(request, "issues", answer, second="cursor" in request.query)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        """A page of `/devices`, `/issues` or `/people`."""
        what = request.path.strip("/")
        laptops = [one for one in self.laptops.values() if one.exists]
        if what == "devices":
            rows = [self._told(one) for one in laptops]
        elif what == "issues":
            rows = [self._issue(one, key) for one in laptops for key in sorted(one.issues)]
            rows.append({**rows[0], "id": "1", "resolved_at": iso()} if rows else {})
        else:
            rows = [{"id": str(key), "name": f"Person {key}", "email": email} for key, email in self.people.items()]
        answer = self.flip_list(
            what, request.query.get("cursor", ""), self._page(request, [row for row in rows if row])
        )
        return await self._answer(request, what, answer, second="cursor" in request.query)

    def _page(self, request: web.Request, rows: list[dict[str, Any]]) -> dict[str, Any]:
        begin = int(request.query.get("cursor", "0").removeprefix("c"))
        page = rows[begin : begin + self.page_size]
        more = f"c{begin + self.page_size}" if begin + self.page_size < len(rows) else ""
        return {
            "data": page,
            "pagination": {"next": "", "current_cursor": "", "next_cursor": more, "count": len(page)},
        }

    def _issue(self, laptop: Laptop, key: int) -> dict[str, Any]:
        return {
            "id": str(key),
            "title": f"Issue {key}",
            "exempted": laptop.issues[key],
            "resolved_at": None,
            "detected_at": iso(),
            "blocks_device_at": None,
            "device_information": {"identifier": str(laptop.id)},
            "check_information": {"identifier": str(key), "link": f"{self.url}/checks/{key}"},
        }

    async def _person(self, request: web.Request) -> web.StreamResponse:
        person = self._number(request)
        known = {"id": str(person), "name": f"Person {person}", "email": self.people.get(person)}
        return await self._answer(request, "person", known if person in self.people else None)

    @staticmethod
    def _number(request: web.Request) -> int:
        return int(request.match_info["id"])

    async def _answer(
        self, request: web.Request, what: str, answer: dict[str, Any] | None, second: bool = False
    ) -> web.StreamResponse:
        self.asked[request.path] += 1
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return web.json_response({"error": "no such key"}, status=401)
        trouble = self.trouble
        if trouble is None and "id" in request.match_info:
            trouble = self.troubles.get(self._number(request))
        if trouble is not None and trouble.at in ("", what):
            failed = await self._failed(request, trouble, what, answer or {}, second)
            if failed is not None:
                return failed
        return web.json_response(answer if answer is not None else {"error": "none"}, status=200 if answer else 404)

    async def _failed(
        self, request: web.Request, trouble: Trouble, what: str, answer: dict[str, Any], second: bool
    ) -> web.StreamResponse | None:
        """The answer of an API that fails; None: this one is good all the same."""
        if trouble.kind == "status":
            return web.json_response({"error": "trouble"}, status=trouble.status, headers=trouble.headers)
        if trouble.kind == "html":
            return web.Response(text="<html><body>Down for maintenance</body></html>", content_type="text/html")
        if trouble.kind == "half":
            text = json.dumps(answer)
            return web.Response(text=text[: len(text) // 2], content_type="application/json")
        if trouble.kind == "cut":
            return await self._cut(request)
        if trouble.kind == "hang":
            await asyncio.sleep(trouble.delay)
            return None
        return self._bad_list(trouble, answer, second) if "data" in answer else None

    @staticmethod
    def _bad_list(trouble: Trouble, answer: dict[str, Any], second: bool) -> web.Response | None:
        if trouble.kind == "keyless":
            return web.json_response({"data": answer["data"]})
        if trouble.kind == "second_page" and second:
            return web.json_response({"error": "trouble"}, status=trouble.status)
        cursor = "c1" if trouble.kind == "loop" else "c100"
        return web.json_response(answer | {"pagination": answer["pagination"] | {"next_cursor": cursor}})

    @staticmethod
    async def _cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "application/json", "content-length": "1000"})
        await response.prepare(request)
        await response.write(b'{"id": ')
        assert request.transport is not None
        request.transport.abort()
        return response


def only_at(trouble: Trouble, at: Literal["device", "issues", "person"]) -> Trouble:
    return replace(trouble, at=at)
