"""What the configuration says, built: the connectors, whose device is whose, the way out, keys and secrets."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bridge import __version__
from bridge.clock import Clock, Dice, Ids, SystemClock, SystemDice, SystemIds
from bridge.config import Client, Config, Loaded, Secret
from bridge.config.watch import Watch
from bridge.connector.connector import Connector
from bridge.connector.load import load as load_connector
from bridge.errors import ConfigError, Fault
from bridge.oauth.keyset import public_keys
from bridge.okta.api import api_of
from bridge.okta.users import Users
from bridge.outbound import Outbound
from bridge.posture.guard import Limits
from bridge.posture.identity import Identity, Overrides, read_overrides
from bridge.posture.policy import Exemption, Policy
from bridge.ssf.keyfiles import KeyFiles, Source
from bridge.ssf.keys import key_from_pem
from bridge.ssf.ring import Terms


@dataclass(frozen=True, slots=True)
class Ports:
    clock: Clock = field(default_factory=SystemClock)
    ids: Ids = field(default_factory=SystemIds)
    dice: Dice = field(default_factory=SystemDice)
    who: str = "serve"
    """Who started it, for the audit log."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What the configuration says, before any store is opened."""

    config: Config
    sources: Mapping[str, Connector]
    identity: Identity
    outbound: Outbound
    keys: Source
    watch: Watch
    """The secrets that stand in files."""

    @property
    def policy(self) -> Policy:
        chosen = self.config.policy
        return Policy(
            settle=chosen.settle,
            stale_after=chosen.stale_after,
            on_stale=chosen.on_stale,
            on_gone=chosen.on_gone,
            exempt=tuple(Exemption(**one.model_dump()) for one in chosen.exempt),
        )

    @property
    def limits(self) -> Limits:
        guard = self.config.guard
        return Limits(max_users=guard.max_users, max_percent=guard.max_percent, window=guard.window)


def parts(loaded: Loaded, ports: Ports) -> Parts:
    """Raises ConfigError with every fault of connectors and identity, each in its place."""
    config = loaded.config
    try:
        outbound = outbound_of(config)
    except ConfigError as error:
        raise ConfigError(loaded.locate(error.faults)) from None
    faults: list[Fault] = []
    sources: dict[str, Connector] = {}
    for name, table in config.connectors.items():
        try:
            sources[name] = load_connector(
                name, table.table(), outbound=outbound, clock=ports.clock, base_dir=loaded.base
            )
        except ConfigError as error:
            faults.extend(error.faults)
    identity = Identity()
    keys = Source(KeyFiles(config.key_directory))
    try:
        keys = key_source(config, ports.clock)
    except ConfigError as error:
        faults.extend(error.faults)
    faults.extend(public_key_faults(config.oauth.clients))
    try:
        identity = identity_of(config)
    except ConfigError as error:
        faults.extend(error.faults)
    if faults:
        raise ConfigError(loaded.locate(faults))
    watch = Watch(secrets_of(config, sources), loaded.base)
    return Parts(config, sources, identity, outbound, keys, watch)


def lookups(built: Parts, ports: Ports) -> dict[str, Callable[[Sequence[str]], Awaitable[dict[str, bool]]]]:
    """By the names of those receivers that can be asked: which of these logins they know."""
    receivers = built.config.receivers.items()
    apis = {name: api_of(one, built.outbound, ports.clock, ports.ids) for name, one in receivers}
    return {name: Users(api).known for name, api in apis.items() if api is not None}


def outbound_of(config: Config) -> Outbound:
    """The way out. Raises ConfigError if `delivery.ca_file` cannot be read."""
    proxy = config.delivery.proxy
    return Outbound(
        insecure=config.delivery.allow_insecure_targets,
        allowed_networks=config.delivery.allowed_networks,
        ca_file=str(config.delivery.ca_file) if config.delivery.ca_file else None,
        proxy=lambda: None if proxy is None else proxy.reveal(),
        user_agent=f"caep-bridge/{__version__}",
        limit_per_host=64,
    )


def identity_of(config: Config) -> Identity:
    chosen = config.identity
    overrides = Overrides()
    if chosen.overrides is not None:
        overrides = read_overrides(chosen.overrides.read_bytes(), str(chosen.overrides))
    return Identity(
        lowercase=chosen.lowercase,
        rewrite_domains=chosen.rewrite_domains,
        allowed_domains=frozenset(chosen.allowed_domains or ()),
        overrides=overrides,
    )


def key_source(config: Config, clock: Clock) -> Source:
    """Where the signing keys lie. Raises ConfigError for a PEM in `[keys] signing_key` that is not fit."""
    source = Source(KeyFiles(config.key_directory), config.keys.signing_key)
    source.given(clock.now())
    if source.secret is not None:
        source.secret.require(_fit_key)
    return source


def public_key_faults(clients: Mapping[str, Client]) -> list[Fault]:
    """What is wrong with the `public_key` of clients; from now on no text of them will do that is not fit."""
    faults = []
    for name, client in clients.items():
        try:
            if client.public_key is not None:
                client.public_key.require(public_keys)
        except ValueError as problem:
            faults.append(Fault("", f"oauth.clients.{name}.public_key", str(problem)))
    return faults


def key_terms(config: Config) -> Terms:
    return Terms(config.keys.publish_for, config.keys.keep_retired, config.keys.rotate_every)


def _fit_key(text: str) -> None:
    try:
        key_from_pem(text.encode(), created_at=0.0, where="")
    except ConfigError as problem:
        raise ValueError("; ".join(fault.message for fault in problem.faults)) from None


def secrets_of(config: Config, sources: Mapping[str, Connector]) -> Iterator[tuple[str, Secret]]:
    """Every secret that takes effect when its file changes, with its key."""
    for name, source in sources.items():
        for key, values in source.secrets.items():
            for index, value in enumerate(values):
                if isinstance(value, Secret):
                    yield f"connectors.{name}.{key}" + (f".{index}" if len(values) > 1 else ""), value
    for name, receiver in config.receivers.items():
        if receiver.authorization_header is not None:
            yield f"receivers.{name}.authorization_header", receiver.authorization_header
    for name, client in config.oauth.clients.items():
        for key, several in (("secret", client.secret), ("token", client.token)):
            for index, value in enumerate(several or ()):
                yield f"oauth.clients.{name}.{key}" + (f".{index}" if len(several or ()) > 1 else ""), value
        if client.public_key is not None:
            yield f"oauth.clients.{name}.public_key", client.public_key
    for path, secret in (("keys.signing_key", config.keys.signing_key), ("delivery.proxy", config.delivery.proxy)):
        if secret is not None:
            yield path, secret
