"""URLs of the admin's that the address guard would refuse at every request: said before anything runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bridge.errors import Fault

if TYPE_CHECKING:
    from bridge.config import Notify, OAuth, Receiver
    from bridge.connector.connector import Connector


def target_faults(
    parts: Mapping[str, Any], connectors: Mapping[str, Connector], written: Collection[tuple[str | int, ...]]
) -> list[Fault]:
    """`parts` are the sections that are well by themselves, `written` all keys that were given.

    A name is not resolved here: what it leads to is checked at each connection.
    """
    from bridge.address import check_url

    delivery = parts.get("delivery")
    insecure = delivery is None or delivery.allow_insecure_targets
    faults = []
    wanted = [*_receivers(parts.get("receivers", {}), written), *_apis(connectors, written)]
    for path, url in [*wanted, *_channels(parts.get("notify", ())), *_key_sets(parts.get("oauth"))]:
        if reason := check_url(url, by_admin=True, insecure=insecure):
            lifted = not insecure and check_url(url, by_admin=True, insecure=True) is None
            hint = " (only where delivery.allow_insecure_targets is true, for tests)" if lifted else ""
            faults.append(Fault("", path, f"is never connected to: {reason}{hint}"))
    return faults


def _receivers(
    receivers: Mapping[str, Receiver], written: Collection[tuple[str | int, ...]]
) -> list[tuple[str, str]]:  # fmt: skip
    found = []
    for name, receiver in receivers.items():
        if receiver.delivery == "push" and receiver.endpoint_url is not None:
            key = "endpoint_url" if ("receivers", name, "endpoint_url") in written else "audience"
            found.append((f"receivers.{name}.{key}", receiver.endpoint_url))
        if receiver.has_api and receiver.api_url is not None:
            found.append((f"receivers.{name}.api_url", receiver.api_url))
    return found


def _channels(targets: Sequence[Notify | None]) -> list[tuple[str, str]]:
    return [(f"notify.{index}.url", target.url.reveal()) for index, target in enumerate(targets) if target is not None]


def _key_sets(oauth: OAuth | None) -> list[tuple[str, str]]:
    if oauth is None:
        return []
    found = [(f"oauth.clients.{name}.jwks_uri", one.jwks_uri) for name, one in oauth.clients.items()]
    if oauth.issuer is not None:
        found += [("oauth.issuer.issuer", oauth.issuer.issuer), ("oauth.issuer.jwks_uri", oauth.issuer.jwks_uri)]
    return [(path, url) for path, url in found if url is not None]


def _apis(
    connectors: Mapping[str, Connector], written: Collection[tuple[str | int, ...]]
) -> list[tuple[str, str]]:  # fmt: skip
    found = []
    for name, connector in connectors.items():
        if connector.api_base is not None:
            key = "base_url" if ("connectors", name, "base_url") in written else "type"
            found.append((f"connectors.{name}.{key}", connector.api_base))
    return found
