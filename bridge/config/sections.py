"""The sections of the configuration that stand once, and the connectors' tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, ConfigDict, Field

from bridge.config.kinds import Domain, Domains, Networks, Port, Seconds, Text, between, url_fault
from bridge.config.references import concealed
from bridge.config.secret import MASK, Secret
from bridge.config.section import Section

SQLITE = "sqlite:///"
MEMORY = "memory:"


class Transmitter(Section):
    issuer: Text
    """`iss` of every SET, exactly as written."""


class Server(Section):
    """The public listener."""

    host: Text = "127.0.0.1"
    port: Port = 8080
    """0 takes any free port."""
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    trusted_proxies: Networks | None = None
    """Whose `X-Forwarded-For` is believed. None: not said; `[]`: nobody stands in front."""


class Admin(Section):
    """The second listener: metrics and readiness details."""

    host: Text = "127.0.0.1"
    port: Port = 8081


class Store(Section):
    url: Annotated[Text, Field(repr=False)] = "sqlite:///caep-bridge.db"

    @property
    def file(self) -> Path | None:
        """The SQLite file; None for another store."""
        return Path(self.url.removeprefix(SQLITE)) if self.url.startswith(SQLITE) else None

    @property
    def shown(self) -> str:
        """The URL without its password."""
        return without_password(self.url)


def _proxy(value: Secret) -> Secret:
    value.require(_url_check)
    return value


def _url_check(text: str) -> None:
    if fault := url_fault(text):
        raise ValueError(fault)


class Delivery(Section):
    secret_keys: ClassVar[frozenset[str]] = frozenset({"proxy"})

    allow_insecure_targets: bool = False
    allowed_networks: Networks = ()
    ca_file: Path | None = None
    proxy: Annotated[Secret, AfterValidator(_proxy)] | None = None
    give_up_after: Annotated[Seconds, AfterValidator(between("1h", "30d"))] = 72 * 3600.0
    """From the first time that a receiver refused a SET to its death."""


class Identity(Section):
    """From the vendor's e-mail address to the login that receivers know."""

    lowercase: bool = True
    rewrite_domains: dict[Domain, Domain] = Field(default_factory=dict)
    allowed_domains: Domains | None = None
    """None: all."""
    overrides: Path | None = None
    """A CSV file: by device or by person, the login."""


class Keys(Section):
    secret_keys: ClassVar[frozenset[str]] = frozenset({"signing_key"})

    directory: Path | None = None
    """None: beside the SQLite file (`Config.key_directory`)."""
    signing_key: Secret | None = None
    """A PEM; its `origin` is the `file:/path` that was written."""
    publish_for: Seconds = 86_400.0
    """How long the next key is published before it signs."""
    keep_retired: Seconds = 86_400.0
    """How long a retired key is published once no SET names it that waits or is dead."""
    rotate_every: Seconds | None = None
    """How long a key signs; None: until somebody rotates it."""


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console", "auto"] = "auto"
    """auto: console on a terminal, else json."""


class Connector(Section):
    """`[connectors.<name>]`: the engine's keys; all others are settings that the connector's manifest declares."""

    model_config = ConfigDict(extra="allow")

    type: Text
    judge: Text | None = None
    rate_limit: Text | None = None
    dry_run: bool = False
    namespace: Text | None = None
    fold_recoveries: bool = False

    @property
    def settings(self) -> Mapping[str, Any]:
        """What came from a reference, or has the name of a secret, is a `Secret`."""
        return concealed(self.model_extra or {})

    def table(self) -> dict[str, Any]:
        """What was written, resolved: the table that the connector wing loads."""
        engine = {key: getattr(self, key) for key in type(self).model_fields if key in self.model_fields_set}
        return {**engine, **self.settings}

    def __repr__(self) -> str:
        return f"Connector(type={self.type!r}, judge={self.judge!r}, settings={sorted(self.settings)})"

    def __str__(self) -> str:
        return repr(self)


def without_password(url: str) -> str:
    """`scheme://user:********@host/…`. What is no URL is shown as its scheme at most."""
    try:
        parts = urlsplit(url)
        if "@" not in parts.netloc:
            return urlunsplit(parts._replace(query="")) if parts.netloc and parts.query else url
        user = parts.netloc.rpartition("@")[0].partition(":")[0]
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{user}:{MASK}@{host}", query=""))
    except ValueError:
        return MASK
