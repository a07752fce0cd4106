"""subjects: receivers add subjects to their streams, and remove them (SSF 1.0 §8.1.3.2, §8.1.3.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bridge.pipeline.api.management import named
from bridge.pipeline.api.ownership import Ownership
from bridge.pipeline.api.selections import Selections
from bridge.ssf.configuration import Unacceptable
from bridge.ssf.identifier import parse

Body = Mapping[str, Any]


class Subjects:
    """What a request comes to says nothing about who exists: it is the same for a subject that nobody knows."""

    def __init__(self, owned: Ownership, selections: Selections) -> None:
        self._owned = owned
        self._selections = selections

    async def add(self, client: str, body: Body) -> None:
        """Raises Unacceptable, NotFound; Forbidden for a stream of the configuration, or one that has as many subjects
        as it may."""
        stream_id, subject, verified = named(body), parse(body.get("subject")), _verified(body)
        one = await self._owned.changeable(client, stream_id)
        await self._selections.add(one.stream, subject, verified=verified)

    async def remove(self, client: str, body: Body) -> None:
        """Raises as `add`."""
        stream_id, subject = named(body), parse(body.get("subject"))
        one = await self._owned.changeable(client, stream_id)
        await self._selections.remove(one.stream, subject)


def _verified(body: Body) -> bool:
    """Without a word it is taken as verified."""
    verified = body.get("verified")
    if verified is not None and not isinstance(verified, bool):
        raise Unacceptable("verified", "must be true or false")
    return verified is not False
