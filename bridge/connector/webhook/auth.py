"""How a vendor proves that a webhook is its own: the `auth` key of a manifest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bridge.connector.language import times
from bridge.connector.language.reader import Table
from bridge.connector.language.settings import Setting
from bridge.connector.language.tree import Path

SCHEMES: Final = (
    "hmac-sha256",
    "standard-webhooks",
    "basic",
    "bearer",
    "secret-header",
    "secret-path",
    "secret-body",
    "none",
)
_LATER: Final = ("ed25519", "rfc9421", "proxy-mtls")
_TOKEN = re.compile(r"\{([^{}]*)\}")
_HEADER_TOKEN = re.compile(r"header:[A-Za-z0-9_-]+")
_HEADER_NAME = re.compile(r"[a-z0-9!#$%&'*+.^_`|~-]+")


@dataclass(frozen=True, slots=True)
class TimeRule:
    """A signed time: `source` is `header:<name>` or `pair:<key>`. `tolerance` in seconds, to both sides."""

    source: str
    format: str
    tolerance: float


@dataclass(frozen=True, slots=True)
class Auth:
    """`secret` and `user` name settings. `signed` is a template cut into literals and `{tokens}`."""

    scheme: str
    secret: str = ""
    user: str = ""
    header: str = ""
    parse: str = "plain"
    prefix: str = ""
    encoding: str = "hex"
    signed: tuple[str, ...] = ("{body}",)
    time: TimeRule | None = None
    id_header: str = ""
    key: str = "utf8"
    param: str = ""
    field: Path | None = None


def read(root: Table, settings: Mapping[str, Setting]) -> Auth:
    table = root.table("auth")
    if table is None:
        root.fault("auth", 'is required: say scheme = "none" if the vendor proves nothing')
        return Auth("none")
    if table.data.get("scheme") in _LATER:
        table.fault("scheme", f"this version does not support {table.get('scheme')} yet")
        return Auth("none")
    scheme = table.choice("scheme", SCHEMES, "none")
    if not table.has("scheme"):
        table.fault("scheme", f"is required: one of {', '.join(SCHEMES)}")
    secret = "" if scheme == "none" else _secret(table, "secret", settings)
    auth = _READ[scheme](table, secret, settings)
    table.done()
    return auth


def _secret(table: Table, key: str, settings: Mapping[str, Setting]) -> str:
    name = table.text(key, required=True)
    if name and name not in settings:
        table.fault(key, f"names no setting: {name}")
    elif name and key == "secret" and not settings[name].secret:
        table.fault(key, f"the setting {name} must have secret = true")
    elif name and key == "secret" and not settings[name].required:
        table.fault(key, f"the setting {name} must be required: without it nothing is proved")
    return name


def _header(table: Table, default: str = "") -> str:
    header = table.text("header", default, required=not default).lower()
    if header and not _HEADER_NAME.fullmatch(header):
        table.fault("header", "is not the name of a header")
    return header


def _hmac(table: Table, secret: str, settings: Mapping[str, Setting]) -> Auth:
    signed = _template(table)
    auth = Auth(
        "hmac-sha256",
        secret=secret,
        header=_header(table),
        signed=signed,
        parse=table.choice("parse", ("plain", "pairs", "list"), "plain"),
        prefix=table.text("prefix"),
        encoding=table.choice("encoding", ("hex", "base64"), "hex"),
        time=_time(table),
        id_header=table.text("id").lower().removeprefix("header:"),
        key=table.choice("key", ("utf8", "base64", "whsec"), "utf8"),
    )
    if "{body}" not in signed:
        table.fault("signed", "must contain {body}")
    if "{time}" in signed and auth.time is None:
        table.fault("signed", "{time} needs the key time, which says where it stands")
    if auth.time is not None and not any(part == "{time}" or part == "{" + auth.time.source + "}" for part in signed):
        table.fault("time", "a time that is not signed proves nothing: put {time} into signed")
    if "{id}" in signed and not auth.id_header:
        table.fault("signed", '{id} needs the key id, as in id = "header:webhook-id"')
    if auth.parse == "pairs" and not auth.prefix.endswith("="):
        table.fault("prefix", 'with parse = "pairs" it names the pair that holds the signature, as in "v1="')
    return auth


def _template(table: Table) -> tuple[str, ...]:
    text = table.text("signed", "{body}")
    parts = tuple(part for part in re.split(r"(\{[^{}]*\})", text) if part)
    for match in _TOKEN.finditer(text):
        name = match[1]
        if name not in ("body", "time", "id") and not _HEADER_TOKEN.fullmatch(name):
            table.fault("signed", f"unknown part {match[0]}: there are {{body}}, {{time}}, {{id}} and {{header:X}}")
    return tuple(part.lower() if part.startswith("{header:") else part for part in parts)


def _time(table: Table) -> TimeRule | None:
    inner = table.table("time")
    if inner is None:
        return None
    source = inner.text("from", required=True)
    if source and not re.fullmatch(r"(header:[\w-]+|pair:\w+)", source):
        inner.fault("from", 'must be "header:<name>" or "pair:<key>"')
    rule = TimeRule(
        source.lower() if source.startswith("header:") else source,
        inner.choice("format", ("unix", "unix-ms", "rfc3339"), "unix"),
        inner.parsed("tolerance", times.duration, 300.0),
    )
    inner.done()
    return rule


def _standard(table: Table, secret: str, settings: Mapping[str, Setting]) -> Auth:
    """Standard Webhooks 1.0; senders of the Svix family name the headers svix-*, which is understood too."""
    tolerance = table.parsed("tolerance", times.duration, 300.0)
    return Auth(
        "standard-webhooks",
        secret=secret,
        header="webhook-signature",
        parse="list",
        prefix="v1,",
        encoding="base64",
        signed=("{id}", ".", "{time}", ".", "{body}"),
        key="whsec",
        time=TimeRule("header:webhook-timestamp", "unix", tolerance),
        id_header="webhook-id",
    )


def _basic(table: Table, secret: str, settings: Mapping[str, Setting]) -> Auth:
    return Auth("basic", secret=secret, user=_secret(table, "user", settings), header="authorization")


def _bearer(table: Table, secret: str, settings: Mapping[str, Setting]) -> Auth:
    return Auth("bearer", secret=secret, header=_header(table, "authorization"), prefix="Bearer ")


def _secret_header(table: Table, secret: str, settings: Mapping[str, Setting]) -> Auth:
    return Auth("secret-header", secret=secret, header=_header(table), prefix=table.text("prefix"))


def _secret_path(table: Table, secret: str, settings: Mapping[str, Setting]) -> Auth:
    return Auth("secret-path", secret=secret, param=table.text("param", "token"))


def _secret_body(table: Table, secret: str, settings: Mapping[str, Setting]) -> Auth:
    if not table.has("field"):
        table.fault("field", "is required: the path of the secret in the body")
    return Auth("secret-body", secret=secret, field=table.where("field"))


def _none(table: Table, secret: str, settings: Mapping[str, Setting]) -> Auth:
    return Auth("none")


_READ: Final = {
    "hmac-sha256": _hmac,
    "standard-webhooks": _standard,
    "basic": _basic,
    "bearer": _bearer,
    "secret-header": _secret_header,
    "secret-path": _secret_path,
    "secret-body": _secret_body,
    "none": _none,
}
