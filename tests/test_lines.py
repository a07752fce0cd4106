from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.lines import Path, lines

TEXT = '''\
# comment [not.a.table]
top = 1
"quoted key" = "a = b # not a comment"
dotted . "in ner".last = 'x'

[a.b]   # trailing
list = [ # comment ]
  "one",
  [2, 3],
  { deep = [
    true ] },
]
multi = """
[not.a.table]
key = 1
\\""" still """
after = 2
raw = \'\'\'
x = 'y'\'\'\'\'
inline = { p = 1, q.r = "}", s = [] }
[[items]]
name = "first"
[items.sub]
k = 1979-05-27T07:32:00Z
[[items]]
[[items.inner]]
z = 1
[[items.inner]]
z = 2
'''

EXPECTED = {
    ("top",): 2,
    ("quoted key",): 3,
    ("dotted", "in ner", "last"): 4,
    ("a", "b"): 6,
    ("a", "b", "list"): 7,
    ("a", "b", "list", 0): 8,
    ("a", "b", "list", 1, 1): 9,
    ("a", "b", "list", 2, "deep", 0): 11,
    ("a", "b", "multi"): 13,
    ("a", "b", "after"): 17,
    ("a", "b", "raw"): 18,
    ("a", "b", "inline", "q", "r"): 20,
    ("items", 0): 21,
    ("items", 0, "name"): 22,
    ("items", 0, "sub", "k"): 24,
    ("items", 1): 25,
    ("items", 1, "inner", 0, "z"): 27,
    ("items", 1, "inner", 1): 28,
    ("items", 1, "inner", 1, "z"): 29,
}


@pytest.mark.parametrize(("path", "line"), EXPECTED.items())
def test_each_kind_of_key_is_found(path: Path, line: int) -> None:
    assert lines(TEXT)[path] == line


def _paths(value: Any, base: Path = ()) -> set[Path]:
    if isinstance(value, dict):
        return set().union(*({(*base, k)} | _paths(v, (*base, k)) for k, v in value.items()), set())
    if isinstance(value, list):
        return set().union(*({(*base, i)} | _paths(v, (*base, i)) for i, v in enumerate(value)), set())
    return set()


def test_it_finds_what_tomllib_reads_and_nothing_else() -> None:
    assert set(lines(TEXT)) == _paths(tomllib.loads(TEXT))


def test_windows_line_ends() -> None:
    assert lines("a = 1\r\n\r\n[b]\r\nc = 2\r\n")[("b", "c")] == 4


_VALUES = [
    "1",
    '"x"',
    "'#'",
    '"""a\n[b]\n"""',
    "[1,\n2]",
    "{ i = 1, j = [1] }",
    "'''\nk = 1\n'''",
    "true # c",
    '"]}\\""',
]


@given(st.lists(st.tuples(st.sampled_from(["", "[t{}]\n", "[[l]]\n"]), st.sampled_from(_VALUES)), max_size=12))
def test_generated_files(parts: list[tuple[str, str]]) -> None:
    text, expected = "", {}
    base: Path = ()
    count = 0
    for number, (header, value) in enumerate(parts):
        if header:
            text += header.format(number)
            base = ("l", count) if header.startswith("[[") else (f"t{number}",)
            count += header.startswith("[[")
        expected[(*base, f"k{number}")] = text.count("\n") + 1
        text += f"k{number} = {value}\n"
    found = lines(text)
    assert {path: found.get(path) for path in expected} == expected
    assert set(found) == _paths(tomllib.loads(text))
