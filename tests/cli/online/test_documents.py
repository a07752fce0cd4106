"""What our own documents must say, and the clocks of all who answered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from bridge.cli.online import documents
from bridge.cli.online.clock import clocks, duration
from bridge.cli.online.issuer import metadata_url
from bridge.cli.online.line import Dated, date_of, dated
from bridge.outbound import Answer
from bridge.ssf.discovery import metadata

ISSUER = "https://signals.acme.example"
HEADERS = {"content-type": "application/json", "cache-control": "public, max-age=900"}


def read(body: Any = None, status: int = 200, **headers: str) -> list[tuple[str, str]]:
    changed = {**HEADERS, **{name.replace("_", "-"): value for name, value in headers.items()}}
    content = body if isinstance(body, bytes) else orjson.dumps(metadata(ISSUER) if body is None else body)
    answer = Answer(status, {name: value for name, value in changed.items() if value}, content)
    tree, lines = documents.document("it", answer)
    lines = lines if tree is None else [*lines, *documents.metadata("it", tree, ISSUER)]
    return [(line.outcome, line.words) for line in lines]


def test_as_it_should_be() -> None:
    assert read() == [("ok", "it: names this issuer")]
    assert read(content_type="Application/JSON; charset=utf-8") == [("ok", "it: names this issuer")]


@pytest.mark.parametrize(
    ("given", "outcome", "words"),
    [
        ({"status": 404}, "failed", "it: answered 404"),
        ({"status": 301}, "failed", "it: answered 301"),
        ({"content_type": "text/plain"}, "failed", "it: its content type is text/plain; it must be application/json"),
        ({"content_type": ""}, "failed", "it: its content type is missing"),
        ({"body": b"<html>"}, "failed", "it: is not a JSON object"),
        ({"body": b"[]"}, "failed", "it: is not a JSON object"),
        (
            {"body": {"issuer": ISSUER + "/"}},
            "failed",
            f"it: issuer is {ISSUER}/ and must be {ISSUER}",
        ),
        ({"body": {"issuer": 7}}, "failed", "it: issuer is missing and must be"),
        ({"cache_control": ""}, "note", "it: says nothing of caching"),
        ({"cache_control": "no-store"}, "note", "it: says nothing of caching"),
        ({"cache_control": "s-maxage=604800, max-age=60"}, "note", "it: may be cached for 168 hours"),
    ],
)
def test_what_is_wrong(given: dict[str, Any], outcome: str, words: str) -> None:
    found = read(**given)
    assert any((one, said[: len(words)]) == (outcome, words) for one, said in found), found


def row(kid: str, **more: str) -> Mapping[str, str]:
    return {"kty": "RSA", "kid": kid, "n": "x", "e": "AQAB", **more}


@pytest.mark.parametrize(
    ("published", "needed", "known", "outcome", "words"),
    [
        ([row("a"), row("b")], ["a"], ["a", "b"], "ok", "it: publishes a, b, as the store has it"),
        ([row("b")], ["a"], ["a", "b"], "failed", "it: does not publish a, but b"),
        ([], ["a"], ["a"], "failed", "it: does not publish a, but no key"),
        ([row("a"), row("c")], ["a"], ["a"], "failed", "it: publishes c, which this store does not know"),
        ([row("a", d="1")], ["a"], ["a"], "failed", "it: holds private parts of a key"),
        ([row("a")], [], [], "note", "it: publishes a; there is no store"),
        ([], [], [], "failed", "it: publishes no key"),
        ("nonsense", ["a"], ["a"], "failed", "it: does not publish a"),
    ],
)
def test_keys(published: Any, needed: list[str], known: list[str], outcome: str, words: str) -> None:
    (line,) = documents.keys("it", {"keys": published}, needed, known)
    assert (line.outcome, line.words[: len(words)]) == (outcome, words)


@pytest.mark.parametrize(
    ("issuer", "url"),
    [
        (ISSUER, f"{ISSUER}/.well-known/ssf-configuration"),
        (f"{ISSUER}/", f"{ISSUER}/.well-known/ssf-configuration"),
        (f"{ISSUER}:8443/a/b", f"{ISSUER}:8443/.well-known/ssf-configuration/a/b"),
    ],
)
def test_where_the_metadata_stands(issuer: str, url: str) -> None:
    assert metadata_url(issuer) == url


# -- clocks ---------------------------------------------------------------------------------------


def said(*offsets: float, own: float | None = None) -> list[tuple[str, str]]:
    dates = [Dated(f"v{number}", offset) for number, offset in enumerate(offsets)]
    dates += [] if own is None else [Dated("ours", own, own=True)]
    return [(line.outcome, line.words) for line in clocks(dates)]


def test_clocks_that_agree() -> None:
    assert said(0.4, -2.0, own=59.0) == [("ok", "this machine's agrees within 2 s with v0, v1")]


def test_an_hour_behind_and_ahead() -> None:
    assert said(3600.0, 3601.0, own=0.0) == [
        ("failed", "this machine's is 1 h behind, by the Date of v0, v1"),
        ("failed", "that of the machine that answers at the issuer is 1 h behind"),
    ]
    assert said(-3725.0) == [("failed", "this machine's is 1 h 2 min ahead, by the Date of v0")]


def test_serve_runs_elsewhere_with_the_right_time() -> None:
    assert said(3600.0, own=3600.0) == [("failed", "this machine's is 1 h behind, by the Date of v0")]


def test_only_the_machine_behind_the_issuer_is_wrong() -> None:
    assert said(0.0, own=-90.0)[1:] == [
        ("failed", "that of the machine that answers at the issuer is 1 min 30 s behind")
    ]


def test_one_of_two_is_strange() -> None:
    assert said(0.0, 86400.0) == [
        ("ok", "this machine's agrees within 1 s with v0"),
        ("note", "that of v1 is 1 d ahead of the others'"),
    ]


def test_nobody_says_its_time() -> None:
    assert [outcome for outcome, _ in said()] == ["note"]
    assert [outcome for outcome, _ in said(own=3600.0)] == ["note", "failed"]


def test_dates() -> None:
    date = "Thu, 01 Jan 1970 00:16:40 GMT"
    assert date_of({"date": date}) == 1000.0
    assert date_of({"date": date, "age": "30"}) == 1030.0
    assert date_of({"date": date, "age": "nonsense"}) == 1000.0
    assert date_of({"date": "yesterday"}) is None
    assert date_of({}) is None
    assert dated("x", None, 5.0) == ()
    assert dated("x", 1000.0, 1000.7)[0].offset == pytest.approx(-0.2)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.0, "59 s"), (-61.0, "1 min 1 s"), (3600.0, "1 h"), (90061.0, "1 d 1 h"), (7320.0, "2 h 2 min")],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words
