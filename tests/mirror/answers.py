"""What every refusal has, whoever owns the route."""

from __future__ import annotations

import re
from typing import Any

import httpx2 as httpx

from tests.independent.discovery import media_type


def refused(answer: httpx.Response, status: int) -> dict[str, Any]:
    """A refusal of an SSF or delivery route: `{"err", "description"}`, for this request only."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert media_type(answer) == "application/json", answer.headers
    assert answer.headers.get("cache-control") == "no-store", answer.headers
    body = answer.json()
    assert set(body) == {"err", "description"}, body
    assert all(isinstance(text, str) and text for text in body.values()), body
    return dict(body)


def challenged(answer: httpx.Response, status: int, error: str | None) -> dict[str, str]:
    """A refusal of a token (RFC 6750 §3): the parameters of its challenge. Without credentials it names no error."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    scheme, _, rest = answer.headers["www-authenticate"].partition(" ")
    assert scheme.lower() == "bearer", answer.headers["www-authenticate"]
    found = dict(re.findall(r'([a-z_]+)="([^"]*)"', rest))
    assert found.get("error") == error, answer.headers["www-authenticate"]
    assert answer.headers.get("cache-control") == "no-store", answer.headers
    return found


def ok(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    """A good answer of the stream API with a JSON object."""
    assert answer.status_code == status, (answer.status_code, answer.text)
    assert media_type(answer) == "application/json", answer.headers
    assert answer.headers["cache-control"] == "no-store", answer.headers
    body = answer.json()
    assert isinstance(body, dict)
    return body


def empty(answer: httpx.Response, status: int = 204) -> None:
    assert (answer.status_code, answer.content) == (status, b""), (answer.status_code, answer.text)
