"""Who calls our API, tied to what runs: their credentials, the tokens that they get, and those that they bring."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from bridge.config import Config
from bridge.oauth.foreign import PROFILES, Expected, metadata_urls
from bridge.oauth.metadata import resource_metadata
from bridge.oauth.remote import RemoteKeys
from bridge.observe.metrics import Metrics
from bridge.outbound import Outbound
from bridge.parts import Parts, Ports
from bridge.pipeline.api.access import Access, Elsewhere
from bridge.pipeline.api.clients import Clients
from bridge.pipeline.api.guesses import Guesses
from bridge.pipeline.api.issue import Issue, Terms
from bridge.pipeline.api.token_keys import TokenKeys
from bridge.pipeline.journal import Journal
from bridge.ssf.keyfiles import KeyFiles
from bridge.store.protocol import Store
from bridge.web.bearer import Bearer
from bridge.web.oauth import OAuthPorts
from bridge.web.source import Sources

FOLDER = "oauth"
"""Below the folder of the keys that sign SETs: those of tokens sign nothing else."""


class Callers:
    """`open` before the listeners, then `work` runs. With no clients there are no ports, and no key is made."""

    def __init__(
        self,
        parts: Parts,
        store: Store,
        ports: Ports,
        metrics: Metrics,
        journal: Journal,
        trouble: Callable[[str], None],
    ) -> None:
        self.clients = Clients(parts.config.oauth, store, ports.clock, ports.ids, journal, trouble)
        self._config = parts.config
        self._store = store
        self._ports = ports
        self._metrics = metrics
        folder = KeyFiles(parts.config.key_directory / FOLDER)
        rotate_every, lifetime = parts.config.keys.rotate_every, parts.config.oauth.token_lifetime
        self.keys = TokenKeys(folder, ports.clock, rotate_every, lifetime)
        self._remotes = remotes_of(parts.config, parts.outbound, ports)
        self._elsewhere = elsewhere_of(parts.config, parts.outbound, ports)
        self._guesses = Guesses(ports.clock)
        self._source = Sources(parts.config.server.trusted_proxies)

    @property
    def _issues(self) -> bool:
        return any(client.asks_for_tokens for client in self.clients.configured.values())

    async def open(self) -> None:
        """Raises ConfigError for a key that is not fit, StoreProblem or Unavailable."""
        await self.clients.open()
        if self._issues:
            await self.keys.open()

    def work(self) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        if self.clients.configured:
            yield "clients", self.clients.run()
        if self._issues:
            yield "token_keys", self.keys.run()

    def bearer(self) -> Bearer | None:
        """Who calls, for the routes of SSF; None where there is nobody."""
        if not self.clients.configured:
            return None
        issuer, clock = self._config.transmitter.issuer, self._ports.clock
        access = Access(issuer, self.clients, self.keys.current, self._elsewhere, clock, self._metrics, self._guesses)
        return Bearer(access, resource_metadata(issuer), self._source)

    def oauth(self) -> OAuthPorts | None:
        if not self.clients.configured:
            return None
        issuer, other = self._config.transmitter.issuer, self._config.oauth.issuer
        servers = [*([issuer] if self._issues else []), *([other.issuer] if other is not None else [])]
        if not self._issues:
            return OAuthPorts(issuer, servers, None, None)
        return OAuthPorts(issuer, servers, self._issue(), self.keys.jwks, self._source)

    def _issue(self) -> Issue:
        terms = Terms(self._config.transmitter.issuer, self._config.oauth.token_lifetime)
        clock, ids = self._ports.clock, self._ports.ids
        return Issue(
            terms, self.clients, self.keys.current, self._remotes, self._store, clock, ids, self._metrics, self._guesses
        )  # fmt: skip


def elsewhere_of(config: Config, outbound: Outbound, ports: Ports) -> Elsewhere | None:
    """`[oauth.issuer]`, if there is one."""
    issuer = config.oauth.issuer
    if issuer is None:
        return None
    profile = PROFILES[issuer.profile]
    keys = RemoteKeys(
        "the issuer of [oauth.issuer]",
        outbound,
        ports.clock,
        jwks_uri=issuer.jwks_uri,
        discovery=metadata_urls(issuer.issuer, profile),
        issuer=issuer.issuer,
    )
    return Elsewhere(Expected(issuer.issuer, issuer.audience, profile), keys)


def remotes_of(config: Config, outbound: Outbound, ports: Ports) -> dict[str, RemoteKeys]:
    """Where the keys of clients with a `jwks_uri` are had, by the client's name."""
    return {
        name: RemoteKeys(f"client {name}", outbound, ports.clock, jwks_uri=client.jwks_uri)
        for name, client in config.oauth.clients.items()
        if client.jwks_uri is not None
    }
