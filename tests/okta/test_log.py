"""Whether a SET shows in the System Log."""

from __future__ import annotations

import time

import pytest

from bridge.okta.log import KEPT, SystemLog
from bridge.okta.words import OktaTrouble
from bridge.outbound import Outbound
from tests.okta.standin import READ_TOKEN, Org
from tests.okta.test_api import ADA, api

NOW = time.time()
SENT = NOW - 3600


async def seen(org: Org, outbound: Outbound, at: float = SENT) -> tuple[str, str]:
    found = await SystemLog(api(org, outbound)).seen("jti-7", ADA, at, NOW)
    return found.state, found.by


async def test_by_its_jti(org: Org, outbound: Outbound) -> None:
    org.log("jti-6", ADA, SENT + 1)
    org.log("jti-7", ADA, SENT + 2)
    found = await SystemLog(api(org, outbound)).seen("jti-7", ADA, SENT, NOW)
    assert (found.state, found.by, found.event) == ("seen", "jti", "uuid-2")
    assert found.at.startswith("20")


async def test_on_the_third_page(org: Org, outbound: Outbound) -> None:
    org.page = 2
    for number in range(5):
        org.log(f"other-{number}", "bob@acme.example", SENT + number)
    org.log("jti-7", ADA, SENT + 9)
    assert await seen(org, outbound) == ("seen", "jti")
    assert org.paths() == ["GET /api/v1/logs"] * 3


async def test_more_pages_than_are_read(org: Org, outbound: Outbound) -> None:
    org.page = 1
    for number in range(12):
        org.log(f"other-{number}", "bob@acme.example", SENT + number)
    with pytest.raises(OktaTrouble, match="more than 10 pages"):
        await seen(org, outbound)


async def test_a_log_without_jti_tells_person_and_time_at_most(org: Org, outbound: Outbound) -> None:
    org.hides_jti = True
    org.log("", "bob@acme.example", SENT)
    assert await seen(org, outbound) == ("not_seen", "")
    org.log("", ADA.upper(), SENT)
    assert await seen(org, outbound) == ("seen", "person")


async def test_another_set_about_the_person_is_not_ours(org: Org, outbound: Outbound) -> None:
    org.log("jti-8", ADA, SENT)
    assert await seen(org, outbound) == ("not_seen", "")


async def test_another_time_and_another_kind(org: Org, outbound: Outbound) -> None:
    org.log("jti-7", ADA, SENT - 600)
    org.log("jti-7", ADA, SENT + 1200)
    org.log("jti-7", ADA, SENT, kind="user.risk.detect")
    assert await seen(org, outbound) == ("not_seen", "")


async def test_just_sent_and_long_ago(org: Org, outbound: Outbound) -> None:
    assert await seen(org, outbound, NOW - 5) == ("not_yet", "")
    assert await seen(org, outbound, NOW - KEPT - 1) == ("too_old", "")
    assert len(org.asked) == 1


async def test_without_the_right(org: Org, outbound: Outbound) -> None:
    org.scopes[READ_TOKEN] = {"okta.users.read"}
    with pytest.raises(OktaTrouble, match="403"):
        await seen(org, outbound)
