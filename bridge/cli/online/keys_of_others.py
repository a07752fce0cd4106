"""Whose keys verify access tokens and client assertions: can they be had?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial

from bridge.callers import elsewhere_of, remotes_of
from bridge.cli.online.line import Found, Line
from bridge.config import Config
from bridge.oauth.remote import RemoteKeys, Unfit
from bridge.outbound import Outbound
from bridge.parts import Ports

REMEDY = "are issuer and jwks_uri right, and does a firewall or delivery.proxy let this machine through?"


def keys_of_others(
    config: Config, outbound: Outbound, ports: Ports
) -> Iterator[tuple[str, Callable[[], Awaitable[Found]]]]:
    """One question for `[oauth.issuer]`, and one for each client with a `jwks_uri`."""
    elsewhere = elsewhere_of(config, outbound, ports)
    if elsewhere is not None:
        about = "issuer of access tokens"
        yield about, partial(_asked, about, elsewhere.keys)
    for name, keys in remotes_of(config, outbound, ports).items():
        about = f"client {name}"
        yield about, partial(_asked, about, keys)


async def _asked(about: str, keys: RemoteKeys) -> Found:
    try:
        found, good_for = await keys.fetch()
    except Unfit as problem:
        return Found((Line(about, "failed", str(problem), REMEDY),))
    many = "a key" if len(found.keys) == 1 else f"{len(found.keys)} keys"
    return Found((Line(about, "ok", f"its key set holds {many} that we can use, kept for {good_for:.0f} s"),))
