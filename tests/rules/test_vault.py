"""The vault keeps what the service must be able to say again, under a key of its own."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bridge.errors import ConfigError
from bridge.vault import Sealed, SealedText, Vault


def test_what_is_sealed_opens_again_also_after_a_restart(tmp_path: Path) -> None:
    sealed = Vault(tmp_path / "vault.key").seal("Bearer rcv-1", "st_1")
    assert "rcv-1" not in sealed
    assert Vault(tmp_path / "vault.key").open(sealed, "st_1") == "Bearer rcv-1"
    assert [path.name for path in tmp_path.iterdir()] == ["vault.key"]
    assert stat.S_IMODE((tmp_path / "vault.key").stat().st_mode) == 0o600


def test_it_opens_for_what_it_was_sealed_for(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.key")
    sealed = vault.seal("Bearer rcv-1", "st_1")
    for text, about in ((sealed, "st_2"), (sealed[:-8], "st_1"), ("", "st_1"), ("é", "st_1")):
        with pytest.raises(Sealed):
            vault.open(text, about)
    other = Vault(tmp_path / "other.key")
    other.seal("x", "st_1")
    with pytest.raises(Sealed):
        other.open(sealed, "st_1")
    with pytest.raises(Sealed):
        Vault(tmp_path / "gone.key").open(sealed, "st_1")


def test_of_two_that_make_the_key_one_wins(tmp_path: Path) -> None:
    one, two = Vault(tmp_path / "vault.key"), Vault(tmp_path / "vault.key")
    assert two.open(one.seal("x", "st_1"), "st_1") == one.open(two.seal("x", "st_1"), "st_1") == "x"


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    Vault(tmp_path / "vault.key").seal("x", "st_1")
    (tmp_path / "vault.key").chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        Vault(tmp_path / "vault.key").seal("x", "st_1")


def test_no_folder_no_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be made"):
        Vault(tmp_path / "nowhere" / "vault.key").seal("x", "st_1")


def test_a_sealed_text_shows_nothing(tmp_path: Path) -> None:
    vault = Vault(tmp_path / "vault.key")
    text = SealedText(vault, vault.seal("Bearer rcv-1", "st_1"), "st_1")
    assert "rcv" not in f"{text!r} {text}" and text.reveal() == "Bearer rcv-1"
