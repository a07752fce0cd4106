"""Files that are too large to be a configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.config import load
from bridge.errors import ConfigError


def test_a_file_without_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    with file.open("wb") as made:
        made.truncate(9 << 20)
    for path in (file, Path("/dev/zero")):
        with pytest.raises(ConfigError, match=f"{path}: is larger than 8 MiB"):
            load(path, {})
