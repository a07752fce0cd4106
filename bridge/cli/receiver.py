"""`caep-bridge receiver`: a push receiver for trying things out, by the rules of Okta or of SSF."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from bridge.cli.console.configured import WrongCall
from bridge.cli.console.output import say, when, write
from bridge.errors import BridgeError

if TYPE_CHECKING:
    from bridge.receiver.book import Receipt
    from bridge.receiver.keys import KeySource
    from bridge.receiver.server import ReceiverServer

KEPT = 1000
"""Receipts that `GET /received` shows, the newest."""


async def receiver(
    *,
    port: int,
    host: str = "127.0.0.1",
    profile: Literal["okta", "ssf", "sse"] = "okta",
    issuer: str | None = None,
    metadata: str | None = None,
    jwks: str | None = None,
    audience: str | None = None,
    authorization: str | None = None,
    duplicates: Literal["202", "409"] = "202",
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Take SETs on any path, validate and print each, until Ctrl-C. GET /received shows what came.

    With --metadata, or --issuer and --jwks, issuer and signature are checked too.

    Parameters
    ----------
    port
        Where to listen; 0 takes any free port.
    host
        The address to listen on.
    profile
        Whose rules: Okta's published ones, those of SSF 1.0, or those of its 2021 draft.
    issuer
        The `iss` that SETs must have; with --metadata in place of what the metadata says.
    metadata
        URL of the transmitter's /.well-known/ssf-configuration.
    jwks
        URL of its key set; with --metadata in place of what the metadata says.
    audience
        The `aud` that SETs must have; without it any will do.
    authorization
        The Authorization header that must come along, to the letter; or `env:NAME`, `file:/path`.
    duplicates
        What answers a SET that was accepted before.
    as_json
        Print one JSON object a line for each request.
    """
    from bridge.receiver.server import ReceiverServer

    if not 0 <= port <= 65535:
        raise WrongCall("--port must be from 0 to 65535")
    server = ReceiverServer(
        profile=profile,
        audience=audience,
        keys=_keys(issuer, metadata, jwks),
        duplicates=duplicates,
        authorization=_authorization(authorization),
        on_receipt=_print_json if as_json else _print,
        host=host,
        port=port,
        keep=KEPT,
    )
    await _serve(server, f"{host}:{port}", profile)
    return 0


async def _serve(server: ReceiverServer, where: str, profile: str) -> None:
    stop = asyncio.Event()
    try:
        await server.start()
    except OSError as problem:
        raise BridgeError(f"cannot listen on {where}: {problem.strerror or problem}") from None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    say(f"listening on {server.url}, by the rules of {profile}")
    try:
        await stop.wait()
    finally:
        await server.stop()


def _keys(issuer: str | None, metadata: str | None, jwks: str | None) -> KeySource | None:
    from bridge.clock import SystemClock
    from bridge.receiver.keys import Fetched

    if metadata is None and jwks is None and issuer is None:
        say("neither --metadata nor --jwks is given: no signature is checked")
        return None
    if metadata is None and (issuer is None or jwks is None):
        raise WrongCall("--issuer and --jwks go together, or --metadata alone")
    return Fetched(SystemClock(), well_known=metadata, issuer=issuer, jwks_url=jwks)


def _authorization(given: str | None) -> str | None:
    from bridge.config.references import Resolver
    from bridge.config.secret import Secret

    resolver = Resolver(os.environ, Path())
    found = resolver.table({"authorization": given})["authorization"]
    for _, fault in resolver.faults:
        raise WrongCall(f"--authorization: {fault}")
    return found.reveal() if isinstance(found, Secret) else given


def _print_json(receipt: Receipt) -> None:
    print(json.dumps(receipt.as_json(), ensure_ascii=True), flush=True)


def _print(receipt: Receipt) -> None:
    answer = ": ".join(part for part in (receipt.err, receipt.description) if part)
    verdict = answer or ("accepted before" if receipt.repeat else "accepted")
    write(f"{when(receipt.received_at)}  {receipt.status} {verdict}  {_summary(receipt)}".rstrip())
    for note in receipt.notes:
        write(f"    note: {note}")
    if receipt.claims and not receipt.repeat:
        write(indent(json.dumps(dict(receipt.claims), indent=2, ensure_ascii=False), "    "))


def _summary(receipt: Receipt) -> str:
    """The events by their short names, with the statuses of a change; nothing is taken for granted of a refused SET."""
    events = receipt.claims.get("events")
    return "  ".join(_event(uri, event) for uri, event in events.items()) if isinstance(events, dict) else ""


def _event(uri: str, event: Any) -> str:
    name = uri.rpartition("/")[2]
    if isinstance(event, dict) and "current_status" in event:
        return f"{name} {event.get('previous_status')} → {event['current_status']}"
    return name
