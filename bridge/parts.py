"""What the configuration says, built: the connectors, whose device is whose, the way out, the signing key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bridge import __version__
from bridge.clock import Clock, Dice, Ids, SystemClock, SystemDice, SystemIds
from bridge.config import Config, Loaded
from bridge.connector.connector import Connector
from bridge.connector.load import load as load_connector
from bridge.errors import ConfigError, Fault
from bridge.okta.api import api_of
from bridge.okta.users import Users
from bridge.outbound import Outbound
from bridge.posture.guard import Limits
from bridge.posture.identity import Identity, Overrides, read_overrides
from bridge.posture.policy import Exemption, Policy
from bridge.ssf.keys import KeyRing, ring_from_pem, ring_in


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
    try:
        identity = identity_of(config)
    except ConfigError as error:
        faults.extend(error.faults)
    if faults:
        raise ConfigError(loaded.locate(faults))
    return Parts(config, sources, identity, outbound)


def lookups(built: Parts, ports: Ports) -> dict[str, Callable[[Sequence[str]], Awaitable[dict[str, bool]]]]:
    """By the names of those receivers that can be asked: which of these logins they know."""
    receivers = built.config.receivers.items()
    apis = {name: api_of(one, built.outbound, ports.clock, ports.ids) for name, one in receivers}
    return {name: Users(api).known for name, api in apis.items() if api is not None}


def outbound_of(config: Config) -> Outbound:
    """The way out. Raises ConfigError if `delivery.ca_file` cannot be read."""
    return Outbound(
        insecure=config.delivery.allow_insecure_targets,
        allowed_networks=config.delivery.allowed_networks,
        ca_file=str(config.delivery.ca_file) if config.delivery.ca_file else None,
        proxy=config.delivery.proxy,
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


def key_ring(config: Config, clock: Clock) -> KeyRing:
    """The signing key: the PEM of `[keys] signing_key`, or the one kept in the key directory, made if need be."""
    secret = config.keys.signing_key
    if secret is not None:
        return ring_from_pem(
            secret.reveal().encode(), created_at=clock.now(), where=secret.origin or "keys.signing_key"
        )
    return ring_in(config.key_directory)
