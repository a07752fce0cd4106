"""Does this request come from the vendor? Pure, over the raw bytes, in constant time, for several secrets at once.

Every way of failing raises `Unauthenticated` with a stable code: `missing`, `malformed`, `oversized`, `wrong`,
`stale`, `no_secret`. Nothing is returned, so that no caller can forget to look.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl

from bridge.connector.language import times
from bridge.connector.language.tree import Gap, NotJson, read_json
from bridge.connector.webhook.auth import Auth, TimeRule
from bridge.errors import Unauthenticated
from bridge.model import Webhook

MAX_HEADER: Final = 4096
MAX_SIGNATURES: Final = 10
_HEX = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{43}=", re.ASCII)


def verify(auth: Auth, webhook: Webhook, secrets: Sequence[str], users: Sequence[str] = ()) -> None:
    """Raises Unauthenticated unless the request proves knowledge of one of the secrets. An empty one proves nothing."""
    if auth.scheme == "none":
        return
    known = [secret for secret in secrets if secret]
    if not known:
        raise Unauthenticated("no_secret")
    if auth.scheme in ("hmac-sha256", "standard-webhooks"):
        _verify_hmac(_family(auth, webhook), webhook, known)
    else:
        _verify_shared(_shown(auth, webhook), _expected(auth, known, users))


# -- shared secrets -----------------------------------------------------------------------------


def _shown(auth: Auth, webhook: Webhook) -> list[str]:
    if auth.scheme == "secret-path":
        return _from_query(auth, webhook)
    if auth.scheme == "secret-body":
        return _from_body(auth, webhook)
    value = _header(webhook, auth.header)
    prefix = "Basic " if auth.scheme == "basic" else auth.prefix
    if value[: len(prefix)].lower() != prefix.lower():
        raise Unauthenticated("malformed")
    return [value[len(prefix) :].strip()]


def _from_query(auth: Auth, webhook: Webhook) -> list[str]:
    if len(webhook.query) > MAX_HEADER:
        raise Unauthenticated("oversized")
    try:
        shown = [value for name, value in parse_qsl(webhook.query, max_num_fields=50) if name == auth.param]
    except ValueError:
        raise Unauthenticated("malformed") from None
    if not shown:
        raise Unauthenticated("missing")
    return shown


def _from_body(auth: Auth, webhook: Webhook) -> list[str]:
    assert auth.field is not None
    try:
        found = auth.field(read_json(webhook.body))
    except (NotJson, Gap):
        raise Unauthenticated("missing") from None
    parts = found if isinstance(found, list) else [found]
    shown = [part for part in parts if isinstance(part, str) and part]
    if not shown or len(shown) != len(parts):
        raise Unauthenticated("missing")
    return shown


def _expected(auth: Auth, secrets: Sequence[str], users: Sequence[str]) -> list[str]:
    if auth.scheme != "basic":
        return list(secrets)
    return [base64.b64encode(f"{user}:{secret}".encode()).decode() for user in users for secret in secrets]


def _verify_shared(shown: Sequence[str], expected: Sequence[str]) -> None:
    """Every value shown must be one of those expected."""
    for value in shown:
        hits = [hmac.compare_digest(_digest(value), _digest(secret)) for secret in expected]
        if not any(hits):
            raise Unauthenticated("wrong")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


# -- signatures ---------------------------------------------------------------------------------


def _family(auth: Auth, webhook: Webhook) -> Auth:
    if auth.scheme != "standard-webhooks" or auth.header in webhook.headers:
        return auth
    assert auth.time is not None
    return Auth(
        auth.scheme,
        secret=auth.secret,
        header="svix-signature",
        parse=auth.parse,
        prefix=auth.prefix,
        encoding=auth.encoding,
        signed=auth.signed,
        key=auth.key,
        id_header="svix-id",
        time=TimeRule("header:svix-timestamp", auth.time.format, auth.time.tolerance),
    )


def _verify_hmac(auth: Auth, webhook: Webhook, secrets: Sequence[str]) -> None:
    value = _header(webhook, auth.header)
    shown = [_decoded(auth, text) for text in _signatures(auth, value)]
    time = _time_text(auth.time, webhook, value) if auth.time else ""
    message = b"".join(_part(part, auth, webhook, time) for part in auth.signed)
    hits = [
        hmac.compare_digest(hmac.digest(_key(auth, secret), message, "sha256"), signature)
        for secret in secrets
        for signature in shown
    ]
    if not any(hits):
        raise Unauthenticated("wrong")
    if auth.time is not None:
        _check_time(auth.time, time, webhook.received_at)


def _header(webhook: Webhook, name: str) -> str:
    value = webhook.headers.get(name, "").strip()
    if not value:
        raise Unauthenticated("missing")
    if len(value) > MAX_HEADER:
        raise Unauthenticated("oversized")
    if not value.isascii() or not value.isprintable():
        raise Unauthenticated("malformed")
    return value


def _signatures(auth: Auth, value: str) -> list[str]:
    parts = {"plain": [value], "pairs": [pair.strip() for pair in value.split(",")], "list": value.split()}[auth.parse]
    found = [part[len(auth.prefix) :] for part in parts if part.startswith(auth.prefix)]
    if not found:
        raise Unauthenticated("malformed")
    if len(found) > MAX_SIGNATURES:
        raise Unauthenticated("oversized")
    return found


def _decoded(auth: Auth, text: str) -> bytes:
    if auth.encoding == "hex":
        if not _HEX.fullmatch(text):
            raise Unauthenticated("malformed")
        return bytes.fromhex(text)
    if not _BASE64.fullmatch(text):
        raise Unauthenticated("malformed")
    return base64.b64decode(text)


def _time_text(rule: TimeRule, webhook: Webhook, value: str) -> str:
    where, _, name = rule.source.partition(":")
    if where == "header":
        return _header(webhook, name)
    pairs = [pair.strip().partition("=") for pair in value.split(",")]
    found = [text for key, _, text in pairs if key == name]
    if len(found) != 1:
        raise Unauthenticated("malformed")
    return found[0]


def _part(part: str, auth: Auth, webhook: Webhook, time: str) -> bytes:
    if part == "{body}":
        return webhook.body
    if part == "{time}":
        return time.encode()
    if part == "{id}":
        return _header(webhook, auth.id_header).encode()
    if part.startswith("{header:"):
        return _header(webhook, part[8:-1]).encode()
    return part.encode()


def _key(auth: Auth, secret: str) -> bytes:
    """The key's bytes; a secret that does not decode is a key that nothing matches, and the admin hears at start."""
    if auth.key == "utf8":
        return secret.encode()
    try:
        return decode_key(auth.key, secret)
    except ValueError:
        raise Unauthenticated("no_secret") from None


def decode_key(key: str, secret: str) -> bytes:
    """Raises ValueError, without the secret in its words."""
    text = secret.removeprefix("whsec_") if key == "whsec" else secret
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("is not base64") from None
    if not decoded:
        raise ValueError("must not be empty")
    return decoded


def _check_time(rule: TimeRule, text: str, now: float) -> None:
    """Two-sided: neither older nor further ahead than the tolerance."""
    if abs(now - _moment(rule, text)) > rule.tolerance:
        raise Unauthenticated("stale")


def _moment(rule: TimeRule, text: str) -> float:
    read = {"unix": times.unix, "unix-ms": times.ms, "rfc3339": times.rfc3339}[rule.format]
    try:
        return read(text).timestamp()
    except ValueError:
        raise Unauthenticated("malformed") from None


def stated_time(auth: Auth, webhook: Webhook) -> float | None:
    """The time that a request of this scheme carries, unproved; None if none can be read."""
    auth = _family(auth, webhook)
    try:
        return _moment(auth.time, _time_text(auth.time, webhook, _header(webhook, auth.header))) if auth.time else None
    except Unauthenticated:
        return None
