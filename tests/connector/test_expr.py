from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.connector.language.complaint import ExprError, ExprFault
from bridge.connector.language.expr import Kind, Scope, Values
from bridge.connector.language.plain import shortcut
from bridge.connector.language.times import rfc3339

SCOPE = Scope(
    {
        "body": "any",
        "headers": "headers",
        "item": "any",
        "now": "time",
        "settings.names": "texts",
        "settings.region": "text",
        "settings.age": "duration",
        "look.device": "any",
        "finding.blocks_at": "time",
        "finding.exempt": "bool",
    },
    frozenset({"finding.blocks_at"}),
)
NOW = datetime(2026, 11, 1, 10, tzinfo=UTC)


def run(source: str, kind: Kind, body: Any = None, **more: Any) -> object:
    raw = {
        "body": body,
        "now": NOW,
        "settings.names": ["a", "b"],
        "settings.region": "a",
        "finding.exempt": False,
        "settings.age": timedelta(days=1),
        **more,
    }
    return SCOPE.compile(source, kind)(Values(raw))


@pytest.mark.parametrize(
    ("source", "kind", "body", "expected"),
    [
        ("body.a.b", Kind.TEXT, {"a": {"b": "x"}}, "x"),
        ("id(body.a)", Kind.TEXT, {"a": 1001}, "1001"),
        ("id(body.a)", Kind.TEXT, {"a": "1001"}, "1001"),
        ("id(body.a) + ''", Kind.TEXT, {"a": 2**63 - 1}, "9223372036854775807"),
        ("lower(body.a)", Kind.TEXT, {"a": "ÄB"}, "äb"),
        ("body.?a.orValue('none')", Kind.TEXT, {}, "none"),
        ("body.?a.orValue('none')", Kind.TEXT, {"a": None}, "none"),
        ("body.?a.?b.orValue('none')", Kind.TEXT, {"a": {"b": None}}, "none"),
        ("has(body.a)", Kind.BOOL, {"a": None}, False),
        ("body.?a.hasValue()", Kind.BOOL, {"a": 1}, True),
        ("timestamp(body.a)", Kind.TIME, {"a": "2026-11-01T11:00:00.25+01:00"}, NOW.timestamp() + 0.25),
        ("timestamp(body.a)", Kind.TIME, {"a": 1793527200}, NOW.timestamp()),
        ("ms(body.a)", Kind.TIME, {"a": 1793527200123}, NOW.timestamp() + 0.123),
        ("ms(body.a)", Kind.TIME, {"a": "1793527200123"}, NOW.timestamp() + 0.123),
        ("unix(body.a)", Kind.TIME, {"a": 1793527200.5}, NOW.timestamp() + 0.5),
        ("unix(body.a)", Kind.TIME, {"a": "1793527200"}, NOW.timestamp()),
        ("ms_date(body.a)", Kind.TIME, {"a": "/Date(1793527200123)/"}, NOW.timestamp() + 0.123),
        ("timestamp(body.a)", Kind.TIME, {"a": "9999-12-31T00:00:00Z"}, None),
        ("body.a == 'bad' ? timestamp(body.b) : time_never()", Kind.TIME, {"a": "good"}, None),
        (
            "pick(body.m, 'source', ['idp', 'custom'], 'email')",
            Kind.TEXT,
            {"m": [{"source": "custom", "email": "c"}, {"source": "idp", "email": "i"}]},
            "i",
        ),
        ("pick(body.m, 'source', ['idp'], 'email')", Kind.TEXT, {"m": [{"source": "x", "email": "c"}]}, ""),
        ("first(body.m).email", Kind.TEXT, {"m": [{"email": "c"}]}, "c"),
        ("body.tags", Kind.TEXTS, {"tags": ["a", "b"]}, ["a", "b"]),
        ("body.tags.filter(t, t != 'a')", Kind.TEXTS, {"tags": ["a", "b"]}, ["b"]),
        ("settings.region in settings.names", Kind.BOOL, None, True),
        ("now - timestamp(body.a) > settings.age", Kind.BOOL, {"a": "2026-10-30T10:00:00Z"}, True),
    ],
)
def test_values(source: str, kind: Kind, body: Any, expected: object) -> None:
    found = run(source, kind, body)
    assert found == pytest.approx(expected) if isinstance(expected, float) else found == expected


