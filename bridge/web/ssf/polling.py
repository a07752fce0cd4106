"""The route of RFC 8936: receivers fetch their SETs and acknowledge them, at one path for each stream."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from bridge.oauth.caller import READS
from bridge.pipeline.api.ownership import Ownership
from bridge.pipeline.sending.mailbox import Mailbox
from bridge.ssf.poll import poll_request
from bridge.web.ssf.door import Asked, Operation, Operations
from bridge.web.ssf.operations import shown

BODY: Final = 1 << 20
"""Bytes of a poll's body, at most."""


def poll_routes(owned: Ownership, mailbox: Mailbox) -> Operations:
    """RFC 8936 §2. Whose the stream is comes before what the body says."""

    async def poll(asked: Asked) -> Response:
        await owned.seen(asked.client, asked.path)
        return shown(await mailbox.poll(asked.path, poll_request(asked.body), asked.gone))

    return {"/ssf/poll/": {"POST": Operation(READS, poll, limit=BODY)}}
