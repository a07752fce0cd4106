"""The receiver shares no code with what it judges."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
FILES = sorted(path for path in FOLDER.glob("*.py") if not path.name.startswith("test_"))
ALLOWED = {"httpx2", "joserfc", "cryptography", "tests"}


def imported(file: Path) -> set[str]:
    tree = ast.parse(file.read_text())
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_imports_the_standard_library_and_three_packages(file: Path) -> None:
    names = imported(file)
    assert {name.partition(".")[0] for name in names} - ALLOWED - set(sys.stdlib_module_names) == set()
    ours = {name for name in names if name.startswith("tests")}
    assert all(name.startswith("tests.independent") for name in ours), ours


def test_nothing_of_the_bridge_is_loaded_with_it() -> None:
    """Also not by way of something else; and there is something to look at."""
    names = [f"tests.independent.{file.stem}" for file in FILES if file.stem != "__init__"]
    assert "tests.independent.receiver" in names
    program = f"import sys, importlib\nfor name in {names!r}: importlib.import_module(name)\nprint(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", program], cwd=FOLDER.parents[1], capture_output=True, text=True)
    loaded = ran.stdout.split()
    assert "tests.independent.sets" in loaded, ran.stderr
    assert [name for name in loaded if name.partition(".")[0] in ("bridge", "connectors", "authlib", "aiohttp")] == []
