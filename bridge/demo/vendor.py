"""The stand-in for the vendor: an API over a small state, and the webhooks that it signs and sends about it."""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime

import aiohttp
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.clock import Clock, Ids
from bridge.demo.script import Problem, Script, filled, of_problem, texts
from bridge.errors import BridgeError

TIMEOUT = 10.0
"""Seconds for the answer to a webhook."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A webhook and its answer: `document` is the JSON of the answer, {} if it was none."""

    event: str
    status: int
    document: dict[str, object]
    seconds: float


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asked for over the stand-in's own URL."""

    problem: Problem
    opens: bool


class Vendor:
    """`opened` holds what is open, and since when. `asked` what the API was asked, in order.

    `app` is to be served; `url` is set by who serves it.
    """

    def __init__(self, script: Script, clock: Clock, ids: Ids) -> None:
        self.script = script
        self.secret = ids.token()
        self.key = ids.token()
        self.url = ""
        self.opened: dict[str, str] = {}
        self.asked: list[str] = []
        self.wishes: asyncio.Queue[Wish] = asyncio.Queue()
        self._clock = clock
        self._ids = ids
        self.app = Starlette(
            routes=[
                Route("/demo/{verb}/{key}", self._wish, methods=["POST"]),
                Route("/{path:path}", self._answer, methods=["GET"]),
            ]
        )

    def settings(self) -> dict[str, str]:
        """The connector's table in the configuration, but for its type."""
        return texts(self.script.settings, {"api": self.url, "secret": self.secret, "key": self.key})

    def change(self, problem: Problem, *, opens: bool) -> None:
        """From now on the API says so."""
        if opens:
            self.opened.setdefault(problem.key, self._now())
        else:
            self.opened.pop(problem.key, None)

    async def send(self, url: str, problem: Problem, *, opens: bool) -> Sent:
        """The webhook about a change, signed, over HTTP. Raises BridgeError if nobody answers."""
        event = self.script.opened if opens else self.script.resolved
        values = {"event": event, "delivery": self._ids.new(), "now": self._now(), **of_problem(problem)}
        body = orjson.dumps(filled(self.script.body, values))
        signature = hmac.digest(self.secret.encode(), body, "sha256").hex()
        headers = texts(self.script.headers, {"signature": signature})
        started = self._clock.monotonic()
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(TIMEOUT)) as client,
                client.post(url, data=body, headers=headers) as answer,
            ):
                document = _object(await answer.read())
        except (aiohttp.ClientError, TimeoutError) as error:
            raise BridgeError(f"the service did not answer a webhook: {type(error).__name__}") from None
        return Sent(event, answer.status, document, self._clock.monotonic() - started)

    async def _answer(self, request: Request) -> Response:
        self.asked.append(f"GET {request.url.path}")
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        template = self.script.answers.get(request.url.path)
        if template is None:
            return JSONResponse({"error": "not found"}, 404)
        return JSONResponse(filled(template, self._state()))

    def _refusal(self, request: Request) -> Response | None:
        bearer = texts({"bearer": self.script.bearer}, {"key": self.key})["bearer"]
        if request.headers.get("authorization") != f"Bearer {bearer}":
            return JSONResponse({"error": "the API key is missing or wrong"}, 401)
        for name, value in self.script.required.items():
            if request.headers.get(name) != value:
                return JSONResponse({"error": f"the header {name} must be {value}"}, 400)
        return None

    def _state(self) -> dict[str, object]:
        values: dict[str, object] = {"now": self._now()}
        values["status"] = self.script.failing if self.opened else self.script.clean
        values["open"] = [
            filled(self.script.finding, {**values, **of_problem(problem, since=self.opened[problem.key])})
            for problem in self.script.problems
            if problem.key in self.opened
        ]
        return values

    async def _wish(self, request: Request) -> Response:
        problem = self.script.problem(request.path_params["key"])
        verb = request.path_params["verb"]
        if problem is None or verb not in ("open", "resolve"):
            return JSONResponse({"error": "POST /demo/open/<key> or /demo/resolve/<key>"}, 404)
        self.wishes.put_nowait(Wish(problem, verb == "open"))
        return JSONResponse({"event": self.script.opened if verb == "open" else self.script.resolved}, 202)

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _object(content: bytes) -> dict[str, object]:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
