"""The Dockerfile, without a container: its rules, and each of its RUN steps in a folder of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
Instruction = tuple[str, str]


def instructions(text: str) -> list[Instruction]:
    joined = re.sub(r"\\\n", " ", re.sub(r"^\s*#.*\n", "", text, flags=re.MULTILINE))
    return [
        (word.upper(), rest.strip())
        for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())
    ]


def faults(text: str) -> list[str]:
    """What our own rules say of a Dockerfile."""
    steps = instructions(text)
    stages = [rest for word, rest in steps if word == "FROM"]
    final = steps[max(index for index, (word, _) in enumerate(steps) if word == "FROM") :]
    users = [rest for word, rest in final if word == "USER"]
    found = [f"no exact tag: {stage}" for stage in stages if not re.search(r":[\w.-]*\d", stage) or ":latest" in stage]
    found += ["one stage only"] if len(stages) < 2 else []
    found += (
        []
        if users and re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1])
        else ["runs as root, or by a name that may not exist"]
    )
    found += [f"{word} is missing" for word in ("HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT") if word not in dict(final)]
    found += ["RUN in the last stage" for word, _ in final if word == "RUN"]
    for word, rest in steps:
        if word in ("ENV", "ARG") and re.search(r"secret|token|password|api_?key", rest, re.IGNORECASE):
            found.append(f"a secret in {word}")
        if word == "ADD" or (word == "COPY" and rest.split()[0] in (".", "*")):
            found.append(f"{word} {rest}: copies what is not named")
        if "pip install" in rest and not re.search("--require-hashes|--no-index", rest):
            found.append("pip install without hashes")
    return found


def test_it_keeps_the_rules() -> None:
    assert faults((ROOT / "Dockerfile").read_text()) == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("python:3.11-slim-bookworm", "python:latest", "no exact tag"),
        ("USER 10001:10001", "USER root", "runs as root"),
        ("STOPSIGNAL SIGTERM", "", "STOPSIGNAL is missing"),
        ("ENV PATH", "ENV API_KEY=x PATH", "a secret in ENV"),
        ("COPY bridge ./bridge", "COPY . .", "copies what is not named"),
        ("--require-hashes", "", "pip install without hashes"),
    ],
)
def test_the_rules_see_what_they_should(old: str, new: str, fault: str) -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert old in text
    assert any(fault in each for each in faults(text.replace(old, new)))


def test_what_is_copied_is_not_ignored_and_exists() -> None:
    ignored = [
        line.rstrip("/") for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"
    ]
    named = [
        source
        for word, rest in instructions((ROOT / "Dockerfile").read_text())
        if word == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    ]
    assert named
    assert [source for source in named if not (ROOT / source).exists() or source in ignored] == []


QUICKLY = {"PIP_NO_COMPILE": "1", "PIP_CACHE_DIR": str(Path.home() / ".cache" / "pip")}
"""What changes nothing of the program: no bytecode, which costs much of the time, and downloads are kept."""


@pytest.mark.timeout(400)  # it downloads or unpacks everything that the program needs
def test_each_of_its_steps_runs_and_what_it_builds_is_the_whole_program(tmp_path: Path) -> None:
    steps = instructions((ROOT / "Dockerfile").read_text())
    build = steps[: max(index for index, (word, _) in enumerate(steps) if word == "FROM")]
    place = {"/opt/caep-bridge": str(tmp_path / "opt"), "/build": str(tmp_path / "build")}
    environ = {"HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environ |= QUICKLY
    environ |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "SSL_", "REQUESTS_"))}
    for word, rest in build:
        for inside, outside in place.items():
            rest = rest.replace(inside, outside)
        if word == "WORKDIR":
            Path(rest).mkdir(parents=True)
        elif word == "COPY":
            _copy(rest.split(), tmp_path / "build")
        elif word == "RUN":
            ended = subprocess.run(
                ["sh", "-c", rest], cwd=tmp_path / "build", env=environ, capture_output=True, text=True, timeout=350
            )
            assert ended.returncode == 0, f"{rest}\n{ended.stdout}{ended.stderr}"
    _is_whole(tmp_path / "opt", tmp_path)


def _copy(words: list[str], target: Path) -> None:
    for source in words[:-1]:
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, target / words[-1], ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, target / words[-1])


def _is_whole(prefix: Path, folder: Path) -> None:
    """The wheel brought the console script, the connectors with their data, and the migrations."""

    def out(*command: str) -> str:
        return subprocess.run(
            command, cwd=folder, env={"PATH": "/usr/bin:/bin"}, check=True, capture_output=True, text=True, timeout=60
        ).stdout

    assert out(str(prefix / "bin" / "caep-bridge"), "--version").strip() == "0.1.0"
    code = "import bridge, connectors, json; print(json.dumps([bridge.__file__, connectors.__file__]))"
    packages = [Path(file).parent for file in json.loads(out(str(prefix / "bin" / "python"), "-c", code))]
    for package in packages:
        assert package.is_relative_to(prefix)
        source = ROOT / package.name
        wanted = {
            path.relative_to(source) for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts
        }
        assert {path for path in wanted if not (package / path).is_file()} == set()
