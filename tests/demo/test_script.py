from __future__ import annotations

from pathlib import Path

import pytest

from bridge.clock import SystemClock
from bridge.connector.load import bundled, load
from bridge.demo.script import BadScript, filled, find, of_problem, read, texts

FILES = sorted(bundled().glob("*/demo.toml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_what_connectors_say_can_be_played(file: Path) -> None:
    script = read(file.read_text(), file)
    values = {"api": "http://127.0.0.1:1", "secret": "s", "key": "k"}
    table = {"type": script.type, **texts(script.settings, values)}
    assert load("x", table, outbound=None, clock=SystemClock(), base_dir=Path()).has_api  # type: ignore  # nothing is asked
    assert len(script.problems) >= 2 and len({problem.key for problem in script.problems}) == len(script.problems)


def test_there_is_one_to_play() -> None:
    assert find().type == FILES[0].parent.name


def test_names_are_replaced_by_values_of_their_type() -> None:
    template = {"a": ["$n", "x$n", "$$"], "b": {"c": "$list"}, "d": None, "e": 1}
    values = {"n": 7, "list": [1], "$": "dollar"}
    assert filled(template, values) == {"a": [7, "x$n", "dollar"], "b": {"c": [1]}, "d": None, "e": 1}


def test_a_findings_own_names() -> None:
    problem = find().problems[0]
    assert of_problem(problem, since="now")["finding.title"] == problem.title
    assert of_problem(problem, since="now")["finding.since"] == "now"


def test_an_unknown_name_is_named() -> None:
    with pytest.raises(BadScript, match=r"\$nme means nothing here; there are \$name"):
        filled(["$nme"], {"name": 1})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("vendor = ", "x/demo.toml: "),
        ("[webhook]\n", "api is missing"),
        ("vendor = 'v'", "webhook is missing"),
    ],
)
def test_a_broken_script_is_named(text: str, words: str) -> None:
    with pytest.raises(BadScript, match=words):
        read(text, Path("x/demo.toml"))


def test_a_template_that_is_no_json_is_named() -> None:
    text = FILES[0].read_text().replace('"event": "$event",', '"event": $event,')
    with pytest.raises(BadScript, match="a text is not JSON"):
        read(text, FILES[0])
