"""Keys that are accepted and have no effect yet: an operator must not rely on them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bridge.config.load import Loaded, dotted
from bridge.config.model import Config
from bridge.lines import Path

_PATTERNS: tuple[tuple[Path, str], ...] = (
    (("delivery", "allowed_networks"), "has no effect yet: receivers cannot name targets through the API so far"),
    (("receivers", "*", "client"), "has no effect yet: there is no poll delivery so far"),
)


def no_effect(config: Config, written: Iterable[Path]) -> list[tuple[str, str]]:
    """(path, what that means) of every such key that was written and asks for something."""
    return sorted({(dotted(path), message) for path, message in _effectless(config, written)})


def notes(loaded: Loaded) -> list[tuple[str, str]]:
    return no_effect(loaded.config, loaded.written)


def _effectless(config: Config, written: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    for path in written:
        message = next((words for pattern, words in _PATTERNS if _matches(pattern, path)), "")
        if message:
            yield path, message
    if config.keys.signing_key is not None and config.keys.rotate_every is not None:
        yield ("keys", "rotate_every"), "has no effect beside signing_key: that key changes with its file"
    for name, receiver in config.receivers.items():
        if receiver.delivery == "poll":
            yield (
                ("receivers", name, "delivery"),
                'has no effect yet: "poll" is not built, so this receiver gets nothing',
            )


def _matches(pattern: Path, path: Path) -> bool:
    return len(pattern) == len(path) and all(want in ("*", step) for want, step in zip(pattern, path, strict=True))
