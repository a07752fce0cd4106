from __future__ import annotations

from pathlib import Path

import pytest

from bridge.connector.judge import Judge, named
from bridge.connector.load import load
from bridge.model import Finding
from tests.connector.scene import NOW, SECRET, Hand, Vendor, make
from tests.connector.test_language import HEAD

DAY = 86400.0


def kolide(judge: str) -> Judge:
    table = {"type": "kolide", "judge": judge, "signing_secret": SECRET}
    return load("kolide", table, outbound=Vendor({}), clock=Hand(), base_dir=Path()).judge


def finding(
    key: str = "42",
    blocks_at: float | None = None,
    *,
    exempt: bool = False,
    state: str = "failing",
    at: float = NOW - 60,
) -> Finding:
    return Finding(key, state, at, title=f"Title {key}", blocks_at=blocks_at, exempt=exempt)  # type: ignore  # state is any text


@pytest.mark.parametrize(
    ("judge", "findings", "status", "recheck"),
    [
        ("issues", [], "compliant", None),
        ("issues", [finding()], "not-compliant", None),
        ("issues", [finding(exempt=True)], "compliant", None),
        ("issues", [finding(state="gone"), finding(state="passing")], "compliant", None),
        ("issues", [finding(blocks_at=NOW + DAY)], "not-compliant", None),
        ("enforced", [finding()], "compliant", None),
        ("enforced", [finding(blocks_at=NOW)], "not-compliant", None),
        ("enforced", [finding(blocks_at=NOW - 1)], "not-compliant", None),
        ("enforced", [finding(blocks_at=NOW + DAY)], "compliant", NOW + DAY),
        ("enforced", [finding("1", NOW + 3 * DAY), finding("2", NOW + DAY), finding("3")], "compliant", NOW + DAY),
        ("enforced", [finding(blocks_at=NOW + DAY, exempt=True)], "compliant", None),
        ("enforced", [finding("1", NOW - DAY), finding("2", NOW + DAY)], "not-compliant", NOW + DAY),
    ],
)
def test_judgements_over_findings(judge: str, findings: list[Finding], status: str, recheck: float | None) -> None:
    verdict = kolide(judge)(findings, "Good", held=None, now=NOW)
    assert (verdict.status, verdict.recheck_at) == (status, recheck)


@pytest.mark.parametrize(
    ("judge", "status", "expected"),
    [
        ("trust", "Good", "compliant"),
        ("trust", "Notified", "compliant"),
        ("trust", "Will Block", "compliant"),
        ("trust", "Blocked", "not-compliant"),
        ("trust_strict", "Will Block", "not-compliant"),
        ("trust_strict", "Blocked", "not-compliant"),
        ("trust_strict", "Notified", "compliant"),
        ("trust", "blocked", None),
        ("trust", "Snoozed", None),
        ("trust", None, None),
        ("trust", "", None),
    ],
)
def test_judgements_over_a_status(judge: str, status: str | None, expected: str | None) -> None:
    verdict = kolide(judge)([finding()], status, held="not-compliant", now=NOW)
    assert verdict.status == expected
    if expected is None and status:
        assert verdict.reason == f"unknown_status: {status}"


def test_an_unknown_status_is_shown_harmlessly() -> None:
    reason = kolide("trust")([], "a\n\x1b[31m" + "b" * 500, held=None, now=NOW).reason
    assert reason.isprintable() and len(reason) < 130


def test_which_can_do_without_the_api() -> None:
    assert {name: kolide(name).without_api for name in ("issues", "enforced", "trust")} == {
        "issues": True,
        "enforced": False,
        "trust": False,
    }


def test_the_reason_names_the_findings() -> None:
    many = [finding(str(number)) for number in range(5)]
    assert kolide("issues")(many, None, held=None, now=NOW).reason == "Title 0; Title 1; Title 2 and 2 more"
    assert named([Finding("9", "failing", 0, check="7"), Finding("8", "failing", 0)]) == "7; 8"
    assert named([finding("1"), finding("1")]) == "Title 1"


@pytest.mark.parametrize(
    ("failing", "recheck"),
    [
        ("finding.blocks_at <= now + duration('24h')", NOW + DAY),
        ("now - finding.at > duration('168h')", NOW + 7 * DAY - 60 + 1),
        ("finding.blocks_at <= now - duration('36h')", NOW + 3.5 * DAY),
        ("finding.title != ''", None),
    ],
)
def test_the_moment_is_found_for_any_expression(tmp_path: Path, failing: str, recheck: float | None) -> None:
    text = HEAD + f'[[on]]\ndevice = "id(body.d)"\n[judge.own]\nfailing = "{failing}"\n'
    judge = make(tmp_path, text, {"secret": "s", "judge": "own"}).judge
    one = finding(blocks_at=NOW + 2 * DAY)
    verdict = judge([one], None, held=None, now=NOW)
    assert verdict.recheck_at == recheck
    if recheck is not None:
        assert judge([one], None, held=None, now=recheck - 1).status == verdict.status
        assert judge([one], None, held=None, now=recheck).status != verdict.status


def test_a_judgement_that_breaks_is_no_verdict(tmp_path: Path) -> None:
    text = HEAD + '[[on]]\ndevice = "id(body.d)"\n[judge.own]\nfailing = "int(finding.key) > 5"\n'
    judge = make(tmp_path, text, {"secret": "s", "judge": "own"}).judge
    assert judge([finding("7")], None, held=None, now=NOW).status == "not-compliant"
    verdict = judge([finding("x")], None, held=None, now=NOW)
    assert verdict.status is None and verdict.reason.startswith("judgement_failed: own")
