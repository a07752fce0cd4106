"""Rules about the read credential of a receiver: what it knows and saw can be asked there."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from bridge.config.receiver import Receiver
from bridge.lines import Path

KEYS = ("api_url", "api_token", "api_client_id", "api_private_key", "api_key_id")


def api_faults(receiver: Receiver, insecure: bool) -> Iterator[tuple[Path, str]]:
    """(key, what is wrong); `insecure` allows plain http."""
    given = [key for key in KEYS if getattr(receiver, key) is not None]
    if receiver.profile != "okta":
        for key in given:
            yield (key,), f'has a meaning only with profile = "okta", this one is "{receiver.profile}"'
        return
    yield from _credential(receiver)
    if given and not receiver.has_api:
        yield (given[0],), "needs api_token, or api_client_id and api_private_key, beside it"
    if receiver.api_url is not None:
        yield from _url(receiver.api_url, insecure)


def _credential(receiver: Receiver) -> Iterator[tuple[Path, str]]:
    app = [key for key in KEYS[2:] if getattr(receiver, key) is not None]
    if receiver.api_token is not None and app:
        yield ("api_token",), f"stands beside {app[0]}: give a token, or the credentials of a service app, not both"
    elif receiver.api_client_id is not None and receiver.api_private_key is None:
        yield ("api_client_id",), "needs api_private_key beside it"
    elif receiver.api_private_key is not None and receiver.api_client_id is None:
        yield ("api_private_key",), "needs api_client_id beside it"
    if receiver.api_token is not None and " " in receiver.api_token.reveal():
        yield ("api_token",), "must be the token alone, without SSWS or Bearer before it"


def _url(url: str, insecure: bool) -> Iterator[tuple[Path, str]]:
    parts = urlsplit(url)
    if parts.scheme == "http" and not insecure:
        yield ("api_url",), "must begin with https:// (http only where delivery.allow_insecure_targets is true)"
    if parts.username is not None:
        yield ("api_url",), "must not hold a user name"
    if parts.path.strip("/") or parts.query:
        yield ("api_url",), "must be the organisation alone, such as https://acme.okta.com"
