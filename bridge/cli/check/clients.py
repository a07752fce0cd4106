"""The clients of our API as `check` shows them: how each proves itself, and never with what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bridge.cli.console.output import pairs, write

if TYPE_CHECKING:
    from bridge.config import Client, Loaded, Secret
    from bridge.store.records import StreamRow

SHOWN = (
    "client_id",
    "secret",
    "token",
    "public_key",
    "jwks_uri",
    "scopes",
    "audience",
    "profile",
    "subject",
    "connectors",
    "domains",
    "events",
    "default_subjects",
    "max_streams",
)
SHORT = 16
"""Characters that a secret or static token should have, at least: guesses are limited for each address alone."""


def clients(loaded: Loaded) -> list[dict[str, Any]]:
    oauth = loaded.config.oauth
    return [_client(name, oauth.client_id(name), one, loaded) for name, one in oauth.clients.items()]


def issuer(loaded: Loaded) -> dict[str, Any] | None:
    """`[oauth.issuer]`, if there is one."""
    found = loaded.config.oauth.issuer
    if found is None:
        return None
    shown = {"profile": found.profile, "issuer": found.issuer, "audience": found.audience, "jwks_uri": found.jwks_uri}
    return {key: _public(("oauth", "issuer", key), value, loaded) for key, value in shown.items()}


def notes(loaded: Loaded) -> list[str]:
    """What is well-formed and unwise."""
    found = []
    for name, client in loaded.config.oauth.clients.items():
        for key, secrets in (("secret", client.secret), ("token", client.token)):
            if any(len(one.reveal()) < SHORT for one in secrets or ()):
                found.append(f"oauth.clients.{name}.{key} has fewer than {SHORT} characters: it could be guessed")
    server, clients = loaded.config.server, loaded.config.oauth.clients.values()
    if server.trusted_proxies is None and any(client.secret or client.token for client in clients):
        found.append(
            "server.trusted_proxies is not set: guesses of clients' secrets that come from a private or loopback "
            "address are not limited, since it may be a proxy's, and those by way of a proxy with a public address "
            "count as its own; name the proxies, or set [] if there are none"
        )
    return found


def streams(loaded: Loaded, rows: Sequence[StreamRow]) -> dict[str, int]:
    """How many streams receivers made, by client; those of clients that are gone from the configuration, too."""
    found = Counter(r.client for r in rows if r.subscription is not None and r.subscription.deleted_at is None)
    return {name: found[name] for name in dict.fromkeys([*loaded.config.oauth.clients, *sorted(found)])}


def show_streams(report: Mapping[str, Any]) -> None:
    known = {each["name"] for each in report["clients"]}
    for client, count in report["made_streams"].items():
        gone = "" if client in known else "; they do not run, for the client is no longer in [oauth.clients]"
        if count:
            write(f"note: client {client} made {count} of the streams{gone}: `caep-bridge streams list` shows them")


def show(report: Mapping[str, Any]) -> None:
    for each in report["clients"]:
        write(f"\nclient {each['name']}")
        pairs([(f"  {key}", _listed(each[key])) for key in SHOWN if each[key]])
    if report["oauth_issuer"] is not None:
        write("\nissuer of access tokens")
        pairs([(f"  {key}", value) for key, value in report["oauth_issuer"].items() if value])


def _client(name: str, client_id: str, client: Client, loaded: Loaded) -> dict[str, Any]:
    base = ("oauth", "clients", name)
    external = "none: it brings tokens of [oauth.issuer]"
    return {
        "name": name,
        "client_id": _public((*base, "client_id"), client_id, loaded),
        "secret": _secret(client.secret) or (external if client.is_external else None),
        "token": _secret(client.token),
        "public_key": _secret((client.public_key,) if client.public_key is not None else None),
        "jwks_uri": _public((*base, "jwks_uri"), client.jwks_uri, loaded),
        "scopes": list(client.scopes),
        "audience": _public((*base, "audience"), client.audience, loaded),
        "profile": client.profile,
        "subject": client.subject,
        "default_subjects": client.default_subjects,
        "max_streams": client.max_streams,
        "connectors": client.connectors,
        "domains": client.domains,
        "events": client.events,
    }


def _secret(secrets: tuple[Secret, ...] | None) -> str | None:
    if not secrets:
        return None
    origins = [one.origin for one in secrets if one.origin is not None]
    many = f"{len(secrets)} " if len(secrets) > 1 else ""
    return f"{many}set ({', '.join(origins)})" if origins else f"{many}set"


def _public(path: tuple[str, ...], value: str | None, loaded: Loaded) -> str | None:
    """What came from a reference is not shown."""
    origin = loaded.origins.get(path)
    return value if origin is None else f"set ({origin})"


def _listed(value: object) -> object:
    return ", ".join(value) if isinstance(value, list | tuple) else value