@pytest.mark.parametrize("source", ["body.a", "id(body.a)", "timestamp(body.a)", "body.a.b", "lower(body.a.b)"])
@pytest.mark.parametrize(
    "body", [{}, {"a": None}, {"a": 1}, {"a": "x"}, {"a": {}}, {"a": {"b": 1}}, {"a": True}, {"a": 1.5}, {"a": []}, 5]
)
def test_a_plain_path_means_what_cel_means(source: str, body: Any) -> None:
    """Evaluated here without CEL, a path or one function of a path comes to the same as with CEL."""
    kind = Kind.TIME if source.startswith("timestamp") else Kind.TEXT
    plain, by_cel = SCOPE.compile(source, kind), SCOPE.compile(f"true ? {source} : {source}", kind)
    assert _outcome(plain, body) == _outcome(by_cel, body)


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("body.a", Kind.TEXT), ("body.a.b", Kind.TEXT), ("id(body.a)", Kind.TEXT), ("lower(body.a.b)", Kind.TEXT),
        ("body.a", Kind.BOOL), ("!body.a", Kind.BOOL), ("timestamp(body.a)", Kind.TIME), ("ms(body.a)", Kind.TIME),
        ("body.a", Kind.TEXTS), ('body.?a.orValue("none")', Kind.TEXT), ('body.a == "x"', Kind.BOOL),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "body",
    [{}, {"a": None}, {"a": 1}, {"a": "x"}, {"a": ""}, {"a": {}}, {"a": {"b": "X"}}, {"a": {"b": None}}, {"a": True},
     {"a": {"b": 1}}, {"a": 1.5}, {"a": []}, {"a": ["x"]}, {"a": "2026-11-01T10:00:00Z"}, {"a": 2**62}, 5, None],
)  # fmt: skip
def test_what_may_be_missing_means_what_cel_means(source: str, kind: Kind, body: Any) -> None:
    short, by_cel = SCOPE.compile(source, kind), SCOPE.compile(f"true ? ({source}) : ({source})", kind)
    assert by_cel._quick is None
    for missing in (short.optional, by_cel.optional), (short, by_cel):
        assert len({repr(_tried(call, body)) for call in missing}) == 1


def _tried(call: Any, body: Any) -> object:
    try:
        return call(Values({"body": body}))
    except ExprError as error:
        return ("error", error.absent, error.null)


@pytest.mark.parametrize("fraction", ["", ".5", ".000001", ".123456789", ".999999999"])
def test_z_is_an_offset_of_nothing(fraction: str) -> None:
    times = {rfc3339(f"2026-11-01T10:00:00{fraction}{zone}") for zone in ("Z", "z", "+00:00", "-00:00")}
    assert len(times) == 1 and times.pop().tzinfo is UTC


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ('body.a == "x"', Kind.BOOL),
        ("body.a.b != 'x'", Kind.BOOL),
        ('id(body.a) != ""', Kind.BOOL),
        ('lower(body.a) == "x" ? "yes" : "no"', Kind.TEXT),
        ('body.a != "1" ? "yes" : "no"', Kind.TEXT),
        ('body.?a.orValue("none")', Kind.TEXT),
        ('body.a.?b.orValue(body.?a.orValue(""))', Kind.TEXT),
        ("body.?a.orValue(body.b)", Kind.TEXT),
    ],
)
@pytest.mark.parametrize(
    "body",
    [{}, {"a": None}, {"a": 1}, {"a": "x"}, {"a": "X"}, {"a": ""}, {"a": {}}, {"a": {"b": "x"}}, {"a": {"b": None}},
     {"a": {"b": 1}}, {"a": True}, {"a": 1.5}, {"a": []}, {"a": ["x"]}, 5],
)  # fmt: skip
def test_a_shortcut_means_what_cel_means(source: str, kind: Kind, body: Any) -> None:
    short, by_cel = SCOPE.compile(source, kind), SCOPE.compile(f"true ? ({source}) : ({source})", kind)
    assert short._shortcut is not None
    assert by_cel._shortcut is None
    assert _result(short, body) == _result(by_cel, body)


