"""The configuration: what the operator wrote, checked, with every fault in its place.

load(path, environ) → Loaded(config, locator, path)     or ConfigError with all faults
read(path, environ) → Draft                             the same, faults as a value
no_effect(config, written)                              keys that are accepted but do nothing yet
"""

from __future__ import annotations

from bridge.config.client import Client, Issuer, OAuth
from bridge.config.effect import no_effect
from bridge.config.load import Draft, Loaded, Locator, load, read
from bridge.config.model import Config
from bridge.config.notify import Alarms, Notify
from bridge.config.policy import Guard, Policy
from bridge.config.receiver import Receiver
from bridge.config.retention import Retention
from bridge.config.secret import Secret
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

__all__ = [
    "Admin",
    "Alarms",
    "Client",
    "Config",
    "Connector",
    "Delivery",
    "Draft",
    "Guard",
    "Identity",
    "Issuer",
    "Keys",
    "Loaded",
    "Locator",
    "Log",
    "Notify",
    "OAuth",
    "Policy",
    "Receiver",
    "Retention",
    "Secret",
    "Server",
    "Store",
    "Transmitter",
    "load",
    "no_effect",
    "read",
]
