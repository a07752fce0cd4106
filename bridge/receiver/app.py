"""The receiver's HTTP: POST a SET to any path (RFC 8935 §2), GET /received for what came."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import orjson
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.receiver.book import Book, Receipt, Scripted
from bridge.receiver.check import Checked, Checker
from bridge.receiver.fault import Error, invalid

MAX_BODY = 64 * 1024
"""Bytes of a request that are read."""

Duplicates = Literal["202", "409"]


@dataclass(frozen=True, slots=True)
class Desk:
    """Takes requests in. `duplicates`: what answers a `jti` that was taken before, 202 as Okta or 409 as SGNL.

    `authorization`: the header that must come along, to the letter. `on_receipt` is told of each request.
    """

    checker: Checker
    book: Book
    duplicates: Duplicates = "202"
    authorization: str | None = None
    on_receipt: Callable[[Receipt], None] | None = None

    async def post(self, request: Request) -> Response:
        try:
            body = await _body(request)
        except ClientDisconnect:
            return Response(status_code=400)
        if body is None:
            return Response(status_code=413)
        text = body.decode("latin-1")
        error = self._check_request(request)
        checked = Checked(error) if error else await self.checker.check(text)
        scripted = self.book.answer_for(checked.claims)
        if scripted is not None and scripted.delay:
            await self.checker.clock.sleep(scripted.delay)
        receipt = self._receipt(request.url.path, text, checked, scripted)
        self.book.write(receipt)
        if self.on_receipt is not None:
            self.on_receipt(receipt)
        return _response(receipt, scripted)

    async def received(self, request: Request) -> Response:
        shown = [receipt.as_json() for receipt in self.book.receipts]
        return Response(orjson.dumps(shown), media_type="application/json")

    def _check_request(self, request: Request) -> Error | None:
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media != "application/secevent+jwt":
            return invalid("Content-Type must be application/secevent+jwt")
        given = request.headers.get("authorization", "")
        if self.authorization is not None and not hmac.compare_digest(given.encode(), self.authorization.encode()):
            return Error("authentication_failed", "the authorization header is not the one of this stream")
        return None

    def _receipt(self, path: str, text: str, checked: Checked, scripted: Scripted | None) -> Receipt:
        status, error, repeat, taken = self._verdict(checked)
        if scripted is not None and scripted.status is not None:
            status, error, taken = scripted.status, None, taken and scripted.take
        return Receipt(
            received_at=self.checker.clock.now(),
            path=path,
            status=status,
            header=checked.header,
            claims=checked.claims,
            text=text,
            err=error.err if error else "",
            description=error.description if error else "",
            notes=checked.notes,
            repeat=repeat,
            taken=taken,
        )

    def _verdict(self, checked: Checked) -> tuple[int, Error | None, bool, bool]:
        if checked.error is not None:
            return 400, checked.error, False, False
        if not self.book.is_repeat(checked.claims["jti"]):
            return 202, None, False, True
        if self.duplicates == "409":
            return 409, Error("duplicate_event", "a SET with this jti was taken before"), True, False
        return 202, None, True, False


def receiver_app(desk: Desk) -> Starlette:
    return Starlette(
        routes=[
            Route("/received", desk.received, methods=["GET"]),
            Route("/{path:path}", desk.post, methods=["POST"]),
        ]
    )


async def _body(request: Request) -> bytes | None:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            return None
    return bytes(body)


def _response(receipt: Receipt, scripted: Scripted | None) -> Response:
    if scripted is not None and scripted.status is not None:
        return Response(scripted.body, scripted.status, headers=dict(scripted.headers))
    if not receipt.err:
        return Response(status_code=receipt.status)
    content = orjson.dumps({"err": receipt.err, "description": receipt.description})
    return Response(content, receipt.status, {"Content-Language": "en"}, "application/json")
