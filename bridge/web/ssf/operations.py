"""The routes of SSF 1.0 §8: which scope each needs, what it asks of the pipeline, and how it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

import orjson
from starlette.responses import Response

from bridge.oauth.caller import MANAGES, READS
from bridge.web.ssf.door import Asked, Operation, Operations
from bridge.web.ssf.errors import NO_STORE


class Streams(Protocol):
    """`bridge.pipeline.api.management.Management`."""

    async def create(self, client: str, body: Mapping[str, Any]) -> dict[str, Any]: ...
    async def read(self, client: str, stream_id: str) -> dict[str, Any]: ...
    def listed(self, client: str) -> list[dict[str, Any]]: ...
    async def change(self, client: str, body: Mapping[str, Any], *, whole: bool) -> dict[str, Any]: ...
    async def delete(self, client: str, stream_id: str) -> None: ...


class Statuses(Protocol):
    """`bridge.pipeline.api.standing.Standing`."""

    async def read(self, client: str, stream_id: str) -> dict[str, str]: ...
    async def set(self, client: str, body: Mapping[str, Any]) -> dict[str, str]: ...


class Verifications(Protocol):
    """`bridge.pipeline.api.verification.Verification`."""

    async def request(self, client: str, body: Mapping[str, Any]) -> None: ...


class Counts(Protocol):
    """`bridge.pipeline.api.allowance.Allowance`."""

    def take(self, client: str) -> None: ...
    def give_back(self, client: str) -> None: ...


def counted(routes: Operations, allowance: Counts) -> Operations:
    """The same, of which each that changes something counts, unless it is refused."""
    return {
        path: {method: _counted(one, allowance) for method, one in methods.items()} for path, methods in routes.items()
    }


def _counted(operation: Operation, allowance: Counts) -> Operation:
    async def run(asked: Asked) -> Response:
        allowance.take(asked.client)
        try:
            return await operation.run(asked)
        except BaseException:
            allowance.give_back(asked.client)
            raise

    return replace(operation, run=run) if operation.scopes == MANAGES else operation


def stream_routes(streams: Streams) -> Operations:
    """SSF 1.0 §8.1.1."""

    async def create(asked: Asked) -> Response:
        return shown(await streams.create(asked.client, asked.body), 201)

    async def read(asked: Asked) -> Response:
        if "stream_id" not in asked.query:
            return shown(streams.listed(asked.client))
        return shown(await streams.read(asked.client, asked.stream_id))

    async def update(asked: Asked) -> Response:
        return shown(await streams.change(asked.client, asked.body, whole=False))

    async def replace(asked: Asked) -> Response:
        return shown(await streams.change(asked.client, asked.body, whole=True))

    async def delete(asked: Asked) -> Response:
        await streams.delete(asked.client, asked.stream_id)
        return nothing(204)

    return {
        "/ssf/streams": {
            "GET": Operation(READS, read, limit=0),
            "POST": Operation(MANAGES, create),
            "PATCH": Operation(MANAGES, update),
            "PUT": Operation(MANAGES, replace),
            "DELETE": Operation(MANAGES, delete, limit=0),
        }
    }


def status_routes(statuses: Statuses) -> Operations:
    """SSF 1.0 §8.1.2."""

    async def read(asked: Asked) -> Response:
        return shown(await statuses.read(asked.client, asked.stream_id))

    async def change(asked: Asked) -> Response:
        return shown(await statuses.set(asked.client, asked.body))

    return {"/ssf/status": {"GET": Operation(READS, read, limit=0), "POST": Operation(MANAGES, change)}}


def verification_routes(verifications: Verifications) -> Operations:
    """SSF 1.0 §8.1.4.2."""

    async def request(asked: Asked) -> Response:
        await verifications.request(asked.client, asked.body)
        return nothing(204)

    return {"/ssf/verify": {"POST": Operation(MANAGES, request)}}


def shown(body: Any, status: int = 200) -> Response:
    return Response(orjson.dumps(body), status, NO_STORE, "application/json")


def nothing(status: int) -> Response:
    return Response(status_code=status, headers=NO_STORE)
