"""The whole configuration as one frozen tree."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from bridge.config.client import OAuth
from bridge.config.kinds import Name
from bridge.config.notify import Alarms, Notify
from bridge.config.policy import Guard, Policy
from bridge.config.receiver import Receiver
from bridge.config.retention import Retention
from bridge.config.sections import (
    Admin,
    Connector,
    Delivery,
    Identity,
    Keys,
    Log,
    Server,
    Store,
    Transmitter,
)
from bridge.config.streams import Streams


class Config(BaseSettings):
    """Made by `bridge.config.load`, which reads file and environment itself so that each value keeps its place."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    transmitter: Transmitter
    server: Server = Field(default_factory=Server)
    admin: Admin = Field(default_factory=Admin)
    store: Store = Field(default_factory=Store)
    delivery: Delivery = Field(default_factory=Delivery)
    policy: Policy = Field(default_factory=Policy)
    guard: Guard = Field(default_factory=Guard)
    identity: Identity = Field(default_factory=Identity)
    keys: Keys = Field(default_factory=Keys)
    log: Log = Field(default_factory=Log)
    alarms: Alarms = Field(default_factory=Alarms)
    notify: tuple[Notify, ...] = ()
    retention: Retention = Field(default_factory=Retention)
    streams: Streams = Field(default_factory=Streams)
    connectors: dict[Name, Connector] = Field(default_factory=dict)
    receivers: dict[Name, Receiver] = Field(default_factory=dict)
    oauth: OAuth = Field(default_factory=OAuth)

    @property
    def key_directory(self) -> Path:
        """Where the signing keys lie: `[keys] directory`, or `<SQLite file>.keys`."""
        if self.keys.directory is not None:
            return self.keys.directory
        file = self.store.file
        return Path("caep-bridge.keys") if file is None else file.with_name(file.name + ".keys")

    @property
    def namespaces(self) -> dict[str, str]:
        """By connector, what its devices are named after in subjects."""
        return {name: connector.namespace or name for name, connector in self.connectors.items()}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)
