"""What is sealed opens for what it was sealed for, with the key it was sealed with, and for nobody else."""

from __future__ import annotations

import os
import stat
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from bridge.errors import ConfigError
from bridge.vault import Sealed, SealedText, Vault

HEADER = "Bearer not-for-anybody"


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "vault.key")


def test_it_opens_for_what_it_was_sealed_for(vault: Vault, tmp_path: Path) -> None:
    sealed = vault.seal(HEADER, "st_1")
    assert vault.open(sealed, "st_1") == HEADER
    assert Vault(tmp_path / "vault.key").open(sealed, "st_1") == HEADER, "after a restart"
    assert HEADER not in sealed and b"not-for" not in b64decode(sealed)


def test_the_same_text_never_looks_the_same(vault: Vault) -> None:
    assert vault.seal(HEADER, "st_1") != vault.seal(HEADER, "st_1")


def test_it_opens_for_nothing_else(vault: Vault) -> None:
    sealed = vault.seal(HEADER, "st_1")
    raw = bytearray(b64decode(sealed))
    raw[-1] ^= 1
    for text, about in ((sealed, "st_2"), (b64encode(bytes(raw)).decode(), "st_1"), ("%%%", "st_1"), ("", "st_1")):
        with pytest.raises(Sealed):
            vault.open(text, about)


def test_another_key_or_none_opens_nothing(vault: Vault, tmp_path: Path) -> None:
    sealed = vault.seal(HEADER, "st_1")
    with pytest.raises(Sealed):
        Vault(tmp_path / "other.key").open(sealed, "st_1")
    assert not (tmp_path / "other.key").exists(), "opening makes no key"
    other = Vault(tmp_path / "other.key")
    other.seal("", "")
    with pytest.raises(Sealed):
        other.open(sealed, "st_1")


def test_its_key_is_for_us_alone(vault: Vault, tmp_path: Path) -> None:
    vault.seal(HEADER, "st_1")
    file = tmp_path / "vault.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["vault.key"], "nothing is left of making it"
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        Vault(file).seal(HEADER, "st_1")


@pytest.mark.parametrize("text", ["", "short", "%%%"])
def test_what_is_no_key(tmp_path: Path, text: str) -> None:
    file = tmp_path / "vault.key"
    file.write_text(text)
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="not a vault's key"):
        Vault(file).seal(HEADER, "st_1")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be made"):
        Vault(tmp_path / "none" / "vault.key").seal(HEADER, "st_1")


def test_a_sealed_text_shows_nothing_and_is_equal_by_what_is_sealed(vault: Vault) -> None:
    sealed = vault.seal(HEADER, "st_1")
    text = SealedText(vault, sealed, "st_1")
    assert text.reveal() == HEADER and HEADER not in repr(text) and sealed not in repr(text)
    assert text == SealedText(vault, sealed, "st_1") and hash(text) == hash(SealedText(vault, sealed, "st_1"))
    assert text != SealedText(vault, sealed, "st_2") and text != sealed
