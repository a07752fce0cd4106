"""The routes of SSF 1.0 §8.1.3: subjects are added to a stream, and removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from starlette.responses import Response

from bridge.oauth.caller import MANAGES
from bridge.web.ssf.door import Asked, Operation, Operations
from bridge.web.ssf.operations import nothing

LIMIT: Final = 32 << 10
"""Bytes of a body: a subject has 4 KiB at most, and what else stands beside it is ignored."""


class Subjects(Protocol):
    """`bridge.pipeline.api.subjects.Subjects`."""

    async def add(self, client: str, body: Mapping[str, Any]) -> None: ...
    async def remove(self, client: str, body: Mapping[str, Any]) -> None: ...


def subject_routes(subjects: Subjects) -> Operations:
    """An empty 200 for what was added, 204 for what was removed, whether anybody knows the subject or not."""

    async def add(asked: Asked) -> Response:
        await subjects.add(asked.client, asked.body)
        return nothing(200)

    async def remove(asked: Asked) -> Response:
        await subjects.remove(asked.client, asked.body)
        return nothing(204)

    return {
        "/ssf/subjects/add": {"POST": Operation(MANAGES, add, LIMIT)},
        "/ssf/subjects/remove": {"POST": Operation(MANAGES, remove, LIMIT)},
    }
