from __future__ import annotations

import random
import time
from typing import Any

import orjson
import pytest

from bridge.observe.redact import GONE, TOO_DEEP, Redact

redact = Redact(b"k" * 32)
EMAIL = "dana.reyes@acme.example"
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJqdGkiOiJhIn0.c2lnbmF0dXJl"


def line(**members: Any) -> dict[str, Any]:
    return dict(redact(None, "info", members))


@pytest.mark.parametrize(
    "name",
    ["authorization", "Authorization", "http_authorization", "access_token", "tokens", "signing_secret", "password",
     "passwd", "client_assertion", "cookie", "Set-Cookie", "x_signature", "set_jwt", "api_key", "apikey", "private_key",
     "credentials"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["v4lue", b"v4lue", ["v4lue"], {"a": "v4lue"}, 12345])
def test_secret_members(name: str, value: Any) -> None:
    assert line(**{name: value}) == {name: GONE}
    assert line(outer={"inner": [{name: value}]}) == {"outer": {"inner": [{name: GONE}]}}


@pytest.mark.parametrize("value", [None, "", True, False])
def test_whether_a_secret_is_set_may_be_said(value: Any) -> None:
    assert line(signing_secret=value) == {"signing_secret": value}


@pytest.mark.parametrize(
    "text",
    [
        EMAIL,
        f"user={EMAIL};device=x",
        f'{{"email":"{EMAIL}"}}',
        f"<{EMAIL}>",
        f"mailto:{EMAIL}",
        f"https://x.example/people/{EMAIL}/devices",
        "https://x.example/?q=dana.reyes%40acme.example",
        '{"email":"dana.reyes\\u0040acme.example"}',
        "dana.reyes&#64;acme.example",
        f"Traceback:\n  ValueError: {EMAIL} is unknown\n",
        f"\ud800{EMAIL}",
        f"{'x' * 30_000} {EMAIL}",
    ],
)
def test_addresses_become_hashes(text: str) -> None:
    for shown in (line(event=text)["event"], str(line(a=[{"b": (text,)}])), str(line(error=ValueError(text)))):
        assert "dana" not in shown and "acme.example" not in shown.replace("x.example", "")
        assert "person:" in shown


def test_a_person_has_one_hash_under_one_key() -> None:
    shown = redact.person(EMAIL)
    assert shown == redact.person(EMAIL.upper()) == line(a=EMAIL)["a"]
    assert shown != Redact(b"other").person(EMAIL)
    assert shown != redact.person("erik@acme.example")
    assert len(shown) == len("person:") + 12


def test_a_member_named_by_an_address() -> None:
    assert list(line(**{EMAIL: 1})) == [redact.person(EMAIL)]


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abc.DEF-123~+/=",
        "authorization: bearer   abc.DEF-123",
        "Basic abc.DEF-123",
        "SSWS abc.DEF-123",
        f"sent {TOKEN} to",
        f"set={TOKEN}",
        "postgresql://bridge:abc.DEF-123@db.example/bridge",
        "-----BEGIN RSA PRIVATE KEY-----\nabc.DEF-123\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----\nabc.DEF-123",
    ],
)
def test_credentials_inside_text(text: str) -> None:
    shown = line(event=text)["event"]
    assert "abc" not in shown and "DEF" not in shown and "eyJ" not in shown
    assert GONE in shown


def test_what_is_harmless_stays() -> None:
    harmless = {"connector": "fleet", "device": "48213", "took": 0.5, "n": 3, "ok": True, "none": None, "l": [1, "a"]}
    assert line(**harmless) == harmless


def test_raw_bytes_are_never_shown() -> None:
    assert line(body=b"secret") == {"body": "[6 bytes]"}


def test_depth_and_length_are_bounded() -> None:
    deep: Any = "x"
    for _ in range(50):
        deep = [deep]
    assert TOO_DEEP in str(line(deep=deep))
    assert len(line(long="x" * 10**6)["long"]) < 20_000


@pytest.mark.parametrize("piece", ["a", "a@", "eyJa-", "a.", "Bearer ", "a://", "%40", "-----BEGIN PRIVATE KEY-----"])
def test_no_text_takes_quadratic_time(piece: str) -> None:
    text = piece * 200_000
    begun = time.monotonic()
    for tail in ("", "@", " @x", " %40 eyJ PRIVATE KEY"):
        line(event=text + tail)
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("seed", range(40))
def test_what_needs_nothing_is_exactly_what_stays_as_it_is(seed: int) -> None:
    dice = random.Random(seed)
    texts = ["done", EMAIL, "a b", "eyJhIjox.e30.x", "Bearer abc", "a%40b", "x" * 20_000, "200", "\\u0040", "é", ""]
    names = ["outcome", "token", "api_key", "txn", EMAIL, "took", "streams", "a b"]

    def value(depth: int) -> Any:
        kinds = [lambda: dice.choice(texts[:1] if dice.random() < 0.8 else texts), lambda: 5, lambda: None, lambda: 0.5]
        if depth:
            kinds += [lambda: members(depth - 1), lambda: [value(depth - 1)], lambda: {1: "x"}]
        return dice.choice(kinds)()

    def members(depth: int) -> dict[str, Any]:
        return {dice.choice(names if dice.random() < 0.3 else names[::5]): value(depth) for _ in range(3)}

    redact = Redact(b"k" * 32)
    found = set()
    for _ in range(50):
        event = members(dice.choice([0, 1, 2, 8]))
        line = orjson.dumps(event, option=orjson.OPT_NON_STR_KEYS).decode()
        found.add(redact.needless(event, line))
        if redact.needless(event, line):
            assert redact(None, "", event) == event
    assert found == {True, False}


@pytest.mark.parametrize(
    "text", ["o'brien@acme.example", "for O'Brien@acme.example, please", "['o'brien@acme.example']"]
)
def test_an_address_with_an_apostrophe_stands_as_that_person(text: str) -> None:
    """As a whole: what is asked for by the hash of the address must be found, and no part of the name stays."""
    shown = redact.text(text)
    assert redact.person("o'brien@acme.example") in shown and "brien" not in shown.lower() and "o'" not in shown.lower()


@pytest.mark.parametrize("text", ["a'" * 8000 + "@x", "a@'" * 5000, "aa'" * 5000 + "@"])
def test_apostrophes_take_no_quadratic_time(text: str) -> None:
    begun = time.monotonic()
    redact.text(text)
    assert time.monotonic() - begun < 1
