"""Rules that join several keys of `[oauth]`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from bridge.config.client import Client, Issuer, OAuth
from bridge.lines import Path

Found = Iterator[tuple[Path, str]]
SCOPES: Final = ("ssf.read", "ssf.manage")
_HTTPS: Final = "must begin with https:// (http only where delivery.allow_insecure_targets is true)"
_UNPROVED: Final = "is required, or token, public_key or jwks_uri; or [oauth.issuer], whose tokens it brings"


def oauth_faults(oauth: OAuth, insecure: bool, issuer_written: bool) -> Found:
    """`issuer_written`: there is an `[oauth.issuer]`, which may be at fault itself."""
    if oauth.issuer is not None:
        yield from _issuer(oauth.issuer, insecure)
    for name, client in oauth.clients.items():
        for path, message in _client(client, insecure, issuer_written):
            yield ("oauth", "clients", name, *path), message
    yield from _twins(oauth.clients)


def _issuer(issuer: Issuer, insecure: bool) -> Found:
    for key, url in (("issuer", issuer.issuer), ("jwks_uri", issuer.jwks_uri)):
        if url is not None and (fault := _unfit(url, insecure)):
            yield ("oauth", "issuer", key), fault
    if "?" in issuer.issuer:
        yield ("oauth", "issuer", "issuer"), "must not have a query (?)"


def _client(client: Client, insecure: bool, issuer_written: bool) -> Found:
    if client.is_external and not issuer_written:
        yield ("secret",), _UNPROVED
    if client.public_key is not None and client.jwks_uri is not None:
        yield ("jwks_uri",), "has no meaning beside public_key: give one of them"
    elif client.jwks_uri is not None and (fault := _unfit(client.jwks_uri, insecure)):
        yield ("jwks_uri",), fault
    if client.client_id is not None and not client.client_id.isascii():
        yield ("client_id",), "must be printable ASCII (RFC 6749 appendix A.1)"


def _unfit(url: str, insecure: bool) -> str:
    parts = urlsplit(url)
    if parts.scheme == "http" and not insecure:
        return _HTTPS
    return "must not hold a user name" if parts.username is not None else ""


def _twins(clients: Mapping[str, Client]) -> Found:
    """Two clients that could not be told apart."""
    ids: dict[str, str] = {}
    tokens: dict[str, str] = {}
    for name, client in clients.items():
        other = ids.setdefault(client.client_id or name, name)
        if other != name:
            yield ("oauth", "clients", name, "client_id"), f"is that of [oauth.clients.{other}] too"
        for secret in client.token or ():
            other = tokens.setdefault(secret.reveal(), name)
            if other != name:
                yield ("oauth", "clients", name, "token"), f"is that of [oauth.clients.{other}] too"
