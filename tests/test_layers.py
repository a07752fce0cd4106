"""Imports go one way, time and chance have one door, and no vendor's word stands in the engine."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

BRIDGE = Path(__file__).parent.parent / "bridge"
FILES = sorted(BRIDGE.rglob("*.py"))

GROUND = {"", "model", "value", "errors", "clock", "key", "lines", "text"}
WINGS = {"connector", "posture", "ssf", "delivery", "notify", "okta", "oauth", "store"}
SHELF = {"config", "address", "outbound", "observe", "vault"}
"""What several layers use and what uses none of them."""
MAY_IMPORT: dict[str, set[str]] = {
    "": GROUND,
    "__main__": {"cli"},
    "model": {"value"},
    "value": set(),
    "errors": set(),
    "clock": set(),
    "key": set(),
    "lines": set(),
    "text": set(),
    "address": GROUND,
    "vault": GROUND,
    "config": GROUND,
    "answer": GROUND,
    "exchange": {"answer"},
    "places": {"exchange"},
    "resolver": {"address"},
    "outbound": GROUND | {"address", "answer", "exchange", "places", "resolver"},
    "observe": GROUND,
    **{wing: GROUND | SHELF for wing in WINGS},
    "receiver": GROUND | SHELF,
    "pipeline": GROUND | SHELF | WINGS,
    "web": GROUND | SHELF | WINGS | {"pipeline"},
}
MAY_IMPORT["parts"] = GROUND | SHELF | WINGS
MAY_IMPORT["channels"] = MAY_IMPORT["web"] | {"parts"}
MAY_IMPORT["callers"] = MAY_IMPORT["web"] | {"web", "parts"}
MAY_IMPORT["works"] = MAY_IMPORT["web"] | {"parts", "channels", "callers"}
MAY_IMPORT["workers"] = GROUND
MAY_IMPORT["ssf_api"] = MAY_IMPORT["works"] | {"web", "works"}
MAY_IMPORT["app"] = MAY_IMPORT["ssf_api"] | {"ssf_api", "workers"}
EVERYTHING = {"cli", "demo"}

PURE = {
    "connector": {
        "answer",
        "expr",
        "functions",
        "mentions",
        "parse",
        "plain",
        "quick",
        "signature",
        "times",
        "tree",
        "settings",
    },
    "posture": None,
    "ssf": {
        "anew",
        "decoded",
        "discovery",
        "events",
        "identifier",
        "key_warnings",
        "ledger",
        "matching",
        "payload",
        "profile",
        "ring",
        "selection",
        "statement",
        "stream",
        "subject",
        "words",
    },
    "delivery": {"retry", "answer"},
    "okta": {"words"},
    "oauth": {"assertion", "caller", "credentials", "foreign", "jwt", "keyset", "metadata", "request", "token"},
    "notify": {"occasion", "words", "message", "signature", "retry"},
}
"""Files that are rules: no I/O. None: the whole wing."""
IO_LIBRARIES = {
    "aiohttp", "asyncio", "httpx", "httpx2", "http", "os", "requests", "shutil", "socket", "sqlalchemy", "sqlite3",
    "ssl", "starlette", "subprocess", "tempfile", "threading", "urllib.request", "uvicorn",
}  # fmt: skip

FORBIDDEN_CALLS = {
    "time.time", "time.time_ns", "time.sleep", "asyncio.sleep", "datetime.now", "datetime.utcnow", "datetime.today",
    "date.today", "datetime.datetime.now", "datetime.date.today", "uuid.uuid4", "uuid.uuid1", "uuid4", "uuid1",
}  # fmt: skip
FORBIDDEN_MODULES = {"random", "uuid", "secrets"}


def layer(file: Path) -> str:
    parts = file.relative_to(BRIDGE).with_suffix("").parts
    return "" if parts == ("__init__",) else parts[0]


def name(file: Path) -> str:
    return str(file.relative_to(BRIDGE))


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.lineno, str(node.module)
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def own(imported: str) -> str | None:
    """The layer of `bridge` that an import names."""
    parts = imported.split(".")
    if parts[0] != "bridge":
        return None
    return (
        parts[1] if len(parts) > 1 and ((BRIDGE / parts[1]).is_dir() or (BRIDGE / f"{parts[1]}.py").is_file()) else ""
    )


def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"), str(file))


def wrong_imports(here: str, tree: ast.Module) -> list[str]:
    allowed = MAY_IMPORT[here] | {here}
    return [f"{line}: {what}" for line, what in imports(tree) if (to := own(what)) is not None and to not in allowed]


def wrong_calls(tree: ast.Module) -> list[str]:
    called = [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute | ast.Name) and ast.unparse(node) in FORBIDDEN_CALLS
    ]
    forbidden = FORBIDDEN_MODULES | FORBIDDEN_CALLS
    return called + [f"{line}: import {what}" for line, what in imports(tree) if what in forbidden]


def test_there_is_something_to_look_at() -> None:
    assert {"config", "model", "clock", "cli"} <= {layer(file) for file in FILES}


def test_every_file_stands_in_a_layer() -> None:
    assert {layer(file) for file in FILES} - set(MAY_IMPORT) - EVERYTHING == set()


def test_imports_go_one_way() -> None:
    files = [file for file in FILES if layer(file) in MAY_IMPORT]
    assert {name(file): wrong for file in files if (wrong := wrong_imports(layer(file), parsed(file)))} == {}


ROOMS = {
    "pipeline": ["", "streams", "keys", "api", "sending", "errands", "fleet", "notices", "operator"],
    "connector": ["language", "webhook", "asking", "lists", "", "trial"],
}
"""From the ground up; "" is what lies open."""


def room(house: str, module: str) -> int:
    inside = module.split(".")[2:3]
    return ROOMS[house].index(inside[0] if inside and inside[0] in ROOMS[house] else "")


def upward(house: str, file: Path) -> list[str]:
    """What a file imports from rooms above its own."""
    here = room(house, ".".join(file.relative_to(BRIDGE.parent).with_suffix("").parts))
    return [
        f"{line}: {what}" for line, what in imports(parsed(file)) if own(what) == house and room(house, what) > here
    ]


@pytest.mark.parametrize("house", ROOMS)
def test_each_room_knows_only_those_below_it(house: str) -> None:
    stands = BRIDGE / house
    assert sorted(ROOMS[house]) == sorted(["", *(path.parent.name for path in stands.glob("*/__init__.py"))])
    files = [file for file in stands.rglob("*.py") if file != stands / "__init__.py"]
    assert {name(file): found for file in files if (found := upward(house, file))} == {}


def test_only_the_clock_reads_time_and_rolls_dice() -> None:
    files = [file for file in FILES if layer(file) != "clock"]
    assert {name(file): wrong for file in files if (wrong := wrong_calls(parsed(file)))} == {}


@pytest.mark.parametrize("wing", PURE)
def test_rules_do_no_io(wing: str) -> None:
    files = [file for file in FILES if layer(file) == wing and (PURE[wing] is None or file.stem in (PURE[wing] or ()))]
    wrong = [
        f"{name(file)}:{line}: {what}"
        for file in files
        for line, what in imports(parsed(file))
        if what in IO_LIBRARIES or what.split(".")[0] in IO_LIBRARIES - {"http"}
    ]
    assert wrong == []


def test_no_vendor_in_the_engine() -> None:
    files = [path for path in BRIDGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert [name(file) for file in files if re.search("kolide", file.read_text("utf-8"), re.IGNORECASE)] == []


@pytest.mark.parametrize(
    ("here", "source", "wrong"),
    [
        ("posture", "from bridge.store.protocol import Store", True),
        ("posture", "from bridge.model import Device", False),
        ("model", "import bridge.config", True),
        ("store", "from bridge import pipeline", True),
        ("web", "from bridge.pipeline import intake", False),
        ("pipeline", "import bridge.web.app", True),
    ],
)
def test_this_test_sees_what_it_should(here: str, source: str, wrong: bool) -> None:
    assert bool(wrong_imports(here, ast.parse(source))) is wrong


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.time()",
        "from uuid import uuid4",
        "await asyncio.sleep(1)",
        "import random",
        "from time import time",
    ],
)
def test_this_test_sees_clocks(source: str) -> None:
    assert wrong_calls(ast.parse(source))
