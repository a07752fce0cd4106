"""Rules that join several keys. Each yields (path, what is wrong); what is itself at fault is None and left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any
from urllib.parse import urlsplit

from bridge.config.client import Client
from bridge.config.client_rules import SCOPES, oauth_faults
from bridge.config.kinds import url_fault
from bridge.config.notify import Notify
from bridge.config.receiver import Receiver
from bridge.config.receiver_api import api_faults
from bridge.config.retention import Retention
from bridge.config.sections import MEMORY, SQLITE, Admin, Delivery, Keys, Server, Store, Transmitter
from bridge.config.shape import shape_faults
from bridge.lines import Path

Found = Iterator[tuple[Path, str]]
EVERYWHERE = frozenset({"0.0.0.0", "::", "*"})  # noqa: S104  compared, not bound
_ADMIN_HOST = re.compile(r"^[^.]+-admin\.(okta|oktapreview|okta-emea|okta-gov)\.")


def cross_faults(parts: Mapping[str, Any], named: Mapping[str, frozenset[str]]) -> Found:
    """`parts` are the sections that are well by themselves; `named` holds all names that were written, also of
    connectors and clients that are at fault, so that one fault does not cause a second."""
    delivery: Delivery | None = parts.get("delivery")
    insecure = delivery is None or delivery.allow_insecure_targets
    if (transmitter := parts.get("transmitter")) is not None:
        yield from _issuer(transmitter, insecure)
    if (store := parts.get("store")) is not None:
        yield from _store(store)
    yield from _listeners(parts.get("server"), parts.get("admin"))
    if (keys := parts.get("keys")) is not None:
        yield from _keys(keys)
    if (retention := parts.get("retention")) is not None:
        yield from _retention(retention)
    for name, receiver in parts.get("receivers", {}).items():
        for path, message in _receiver(receiver, insecure, named):
            yield ("receivers", name, *path), message
    yield from _notify(parts.get("notify", ()), insecure)
    for name, client in parts.get("clients", {}).items():
        for path, message in _client(client, named):
            yield ("oauth", "clients", name, *path), message
    if (oauth := parts.get("oauth")) is not None:
        yield from oauth_faults(oauth, insecure, "issuer" in named["oauth"])


def _issuer(transmitter: Transmitter, insecure: bool) -> Found:
    path: Path = ("transmitter", "issuer")
    if fault := url_fault(transmitter.issuer):
        yield path, fault
        return
    parts = urlsplit(transmitter.issuer)
    if parts.scheme == "http" and not insecure:
        yield path, "must begin with https:// (http only where delivery.allow_insecure_targets is true)"
    if "?" in transmitter.issuer:
        yield path, "must not have a query (?)"
    if parts.username is not None:
        yield path, "must not hold a user name"


def _keys(keys: Keys) -> Found:
    if keys.rotate_every is not None and keys.rotate_every <= keys.publish_for:
        yield ("keys", "rotate_every"), "must be longer than publish_for, during which the next key is published"


def _store(store: Store) -> Found:
    path: Path = ("store", "url")
    if store.url.startswith(("postgresql:", "postgres:", "postgresql+")):
        yield path, "PostgreSQL is not supported yet; use sqlite:///<file>"
    elif store.url.startswith(SQLITE):
        if not store.url.removeprefix(SQLITE).strip("/") or "?" in store.url:
            yield path, "must name a file: sqlite:///caep-bridge.db, or sqlite:////absolute/path.db"
    elif store.url != MEMORY:
        yield path, "must be sqlite:///<file>"


def _retention(retention: Retention) -> Found:
    if retention.webhooks > retention.delivery_ids:
        written = "webhooks" if "webhooks" in retention.model_fields_set else "delivery_ids"
        other = "delivery_ids" if written == "webhooks" else "webhooks"
        relation = "longer" if written == "webhooks" else "shorter"
        yield ("retention", written), f"must not be {relation} than retention.{other}: the payload goes with its line"


def _listeners(server: Server | None, admin: Admin | None) -> Found:
    if server is not None and (server.tls_cert_file is None) != (server.tls_key_file is None):
        missing = "tls_key_file" if server.tls_key_file is None else "tls_cert_file"
        given = "tls_cert_file" if missing == "tls_key_file" else "tls_key_file"
        yield ("server", given), f"needs {missing} beside it"
    if server is None or admin is None or server.port != admin.port or admin.port == 0:
        return
    if server.host == admin.host or {server.host, admin.host} & EVERYWHERE:
        if "port" in server.model_fields_set:
            yield ("server", "port"), "must not be the port of [admin]"
        else:
            yield ("admin", "port"), "must not be the port of [server]"


def _receiver(receiver: Receiver, insecure: bool, named: Mapping[str, frozenset[str]]) -> Found:
    yield from _target(receiver, insecure)
    yield from shape_faults(receiver, receiver.profile)
    if receiver.delivery == "poll" and receiver.client is None:
        yield ("delivery",), '"poll" needs client = "<a name in oauth.clients>"'
    if receiver.delivery == "push" and receiver.client is not None:
        yield ("client",), 'has a meaning only with delivery = "poll"'
    elif receiver.client is not None and receiver.client not in named["clients"]:
        yield ("client",), f"there is no [oauth.clients.{receiver.client}]{near(receiver.client, named['clients'])}"
    if receiver.profile != "okta" and receiver.send_sub_id is False:
        yield ("send_sub_id",), f"an {receiver.profile} SET always carries sub_id (SSF 1.0 §3.1)"
    yield from api_faults(receiver, insecure)
    yield from _entitled(receiver.connectors, named)


def _target(receiver: Receiver, insecure: bool) -> Found:
    if receiver.delivery == "poll":
        if receiver.endpoint_url is not None:
            yield ("endpoint_url",), 'has no meaning with delivery = "poll"'
        return
    if receiver.profile == "okta" and url_fault(receiver.audience):
        yield ("audience",), "must be the URL of the Okta organisation, such as https://acme.okta.com"
    elif receiver.profile == "okta" and _ADMIN_HOST.search(urlsplit(receiver.audience).hostname or ""):
        yield ("audience",), "must be the organisation's own address, without -admin"
    elif receiver.endpoint_url is None:
        yield ("endpoint_url",), "is required: where the receiver takes its SETs"
    elif urlsplit(receiver.endpoint_url).scheme == "http" and not insecure:
        yield ("endpoint_url",), "must begin with https:// (http only where delivery.allow_insecure_targets is true)"
    elif urlsplit(receiver.endpoint_url).username is not None:
        yield ("endpoint_url",), "must not hold a user name; use authorization_header"


def _notify(targets: Sequence[Notify | None], insecure: bool) -> Found:
    seen: set[str] = set()
    for index, target in enumerate(targets):
        if target is None:
            continue
        path: Path = ("notify", index)
        url = urlsplit(target.url.reveal())
        if url.scheme == "http" and not insecure:
            yield (*path, "url"), "must begin with https:// (http only where delivery.allow_insecure_targets is true)"
        elif url.username is not None:
            yield (*path, "url"), "must not hold a user name"
        if target.kind == "webhook" and not target.secret:
            yield (*path, "secret"), 'is required with kind = "webhook": what is not signed proves nothing'
        if target.kind == "slack" and target.secret:
            yield (*path, "secret"), 'has a meaning only with kind = "webhook"'
        if target.name in seen:
            yield (*path, "name"), f'there are two of the name "{target.name}"; give each a name of its own'
        seen.add(target.name)


def _client(client: Client, named: Mapping[str, frozenset[str]]) -> Found:
    for index, scope in enumerate(client.scopes):
        if scope not in SCOPES:
            yield ("scopes", index), f"must be one of {', '.join(SCOPES)}{near(scope, SCOPES)}"
    yield from shape_faults(client, client.profile)
    yield from _entitled(client.connectors, named)


def _entitled(connectors: tuple[str, ...] | None, named: Mapping[str, frozenset[str]]) -> Found:
    for index, name in enumerate(connectors or ()):
        if name not in named["connectors"]:
            yield ("connectors", index), f"there is no [connectors.{name}]{near(name, named['connectors'])}"


def near(word: str, known: Any) -> str:
    """` (did you mean …?)`, or ""."""
    match = get_close_matches(word, sorted(known), n=1, cutoff=0.6)
    return f" (did you mean {match[0]}?)" if match else ""
