"""What an error becomes at the routes of SSF, where no route shows it by itself."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import orjson
import pytest

from bridge.errors import ConfigError
from bridge.vault import Vault
from bridge.web.ssf import errors


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_vault_that_cannot_be_used_is_the_operators_to_mend(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A receiver's header cannot be sealed: it is told to come again, the log says which file, and why."""
    vault = Vault(tmp_path / "vault.key")
    vault.seal("Bearer x", "st_1")
    (tmp_path / "vault.key").chmod(stat.S_IRUSR | stat.S_IROTH)
    with pytest.raises(ConfigError) as problem:
        Vault(tmp_path / "vault.key").seal("Bearer x", "st_1")
    answer = errors.answer(problem.value)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert orjson.loads(answer.body) == {"err": "unavailable", "description": "try again later"}
    assert "vault.key" in "".join(capsys.readouterr())
