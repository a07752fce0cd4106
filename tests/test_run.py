"""`./run` in a copy of the checkout that has a small program and almost nothing to install."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAIN = """import os, sys
print("ran", os.getcwd(), sys.argv[1:], os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.exit(3 if "fail" in sys.argv else 0)
"""
NO_VENV = (
    f'python3=case "$*" in *"-m venv"*) echo "No module named venv" >&2; exit 1;; esac; exec {sys.executable} "$@"'
)
"""A Python without the venv module, as on a bare Debian; it is also the quicker way to install."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "a checkout"
    (root / "bridge").mkdir(parents=True)
    (root / "bridge" / "__init__.py").write_text("")
    (root / "bridge" / "__main__.py").write_text(MAIN)
    for name in ("requirements.lock", "requirements-test.lock"):
        (root / name).write_text("# nothing\n")
    (root / "pyproject.toml").write_text("")
    shutil.copy(ROOT / "run", root / "run")
    return root


def environment(tmp_path: Path, *commands: str) -> dict[str, str]:
    """A bare environment; with `commands`, a PATH that has a few system commands and those only."""
    path = os.environ["PATH"]
    if commands:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        for name in ("bash", "cat", "cksum", "dirname", "mktemp", "mkdir", "rm", "rmdir", "sleep", "env"):
            (folder / name).symlink_to(str(shutil.which(name)))
        for line in commands:
            name, _, text = line.partition("=")
            (folder / name).write_text(f"#!{shutil.which('bash')}\n{text}\n")
            (folder / name).chmod(0o755)
        path = str(folder)
    return {"HOME": str(tmp_path), "PATH": path}


def start(root: Path, environ: dict[str, str], *arguments: str, cwd: Path | None = None) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(root / "run"), *arguments], env=environ, cwd=cwd or root, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def ended(process: subprocess.Popen[str], seconds: float = 90) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=seconds)
    return process.returncode, out, err


def test_it_installs_once_and_passes_arguments_on_from_any_folder(checkout: Path, tmp_path: Path) -> None:
    environ = environment(tmp_path)
    code, out, err = ended(start(checkout, environ, "serve", "--config", "a b.toml", cwd=tmp_path))
    assert (code, out) == (0, f"ran {tmp_path} ['serve', '--config', 'a b.toml'] {checkout}\n"), err
    assert err.count("installing…") == 1

    (tmp_path / "bridge").mkdir()  # a folder of that name where the user stands must not get in the way
    (tmp_path / "bridge" / "__main__.py").write_text("print('another bridge')")
    began = time.monotonic()
    code, out, err = ended(start(checkout, environ, "fail", cwd=tmp_path))
    took = time.monotonic() - began
    assert (code, err) == (3, "")
    assert out.startswith("ran ")
    assert took < 10  # well under a second where nothing else runs

    (checkout / "requirements.lock").write_text("# still nothing\n")
    assert "installing…" in ended(start(checkout, environ, "x"))[2]
    assert not (checkout / ".run.lock").exists()


def test_two_first_starts_at_once(checkout: Path, tmp_path: Path) -> None:
    environ = environment(tmp_path, NO_VENV)
    processes = [start(checkout, environ, str(number)) for number in range(3)]
    results = [ended(process) for process in processes]
    assert [code for code, _, _ in results] == [0, 0, 0], results
    assert sum(err.count("installing…") for _, _, err in results) == 1


def test_the_lock_of_a_start_that_was_killed_is_taken_over(checkout: Path, tmp_path: Path) -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    (checkout / ".run.lock").mkdir()
    (checkout / ".run.lock" / "pid").write_text(f"{gone.pid}\n")
    assert ended(start(checkout, environment(tmp_path, NO_VENV), "x"))[0] == 0


def test_without_the_venv_module_it_installs_beside_the_code(checkout: Path, tmp_path: Path) -> None:
    environ = environment(tmp_path, NO_VENV)
    for expected in (1, 0):
        code, out, err = ended(start(checkout, environ, "x"))
        assert (code, err.count("installing…")) == (0, expected), err
        assert out.startswith("ran ")
    assert not (checkout / ".venv").exists()


def test_without_venv_and_pip_it_says_what_to_install(checkout: Path, tmp_path: Path) -> None:
    python = f'case "$*" in *"-m venv"*|*"-m pip"*) exit 1;; esac; exec {sys.executable} "$@"'
    code, _, err = ended(start(checkout, environment(tmp_path, f"python3={python}"), "x"))
    assert code == 1
    assert "python3-venv" in err


def test_an_old_python_is_named(checkout: Path, tmp_path: Path) -> None:
    old = 'case "$*" in --version) echo "Python 3.9.2";; *) exit 1;; esac'
    code, _, err = ended(start(checkout, environment(tmp_path, f"python3={old}"), "x"))
    assert code == 1
    assert "Python 3.11 or later is needed" in err
    assert "Python 3.9.2" in err
    assert not (checkout / ".run.lock").exists()


def test_an_installation_that_fails_shows_why_and_is_tried_again(checkout: Path, tmp_path: Path) -> None:
    (checkout / "requirements.lock").write_text("-r another.lock\n")
    environ = environment(tmp_path, NO_VENV)
    for _ in range(2):
        code, _, err = ended(start(checkout, environ, "x"))
        assert code == 1
        assert "another.lock" in err
    (checkout / "requirements.lock").write_text("# nothing\n")
    assert ended(start(checkout, environ, "x"))[0] == 0
