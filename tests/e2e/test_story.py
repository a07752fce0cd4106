"""Webhooks in, SETs out: what each receiver is told, over real processes and sockets."""

from __future__ import annotations

import asyncio
from typing import Final

import pytest

from bridge.model import DEVICE_COMPLIANCE_CHANGE
from tests.e2e.rig import Rig, audience, email
from tests.e2e.service import ISSUER
from tests.e2e.times import wait_until
from tests.e2e.webhooks import changed, opened, resolved

pytestmark = pytest.mark.asyncio(loop_scope="module")

BAD: Final = "not-compliant"
GOOD: Final = "compliant"


async def test_two_issues_one_after_the_other_resolved_are_two_sets(line: Rig, number: int) -> None:
    laptop = line.api.add(number, owner=number)
    for hook in (opened(number, 1), opened(number, 2)):
        laptop.issues[hook.issue] = False
        await line.ring(hook)
        await line.quiet()
    del laptop.issues[1]
    await line.ring(resolved(number, 1))
    await line.quiet()
    for name in line.receivers:
        assert line.statuses(name, login=email(number)) == [BAD]
    del laptop.issues[2]
    await line.ring(resolved(number, 2))
    for name in line.receivers:
        await line.hears(name, BAD, GOOD, login=email(number))
    await line.settled()


async def test_each_profile_has_its_shape_and_the_same_event(line: Rig, number: int) -> None:
    line.api.add(number, owner=number).issues = {7: False}
    await line.ring(opened(number, 7))
    sets = {}
    for name in line.receivers:
        await line.hears(name, BAD, login=email(number))
        sets[name] = line.heard(name, login=email(number))[0].receipt
    members = {
        "user": {"format": "email", "email": email(number)},
        "device": {"format": "opaque", "id": f"kolide:{number}"},
    }
    for name, receipt in sets.items():
        claims = receipt.claims
        assert (claims["iss"], claims["aud"]) == (ISSUER, audience(name))
        assert receipt.header["alg"] == "RS256" and receipt.header["typ"] == "secevent+jwt"
        assert not claims.keys() & {"sub", "exp", "nbf"}
        assert isinstance(claims["iat"], int)
        assert "Issue 7" in claims["events"][DEVICE_COMPLIANCE_CHANGE]["reason_admin"]["en"]
    okta, ssf, sse = (sets[name].claims for name in ("okta", "ssf", "sse"))
    events = {name: dict(sets[name].claims["events"][DEVICE_COMPLIANCE_CHANGE]) for name in sets}
    assert events["okta"].pop("subject") == members
    assert events["sse"].pop("subject") == ssf["sub_id"] == sse["sub_id"] == {"format": "complex", **members}
    assert events["okta"] == events["ssf"] == events["sse"]
    assert not okta.keys() & {"sub_id", "txn"}
    assert ssf["txn"] == sse["txn"]
    assert len({claims["jti"] for claims in (okta, ssf, sse)}) == 3


async def test_what_was_compliant_at_first_sight_is_not_told(line: Rig, number: int) -> None:
    line.api.add(number, owner=number).issues = {1: True}
    await line.ring(changed(number))
    await line.quiet()
    store = await line.store()
    device = await store.device("kolide", str(number))
    assert device is not None and (device.status, device.reason) == (GOOD, "first_sight")
    assert not any(line.statuses(name, login=email(number)) for name in line.receivers)


async def test_a_webhook_that_comes_before_the_vendors_own_api_knows(line: Rig, number: int) -> None:
    """The look sees nothing, contradicts its doorbell, and is repeated after 5 s."""
    laptop = line.api.add(number, owner=number)
    await line.ring(opened(number))
    store = await line.store()
    await wait_until(lambda: store.device("kolide", str(number)))
    laptop.issues[1] = False
    for name in line.receivers:
        await line.hears(name, BAD, login=email(number))
    await line.settled()


async def test_out_of_order_and_repeated_webhooks_change_nothing(line: Rig, number: int) -> None:
    laptop = line.api.add(number, owner=number)
    laptop.issues[1] = False
    first, second = opened(number), resolved(number)
    await line.ring(first)
    await line.hears("ssf", BAD, device=number)
    laptop.issues.clear()
    await line.ring(second)
    await line.hears("ssf", BAD, GOOD, device=number)
    await line.ring(opened(number, at=first.at), first, second, first)  # an old one under a new id, and repeats
    await line.quiet()
    for name in line.receivers:
        assert line.statuses(name, login=email(number)) == [BAD, GOOD]


async def test_a_list_of_issues_in_pages_is_read_whole(line: Rig, number: int) -> None:
    line.api.page_size = 2
    line.api.add(number, owner=number).issues = {1: True, 2: True, 3: True, 4: True, 5: False}
    await line.ring(changed(number))
    await line.hears("ssf", BAD, device=number)
    assert line.api.asked[f"/devices/{number}/open_issues"] == 3
    line.api.page_size = 100


async def test_a_burst_for_one_device_is_few_looks(line: Rig, number: int) -> None:
    line.api.add(number, owner=number).issues = {1: False}
    await asyncio.gather(*(line.ring(opened(number, issue)) for issue in [1] * 60))
    await line.hears("ssf", BAD, device=number)
    await line.quiet()
    assert line.api.asked[f"/devices/{number}"] < 30
    assert line.statuses("okta", login=email(number)) == [BAD]


async def test_one_screen_says_why(line: Rig, number: int) -> None:
    line.api.add(number, owner=number).issues = {3: False}
    await line.ring(opened(number, 3))
    await line.hears("okta", BAD, login=email(number))
    await line.quiet()
    shown = await line.service.shown("devices", "show", str(number))
    assert (shown["status"], shown["login"]) == (BAD, email(number))
    assert {one["told"] for one in shown["receivers"]} == {BAD}
    listed = await line.service.shown("deliveries", "list", "--device", f"kolide/{number}")
    assert sorted(one["stream"] for one in listed) == ["okta", "sse", "ssf"]
    assert {one["state"] for one in listed} == {"delivered"}


async def test_what_is_counted(line: Rig, number: int) -> None:
    before = await line.metric("caep_bridge_webhook_to_acknowledged_seconds_count", stream="ssf")
    line.api.add(number, owner=number).issues = {1: False}
    await line.ring(opened(number))
    await line.hears("ssf", BAD, device=number)
    await wait_until(lambda: _one_more(line, before))
    assert await line.metric("caep_bridge_pending_deliveries", stream="ssf") == 0


async def _one_more(line: Rig, before: float) -> bool:
    return await line.metric("caep_bridge_webhook_to_acknowledged_seconds_count", stream="ssf") == before + 1


async def test_no_secret_and_no_address_in_the_log(line: Rig, number: int) -> None:
    line.api.add(number, owner=number).issues = {1: False}
    await line.ring(opened(number))
    await line.hears("ssf", BAD, device=number)
    text = line.service.log.read_text()
    assert "look.finished" in text and "set.delivered" in text
    for secret in (email(number), "e2e-api-key", "e2e-signing-secret", "eyJ"):
        assert secret not in text
