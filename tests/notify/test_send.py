"""One try over real HTTP: what the channel sees, and what its answer comes to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

import bridge.notify.send
from bridge.clock import SystemClock
from bridge.notify.retry import FIRST, MOST, Sent, classify, pause
from bridge.notify.send import Target, send
from bridge.outbound import Outbound
from tests.histories.ports import Dice
from tests.notify.conftest import KEY, Open, genuine

BODY = '{"type":"notify.test","a":"é"}'


@pytest.fixture
async def outbound() -> AsyncIterator[Outbound]:
    made = Outbound(insecure=True, user_agent="caep-bridge/test", limit_per_host=4)
    yield made
    await made.close()


def target(url: str) -> Target:
    return Target("ops", "webhook", "http://x", url, (KEY,), frozenset(), 900.0, False)


async def test_a_webhook_is_signed_over_the_bytes_that_are_sent(outbound: Outbound, channel: Open) -> None:
    ops = await channel(204)
    assert await send(outbound, target(ops.url), "01ID", BODY, SystemClock()) == Sent("sent", "204")
    headers, body = ops.got[0]
    assert body == BODY.encode() and genuine(headers, body)
    assert headers["webhook-id"] == "01ID" and headers["content-type"] == "application/json"
    assert abs(int(headers["webhook-timestamp"]) - SystemClock().now()) < 5


async def test_slack_is_not_signed(outbound: Outbound, channel: Open) -> None:
    chat = await channel()
    await send(outbound, replace(target(chat.url), shape="slack", keys=()), "01ID", BODY, SystemClock())
    assert not [name for name in chat.got[0][0] if name.startswith("webhook-")]


async def test_a_redirect_is_not_followed(outbound: Outbound, channel: Open) -> None:
    elsewhere = await channel()
    for status in (301, 302, 307, 308):
        ops = await channel(status, Location=elsewhere.url)
        assert await send(outbound, target(ops.url), "01ID", BODY, SystemClock()) == Sent("failed", str(status))
    assert elsewhere.got == []


async def test_one_that_hangs_fails_in_time(outbound: Outbound, channel: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge.notify.send, "TIMEOUT", 0.3)
    ops = await channel(0)
    assert await send(outbound, target(ops.url), "01ID", BODY, SystemClock()) == Sent("failed", "timeout")


async def test_nobody_there(outbound: Outbound) -> None:
    assert (await send(outbound, target("http://127.0.0.1:9/x"), "01ID", BODY, SystemClock())).code == "connect"


@pytest.mark.parametrize(
    "url", ["https://169.254.169.254/latest", "http://127.0.0.1:1/", "https://metadata.google.internal/"]
)
async def test_the_address_guard_holds(url: str) -> None:
    outbound = Outbound(insecure=False, user_agent="caep-bridge/test", limit_per_host=4)
    assert await send(outbound, target(url), "01ID", BODY, SystemClock()) == Sent("failed", "refused_address")
    await outbound.close()


@pytest.mark.parametrize(
    ("status", "asked", "expected"),
    [
        (200, "", Sent("sent", "200")),
        (299, "", Sent("sent", "299")),
        (302, "", Sent("failed", "302")),
        (404, "", Sent("failed", "404")),
        (410, "60", Sent("gone", "410")),
        (429, "30", Sent("failed", "429", 30.0)),
        (503, "999999999999999999", Sent("failed", "503", 3600.0)),
        (503, "soon", Sent("failed", "503")),
        (503, "²", Sent("failed", "503")),
    ],
)
def test_what_an_answer_means(status: int, asked: str, expected: Sent) -> None:
    assert classify(status, asked) == expected


def test_pauses_grow_to_an_hour_and_honour_what_is_asked() -> None:
    found = [pause(attempt, None, Dice()) for attempt in range(1, 40)]
    assert found[0] == FIRST / 2 and found[-1] == MOST / 2 and found == sorted(found)
    assert pause(1, 300.0, Dice()) == 300.0
