"""The clients of the mirror's configuration, and what each is for."""

from __future__ import annotations

import json
from typing import Any

from joserfc.jwk import ECKey

from tests.e2e.service import Tables

BOTH = ["ssf.read", "ssf.manage"]
ALPHA = "https://alpha.example"

POLL_WAIT = 3.0
"""Seconds that a long poll waits."""
AT_ONCE = 2.0
"""Seconds: certainly no answer of a poll that waited to its end, and no fault of a slow machine."""
VISIBILITY = 2.0
"""Seconds that a SET stays hidden once it was handed out."""
INTERVAL = 60
"""Seconds of `min_verification_interval` of the client that has one."""

KEY = ECKey.generate_key("P-256", {"kid": "keyed-1"}, auto_kid=False)
"""Of the client that signs assertions."""
TOKEN = "a-token-that-was-agreed-beforehand.0123456789"
"""Of the client that can do no better."""


def secret_of(name: str) -> str:
    return f"{name}-secret-of-the-mirror-0123456789"


def client(name: str, **more: Any) -> Tables:
    table = {"secret": secret_of(name), "scopes": BOTH, "audience": ALPHA, "max_streams": 10_000}
    plain = {"min_verification_interval": "0s", "verify": False}
    merged = {**table, **plain, **more}
    return {f"oauth.clients.{name}": {key: value for key, value in merged.items() if value is not None}}


CLIENTS: Tables = {
    **client("alpha"),
    # Shares alpha's audience, and must not see its streams.
    **client("beta"),
    **client("gamma", audience="https://gamma.example"),
    **client("reader", scopes=["ssf.read"]),
    **client("manager", scopes=["ssf.manage"]),
    # No second stream.
    **client("single", max_streams=1),
    # May not verify as often as it likes.
    **client("patient", min_verification_interval=f"{INTERVAL}s"),
    # May once in a second.
    **client("brisk", min_verification_interval="1s"),
    # Only subjects that were added.
    **client("chosen", default_subjects="NONE"),
    # New push streams are verified first.
    **client("proved", verify=True),
    # Entitled to people of another domain, so to nobody here.
    **client("narrow", domains=["elsewhere.example"]),
    # Proves itself by private_key_jwt, and by a token that never changes.
    **client("keyed", secret=None, public_key=json.dumps(KEY.as_dict(private=False))),
    **client("static", secret=None, token=TOKEN),
    # Has the configured stream.
    **client("pollster", audience="https://pollme.example"),
}
LIMITS: Tables = {"streams": {"poll_wait": f"{POLL_WAIT:g}s", "poll_visibility": f"{VISIBILITY:g}s"}}
POLLME: Tables = {
    "receivers.pollme": {
        "profile": "ssf",
        "audience": "https://pollme.example",
        "delivery": "poll",
        "client": "pollster",
    }
}
