"""Keys that are accepted and have no effect: an operator must not rely on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bridge.config.load import Loaded, dotted
from bridge.config.model import Config
from bridge.lines import Path


def no_effect(config: Config, written: Iterable[Path]) -> list[tuple[str, str]]:
    """(path, what that means) of every such key that was written and asks for something."""
    asked = set(written)
    return sorted({(dotted(path), message) for path, message in _effectless(config) if path in asked})


def notes(loaded: Loaded) -> list[tuple[str, str]]:
    return no_effect(loaded.config, loaded.written)


def _effectless(config: Config) -> Iterator[tuple[Path, str]]:
    turns = any(client.asks_for_tokens for client in config.oauth.clients.values())
    if config.keys.signing_key is not None and config.keys.rotate_every is not None and not turns:
        yield ("keys", "rotate_every"), "has no effect beside signing_key: that key changes with its file"
