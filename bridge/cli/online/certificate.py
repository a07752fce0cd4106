"""When the certificate of an address ends."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final
from urllib.parse import urlsplit

from bridge.cli.console.output import when
from bridge.cli.online.line import Line
from bridge.config import Config
from bridge.outbound import trust
from bridge.resolver import GuardedResolver, RefusedAddress

PATIENCE: Final = 5.0
SOON: Final = 14 * 86400.0
"""Seconds before its end from which on a certificate is worth a word."""


async def ends_at(url: str, config: Config) -> float | None:
    """Seconds since 1970; None for plain http, behind a proxy, and where no trusted connection comes about."""
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname is None or config.delivery.proxy is not None:
        return None
    try:
        async with asyncio.timeout(PATIENCE):
            return await _ends_at(parts.hostname, parts.port or 443, config)
    except (OSError, ValueError, RefusedAddress):  # TimeoutError and SSLError are OSErrors
        return None


async def _ends_at(host: str, port: int, config: Config) -> float | None:
    delivery = config.delivery
    guard = GuardedResolver(by_admin=True, insecure=delivery.allow_insecure_targets, allowed=delivery.allowed_networks)
    address = (await guard.resolve(host, port))[0]["host"]
    context = trust(str(delivery.ca_file) if delivery.ca_file else None)
    _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=host)
    try:
        shown = writer.get_extra_info("peercert") or {}
        return float(ssl.cert_time_to_seconds(str(shown["notAfter"]))) if "notAfter" in shown else None
    finally:
        writer.close()


def ending(about: str, at: float | None, now: float) -> tuple[Line, ...]:
    """A word about a certificate that ends soon."""
    if at is None or at - now > SOON:
        return ()
    words = f"its certificate ends on {when(at)}, in {max(0, int((at - now) // 86400))} days"
    return (Line(about, "note", words, "renew it, or see that it renews itself"),)