@pytest.mark.parametrize(
    "source",
    [
        'body.?a.orValue("") + lower("x")', 'body.a == "x" || body.b == "y"', '!body.a == "x"', 'body.a == "\\n"',
        'size(body.a) == "x"', 'id(body.a == "x"', "body.?a.orValue(first(body.b))", 'body.a == "x" ? 1 : 2',
        'other.a == "x"', 'body.a.startsWith("x")', 'body.?a.b.orValue("")',
    ],
)  # fmt: skip
def test_nothing_else_is_a_shortcut(source: str) -> None:
    assert shortcut(source, ["body", "now"]) is None


def _result(expression: Any, body: Any) -> object:
    try:
        return expression(Values({"body": body}))
    except ExprError as error:
        return ("error", error.path, error.absent, error.null)


def _outcome(expression: Any, body: Any) -> object:
    assert (expression._plain is None) == expression.source.startswith("true")
    try:
        return expression(Values({"body": body}))
    except ExprError as error:
        return ("error", error.absent, error.null)


@pytest.mark.parametrize(
    ("source", "body", "path", "absent", "null"),
    [
        ("body.a.b", {}, "body.a", True, False),
        ("body.a.b", {"a": {"b": None}}, "body.a.b", False, True),
        ("body.a.b", {"a": 7}, "body.a.b", False, False),
        ("body.a.b + 'x'", {"a": {}}, "body.a.b", True, False),
        ("id(body.a)", {"a": True}, "body.a", False, False),
        ("id(body.a)", {"a": 1.5}, "body.a", False, False),
        ("first(body.a)", {"a": []}, "body.a", False, False),
        ("body.big.filter(x, true)[0]", {"big": ["x"] * 1001}, "body.big", False, False),
        ("look.device.name", {}, "look.device", True, False),
    ],
)
def test_an_error_names_the_path(source: str, body: Any, path: str, absent: bool, null: bool) -> None:
    with pytest.raises(ExprError) as caught:
        run(source, Kind.TEXT, body)
    assert (caught.value.path, caught.value.absent, caught.value.null) == (path, absent, null)


def test_an_error_holds_no_value() -> None:
    for source in ("timestamp(body.a + '')", "body[body.a]", "ms(body.a)", "body.a.matches(body.b) ? 'x' : 'y'"):
        with pytest.raises(ExprError) as caught:
            run(source, Kind.TIME if "(" in source[:10] else Kind.TEXT, {"a": "ada@example.com", "b": "(ada@example"})
        assert "ada" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ("settings.regoin", Kind.TEXT, "did you mean settings.region?"),
        ("lwer(body.a)", Kind.TEXT, "did you mean lower?"),
        ("bdoy.a", Kind.TEXT, "did you mean body?"),
        ("'a' + 1", Kind.TEXT, "no matching overload"),
        ("1 +", Kind.TEXT, "the end"),
        ("{'a': 1}", Kind.TEXT, "must yield text"),
        ("[1, 2]", Kind.TEXTS, "must yield a list of text"),
        ("now", Kind.TEXT, "must yield text"),
        ("optional.none()", Kind.TEXT, "optional values"),
        ("body.?a", Kind.TEXT, "must end in .orValue"),
        ("[body.?a]", Kind.TEXTS, "must end in .orValue"),
        ("first([body.?a])", Kind.TEXT, "must end in .orValue"),
        ("dyn(body.?a)", Kind.TEXT, "must end in .orValue"),
        ("[?body.?a]", Kind.TEXTS, "optional values"),
        ("body.?a.optMap(x, x).orValue('')", Kind.TEXT, "optional values"),
        ("body[?'a'].orValue(body.?b)", Kind.TEXT, "optional values"),
        ("now + duration('1d') > now", Kind.BOOL, "not a duration"),
        ("finding.blocks_at - now > duration('1h')", Kind.BOOL, "compare it alone"),
        ("finding.blocks_at != now", Kind.BOOL, "compare it alone"),
        ("finding.blcks_at < now", Kind.BOOL, "did you mean finding.blocks_at?"),
        ("body." + "a" * 3000, Kind.TEXT, "at most 2000"),
    ],
)
def test_a_fault_has_words_and_a_caret(source: str, kind: Kind, words: str) -> None:
    with pytest.raises(ExprFault) as caught:
        SCOPE.compile(source, kind)
    assert words in str(caught.value)
    assert len(source) > 2000 or str(caught.value).splitlines()[-1].endswith("^")


