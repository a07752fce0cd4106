"""Secrets that stand in files, read again while the bridge runs: `file:` references, where a secret is wanted.

Each file is read whole at each look, so it does not matter how it was replaced: written over, renamed into place, or
reached by another symbolic link, as Kubernetes does. It counts once two looks in a row found the same, since a writer
may be halfway. What cannot be read, or will not do, changes nothing. A pipe is not read again: with nobody at its
other end that would never return, and nothing else would be read any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bridge.config.references import read_text
from bridge.config.secret import Secret

FILE = "file:"


@dataclass(slots=True)
class SecretFile:
    """`path` is the key of the configuration. `problem` is why the file is not followed at the moment, or ""."""

    path: str
    secret: Secret
    file: Path
    problem: str = ""
    _seen: tuple[str, str] = ("", "")

    def look(self) -> bool:
        """Whether the secret has another text now. It blocks while the file is read."""
        name = (self.secret.origin or "").removeprefix(FILE)
        found = ("", f"file {name} is a pipe") if self.file.is_fifo() else read_text(self.file, name)
        if found != self._seen:
            self._seen = found
            return False
        text, self.problem = found
        if self.problem or text == self.secret.reveal():
            return False
        try:
            self.secret.renew(text)
        except ValueError as problem:
            self.problem = str(problem)
            return False
        return True


class Watch:
    def __init__(self, secrets: Iterable[tuple[str, Secret]], base: Path) -> None:
        """`secrets` with their keys; those that stand in no file are left alone. `base`: where relative paths begin."""
        self.files = [
            SecretFile(path, secret, base / secret.origin.removeprefix(FILE))
            for path, secret in secrets
            if secret.origin is not None and secret.origin.startswith(FILE)
        ]

    def look(self) -> list[str]:
        """The keys whose secret has another text now."""
        return [file.path for file in self.files if file.look()]

    @property
    def problems(self) -> list[str]:
        """What should be mended, by key; no value of a secret is in it."""
        return [f"{file.path}: {file.problem}; the value from before stays" for file in self.files if file.problem]
