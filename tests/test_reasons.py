"""docs/reasons.md names every reason that the code can yield, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import get_args

import pytest

from bridge.model import DeliveryState, FailureKind, HoldKind
from bridge.pipeline import rename
from bridge.pipeline.operator import wording
from bridge.pipeline.streams import narrowed, regroup
from bridge.posture import reasons
from bridge.ssf import ledger
from bridge.ssf.stream import Unwanted
from bridge.store.streams import DELETED, EXPIRED, TOO_MANY

ROOT = Path(__file__).parent.parent
POSTURE = [path for path in (ROOT / "bridge/posture").glob("*.py") if path.name != "reasons.py"]
CHANGES = {"failed", "recovered", "provisional", "owner_found", "owner_changed", "remapped", "renamed", "retired"}
"""`Change.why`, and the statuses: words beside the reasons."""
ONLY_AGAIN = {reasons.DEADLINE, reasons.CONTRADICTS_DOORBELL, reasons.HOLD_ENDS}
OF_STREAMS_TOO = {ledger.UNKNOWN_AT_RECEIVER}


def constants(module: ModuleType) -> dict[str, str]:
    return {name: value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)}


def parsed(path: str | Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


def documented(title: str) -> list[str]:
    page = (ROOT / "docs/reasons.md").read_text()
    (section,) = [part for part in page.split("\n## ") if part.startswith(title + "\n")]
    return re.findall(r"^\| `([a-z_]+)` \| [^|]+ \| [^|]+ \|$", section, flags=re.MULTILINE)


def of_decisions() -> set[str]:
    looks = {reasons.look_failed(kind) for kind in get_args(FailureKind)}
    return set(constants(reasons).values()) - ONLY_AGAIN - {reasons.LOOK} | looks


def of_streams() -> set[str]:
    return set(constants(ledger).values()) | set(get_args(Unwanted)) - {""}


def of_silenced_streams() -> set[str]:
    calls = [node for node in ast.walk(parsed("bridge/pipeline/streams/plan.py")) if isinstance(node, ast.Call)]
    appended = [call.args[0] for call in calls if ast.unparse(call.func) == "silenced.append"]
    return {ast.literal_eval(pair.elts[1]) for pair in appended if isinstance(pair, ast.Tuple)}


def of_settlements() -> set[str]:
    keywords = [node for node in ast.walk(parsed("bridge/store/ledger_rules.py")) if isinstance(node, ast.keyword)]
    codes = {one.value.value for one in keywords if one.arg == "code" and isinstance(one.value, ast.Constant)}
    return {str(code) for code in codes} | set(get_args(DeliveryState)) - {"pending", "delivered"}


def test_decisions() -> None:
    assert sorted(documented("Decisions about a device")) == sorted(of_decisions())


def test_streams() -> None:
    assert sorted(documented("Why a stream was told or not")) == sorted(of_streams() | set(wording._STREAMS))


def test_looks() -> None:
    assert sorted(documented("Why a device is looked at again")) == sorted(ONLY_AGAIN | OF_STREAMS_TOO)


def test_deliveries() -> None:
    silenced = of_silenced_streams()
    assert len(silenced) == 2
    expected = (
        of_settlements()
        | silenced
        | {rename.RENAMED, regroup.AGGREGATE_CHANGED, ledger.CANCELLED_OUT}
        | {narrowed.NOT_ENTITLED, narrowed.NOT_REQUESTED}
        | {EXPIRED, TOO_MANY, DELETED}
    )
    assert sorted(documented("Why a SET was not delivered")) == sorted(expected)


def test_the_page_has_no_other_table() -> None:
    page = (ROOT / "docs/reasons.md").read_text()
    assert page.count("|---|---|---|") == 4
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    titles = [part.split("\n")[0] for part in page.split("\n## ")[1:]]
    assert len(rows) == sum(len(documented(title)) for title in titles)


def test_the_screen_has_words_for_each() -> None:
    assert set(wording._DECISIONS) - {""} == of_decisions()
    assert of_streams() <= set(wording._STREAMS)
    assert set(wording._AGAIN) >= ONLY_AGAIN | OF_STREAMS_TOO


# -- the constants are all there is --------------------------------------------------------------


def literals(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node.value


@pytest.mark.parametrize("path", POSTURE, ids=lambda path: path.name)
def test_no_reason_is_written_out_beside_its_constant(path: Path) -> None:
    written = {text for text in literals(path) if text in of_decisions() | ONLY_AGAIN}
    assert written <= CHANGES | set(get_args(HoldKind))


@pytest.mark.parametrize("path", POSTURE, ids=lambda path: path.name)
def test_reasons_are_given_by_constants_alone(path: Path) -> None:
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.keyword) and node.arg in ("reason", "login_reason", "again_why"):
            assert not isinstance(node.value, ast.Constant | ast.JoinedStr), ast.unparse(node)


def test_every_constant_is_used() -> None:
    used = "\n".join(path.read_text() for path in POSTURE)
    for name in constants(reasons).keys() - {"LOOK", "NO_VERDICT"}:
        if constants(reasons)[name] in reasons.HELD.values():
            continue  # reached by the kind of the hold
        assert re.search(rf"\b{name}\b", used), name
