"""The scanner sees the metrics and labels of an expression, and takes nothing else for one."""

from __future__ import annotations

import pytest

from tests.deploy.promql import NotUnderstood, named


@pytest.mark.parametrize(
    ("expression", "metrics", "labels", "functions"),
    [
        ("up", {"up"}, set(), set()),
        ('sum by (a, b) (rate(m_total{x="y",z=~"p|q"}[5m])) > 2', {"m_total"}, {"a", "b"}, {"sum", "rate"}),
        ("sum(m) by (a)", {"m"}, {"a"}, {"sum"}),
        ('m{text="not_a_metric{a=\\"b\\"} by (c)"}', {"m"}, set(), set()),
        ("m # other_metric\n + n offset 5m", {"m", "n"}, set(), set()),
        ("a / on (x) group_left (y) b", {"a", "b"}, {"x", "y"}, set()),
        ("a unless ignoring (outcome) b or c and d", {"a", "b", "c", "d"}, {"outcome"}, set()),
        ("m > bool 1e9 and m < 0.5", {"m"}, set(), set()),
        ("rate(m[$__rate_interval])", {"m"}, set(), {"rate"}),
        ("histogram_quantile(0.99, sum by (le) (rate(m_bucket[1h:5m])))", {"m_bucket"}, {"le"},
         {"histogram_quantile", "sum", "rate"}),
        ("job:errors:rate5m == 0", {"job:errors:rate5m"}, set(), set()),
    ],
)  # fmt: skip
def test_what_it_sees(expression: str, metrics: set[str], labels: set[str], functions: set[str]) -> None:
    found = named(expression)
    assert (set(found.matchers), found.labels, found.functions) == (metrics, labels, functions)


def test_matchers() -> None:
    assert named('m{a="x", b!~"y|z"} + m{c!="{d}"}').matchers == {
        "m": [("a", "=", "x"), ("b", "!~", "y|z"), ("c", "!=", "{d}")]
    }


@pytest.mark.parametrize("expression", ['{__name__="m"}', "m{a=}", "m{a", "m ? n", 'm{"a"="b"}', "sum by (a (m)"])
def test_what_it_refuses(expression: str) -> None:
    with pytest.raises(NotUnderstood):
        named(expression)
