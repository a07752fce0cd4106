"""Every template in every shape, with hostile values in every field: no person, no markup, no control gets out."""

from __future__ import annotations

import json
import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

import pytest

from bridge.cli import application
from bridge.config.notify import OCCASIONS
from bridge.notify.message import Message, Shape, body_of
from bridge.notify.occasion import NOBODY, SIGNING_KEY, Occasion, occasion_of
from bridge.notify.words import say, span

KINDS = (*OCCASIONS, "test")
SHAPES = get_args(Shape)
BRIDGE = "https://signals.acme.example"
HOSTILE = [
    "ada.lovelace@acme.example",
    "Ada's laptop <ada.lovelace@acme.example>",
    "ada.lovelace\uff20acme.example",
    "<!channel> *bold* <https://evil.example|click>",
    "x\u202eexe.dmg\x1b[2J\r\n\x00",
    "{count.__class__} {about} %s $(id)",
    "Ada Lovelace",
    "@" * 100_000,
    "\ud800lone",
]


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return [value] if isinstance(value, str) else []


def made(kind: Any, shape: Shape, *, with_device: bool, **given: Any) -> str:
    occasion = Occasion(kind, **given)
    return body_of(Message(occasion, 1_700_000_000.0, BRIDGE, 3, still=True, with_device=with_device), shape)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hostile", HOSTILE, ids=range(len(HOSTILE)))
def test_no_hostile_value_gets_out(kind: Any, shape: Shape, hostile: str) -> None:
    body = made(kind, shape, with_device=False, about=hostile, code=hostile, device=hostile, count=7, seconds=90.0)
    assert "ovelace" not in body and "evil" not in body and "__class__" not in body
    for text in texts(json.loads(body)):
        assert not re.search(r"[@\uff20<\x00-\x09\x0b-\x1f\u202e]", text.replace("&lt;", "<")), text
    assert len(body) < 4096


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_device_name_goes_only_where_it_may_and_never_with_an_address(kind: Any, shape: Shape) -> None:
    name = "Ann's MäcBook ann@acme.example <!here> \u202e"
    assert "MäcBook" not in made(kind, shape, with_device=False, about="okta", device=name)
    allowed = made(kind, shape, with_device=True, about="okta", device=name)
    assert "Ann's MäcBook … here" in allowed.replace("! ", " ").replace("  ", " ")
    assert "ann@" not in allowed and "acme.example <" not in allowed and "<" not in allowed


def test_only_the_device_is_free_text() -> None:
    """A new field of an occasion must be thought about here."""
    assert [field.name for field in fields(Occasion) if field.type == "str"] == ["about", "code", "device"]
    assert {field.name for field in fields(Occasion)} == {
        "kind", "about", "count", "of", "seconds", "code", "device",
    }  # fmt: skip


@pytest.mark.parametrize(
    "about", ["okta", "kolide_2", "connectors.kolide.api_key", "looks:kolide", "server.tls_cert_file"]
)
def test_names_of_the_configuration_stay(about: str) -> None:
    assert Occasion("dead", about).about == about


@pytest.mark.parametrize("about", ["", "Okta", "a b", "a@b", "a" * 41, "a.b.c.d.e", "é"])
def test_everything_else_is_nobody(about: str) -> None:
    assert Occasion("dead", about).about == NOBODY


def test_an_occasion_comes_back_from_its_document() -> None:
    occasion = Occasion("guard", "kolide", 5, 100, 3.5, "connect", "Ann's")
    assert occasion_of(occasion.document() | {"of_a_later_version": 1}) == occasion


def test_the_webhook_shape() -> None:
    message = Message(Occasion("drift", "kolide", 12, 100), 1_700_000_000.9, BRIDGE, left_out=4)
    document = json.loads(body_of(message, "webhook"))
    assert set(document) == {"type", "timestamp", "data"}
    assert (document["type"], document["timestamp"]) == ("connector.drift", "2023-11-14T22:13:20Z")
    data = document["data"]
    assert (data["bridge"], data["about"], data["count"], data["of"], data["left_out"]) == (
        BRIDGE,
        "kolide",
        12,
        100,
        4,
    )
    assert "12 of 100 devices" in data["text"] and data["runbook"] == "docs/operating.md#alarm-drift"
    assert re.fullmatch(r"[a-zA-Z0-9_.]+", document["type"])


def test_the_slack_shape() -> None:
    message = Message(Occasion("unwell", "okta", seconds=7300, code="timeout"), 0.0, BRIDGE, left_out=2)
    document = json.loads(body_of(message, "slack"))
    assert set(document) == {"text", "blocks"}
    assert document["text"].startswith(
        "The receiver okta takes no SETs. Nothing could be delivered for 2 hours (timeout)."
    )
    kinds = [(block["type"], block.get("text", {}).get("type")) for block in document["blocks"]]
    assert kinds == [("header", "plain_text"), ("section", "plain_text"), ("context", None)]
    assert "2 more like this were left out" in document["blocks"][1]["text"]["text"]
    assert len(document["blocks"][0]["text"]["text"]) <= 150  # Slack's limit for a header


def test_still() -> None:
    message = Message(Occasion("dead", "okta", 1), 0.0, BRIDGE)
    assert json.loads(body_of(replace(message, still=True), "webhook"))["data"]["title"].startswith("Still: SETs")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "0 seconds"), (float("nan"), "0 seconds"), (59, "59 seconds"), (60, "1 minute"), (150, "2 minutes"),
     (7199, "119 minutes"), (7200, "2 hours"), (14 * 86400, "14 days"), (float("inf"), "11574074 days")],
)  # fmt: skip
def test_spans(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_what_ran_out_is_not_said_to_be_valid_and_a_key_does_not_run_out() -> None:
    certificate = Occasion("expiring", "server.tls_cert_file", seconds=86400.0 * 3)
    assert say(certificate).text == "It is valid for 3 days more."
    assert say(replace(certificate, seconds=-5.0)).text == "It is no longer valid."
    key = say(Occasion("expiring", SIGNING_KEY))
    assert "valid" not in key.text and "runs out" not in key.title and "caep-bridge keys rotate" in key.remedy


@pytest.mark.parametrize("kind", KINDS)
def test_every_command_that_an_alarm_names_is_one(kind: Any) -> None:
    for words in re.findall(r"`caep-bridge ([^`]+)`", say(Occasion(kind, "okta")).remedy):
        chain, _, rest = application().parse_commands(words.split())
        assert chain and all(word in ("ID", "NAME", "okta", "--state", "dead") for word in rest), words


@pytest.mark.parametrize("kind", KINDS)
def test_every_anchor_is_a_heading_of_the_manual(kind: Any) -> None:
    manual = (Path(__file__).parents[2] / "docs/operating.md").read_text()
    assert f'<a id="{say(Occasion(kind)).anchor}"></a>' in manual
