"""Secrets in files: however a file is replaced it counts once it holds still; what will not do changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bridge.config import Secret
from bridge.config.watch import Watch


def _printable(text: str) -> None:
    if not text.isprintable():
        raise ValueError("must be printable")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("one\n")
    return path


def watched(file: Path) -> tuple[Watch, Secret]:
    secret = Secret("one", f"file:{file.name}")
    secret.require(_printable)
    watch = Watch([("a.b", secret), ("a.c", Secret("x", "env:X")), ("a.d", Secret("x"))], file.parent)
    assert watch.look() == watch.look() == []
    return watch, secret


def test_only_what_stands_in_a_file_is_watched(file: Path) -> None:
    watch, _ = watched(file)
    assert [one.path for one in watch.files] == ["a.b"]


def test_written_over(file: Path) -> None:
    watch, secret = watched(file)
    file.write_text("two\n")
    assert watch.look() == [] and secret.reveal() == "one"
    assert watch.look() == ["a.b"] and secret.reveal() == "two"
    assert watch.look() == [] and watch.problems == []


def test_renamed_into_place_with_the_same_times_and_size(file: Path) -> None:
    watch, secret = watched(file)
    times = file.stat()
    fresh = file.with_name("fresh")
    fresh.write_text("two\n")
    os.utime(fresh, ns=(times.st_atime_ns, times.st_mtime_ns))
    fresh.replace(file)
    watch.look()
    assert watch.look() == ["a.b"] and secret.reveal() == "two"


def test_the_link_of_a_mounted_secret_is_swapped(tmp_path: Path) -> None:
    """As Kubernetes does: `secret` → `..data/secret`, and `..data` → a folder that is replaced as a whole."""
    for name, text in (("..1", "one"), ("..2", "two")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "secret").write_text(text)
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "secret").symlink_to("..data/secret")
    watch, secret = watched(tmp_path / "secret")
    (tmp_path / "..tmp").symlink_to("..2")
    (tmp_path / "..tmp").replace(tmp_path / "..data")
    watch.look()
    assert watch.look() == ["a.b"] and secret.reveal() == "two"


def test_a_file_that_is_being_written_does_not_count(file: Path) -> None:
    watch, secret = watched(file)
    for text in ("", "t", "tw", "two"):
        file.write_text(text)
        assert watch.look() == [] and secret.reveal() == "one" and watch.problems == []
    assert watch.look() == ["a.b"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "file secret is empty"),
        (b" \n", "file secret is empty"),
        (b"\xff", "file secret cannot be read: it is not UTF-8 text"),
        (b"a\x00b", "must be printable"),
        (b"x" * 70_000, "file secret is larger than 64 KiB"),
        (None, "file secret cannot be read: No such file or directory"),
    ],
)
def test_what_will_not_do_is_said_and_changes_nothing(file: Path, content: bytes | None, words: str) -> None:
    watch, secret = watched(file)
    file.unlink() if content is None else file.write_bytes(content)
    assert watch.look() == watch.look() == watch.look() == []
    assert secret.reveal() == "one"
    assert watch.problems == [f"a.b: {words}; the value from before stays"]
    file.write_text("one")
    watch.look()
    assert watch.problems != []
    assert watch.look() == [] and watch.problems == []


def test_a_pipe_is_not_waited_for(file: Path) -> None:
    """Nobody writes into it: to read it would never return, and every other secret would stay as it is."""
    watch, secret = watched(file)
    file.unlink()
    os.mkfifo(file)
    assert watch.look() == watch.look() == [] and secret.reveal() == "one"
    assert watch.problems == ["a.b: file secret is a pipe; the value from before stays"]
    file.unlink()
    file.write_text("two\n")
    watch.look()
    assert watch.look() == ["a.b"] and watch.problems == []
