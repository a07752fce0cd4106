"""Each receiver's endpoint: is it there, over TLS that we trust? It is asked with a bare GET and never sent a SET."""

from __future__ import annotations

import asyncio
from typing import Final

from bridge.cli.online.certificate import ending, ends_at
from bridge.cli.online.line import Found, Line, date_of, dated, unreached
from bridge.clock import Clock
from bridge.config import Config, Receiver
from bridge.outbound import ConnectFailed, Outbound

TIMEOUT: Final = 10.0
LARGEST: Final = 64 * 1024


async def receiver(name: str, one: Receiver, config: Config, outbound: Outbound, clock: Clock) -> Found:
    about = f"receiver {name}"
    if one.delivery == "poll" or one.endpoint_url is None:
        return Found((Line(about, "note", "not asked: it polls, so it comes to us"),))
    what = "its endpoint (GET, without credentials)"
    try:
        answer, certificate = await asyncio.gather(
            outbound.request("GET", one.endpoint_url, headers={}, timeout=TIMEOUT, max_bytes=LARGEST, cut=True),
            ends_at(one.endpoint_url, config),
        )
    except ConnectFailed as failed:
        return Found((unreached(about, what, failed),))
    dates = dated(about, date_of(answer.headers), clock.now())
    return Found((_answered(about, what, answer.status), *ending(about, certificate, clock.now())), dates)


def _answered(about: str, what: str, status: int) -> Line:
    """Most endpoints take nothing but POST, so almost any answer shows that somebody is there."""
    if status >= 500:
        remedy = "SETs wait until it is well; `caep-bridge streams show` says how long it has been unwell"
        return Line(about, "failed", f"{what} answered {status}", remedy)
    if 300 <= status <= 399:
        remedy = "is this the address that takes SETs? They are not redirected"
        return Line(about, "note", f"{what} answered {status}, a redirect", remedy)
    return Line(about, "ok", f"{what} answered {status}: it is there")