def test_the_caret_stands_under_the_fault() -> None:
    with pytest.raises(ExprFault) as caught:
        SCOPE.compile("body.a == settings.regoin", Kind.BOOL)
    _, line, caret = str(caught.value).splitlines()
    assert line[caret.index("^") :] == ".regoin"


@pytest.mark.parametrize(
    "source",
    [
        "finding.blocks_at <= now",
        "finding.blocks_at < now",
        "finding.blocks_at >= now",
        "finding.blocks_at > now",
        "now <= finding.blocks_at",
        "now >= finding.blocks_at",
        "finding.blocks_at == now",
        "!finding.exempt && finding.blocks_at <= now + duration('24h')",
        "(true && now < finding.blocks_at)",
        "finding.exempt || finding.blocks_at <= now",
    ],
)
def test_a_comparison_with_a_missing_deadline_is_false(source: str) -> None:
    assert run(source, Kind.BOOL) is False
    assert run(f"!({source})", Kind.BOOL) is True


def test_a_deadline_that_is_there_is_compared() -> None:
    assert run("finding.blocks_at <= now", Kind.BOOL, **{"finding.blocks_at": NOW}) is True
    assert run("finding.blocks_at < now", Kind.BOOL, **{"finding.blocks_at": NOW}) is False


def test_a_text_that_looks_like_a_name_is_a_text() -> None:
    assert run("'finding.blocks_at - ?x' == body.a", Kind.BOOL, {"a": "finding.blocks_at - ?x"}) is True


def test_what_does_not_read_the_item_is_evaluated_once() -> None:
    outer = Values({"body": {"a": "x"}, "item": None})
    steady, changing = SCOPE.compile("body.a + '!'", Kind.TEXT), SCOPE.compile("item.n + '!'", Kind.TEXT)
    inner = [outer.plus("item", {"n": str(number)}) for number in range(3)]
    assert [changing.text(values) for values in inner] == ["0!", "1!", "2!"]
    assert [steady.text(values) for values in inner] == ["x!"] * 3
    assert id(steady) in outer._known and all(id(steady) not in values._known for values in inner)


def test_a_hostile_expression_cannot_end_the_process() -> None:
    """What an expression may do at worst is an error; run apart, since a crash would take the tests along."""
    code = (
        "from bridge.connector.language.expr import *\nfrom bridge.connector.language.complaint import *\n"
        "s = Scope({'body': 'any'})\n"
        "for e in ['true ? body.a : dyn([body.?z.orValue(body.b)])', 'body.l.map(x, body.l.map(y, y))[0][0]',"
        " 'body', 'dyn(body.l)', 'body.l.all(x, body.l.all(y, body.l.all(z, x != y)))  ? \"a\" : \"b\"',"
        " '['*200 + ']'*200, 'type(body.a)', 'b\"x\"', 'body.a.split(\"\").map(c, c)[0]']:\n"
        "    for k in Kind:\n"
        "        try: s.compile(e, k)(Values({'body': {'a': 'x'*50, 'b': None, 'l': list(range(900))}}))\n"
        "        except (ExprError, ExprFault): pass\n"
        "print('alive')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "alive", done.stderr[-500:]
