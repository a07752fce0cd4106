"""What the language can carry: vendors that are not like the first one, as small manifests of an admin's own."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from bridge.connector.connector import Connector
from bridge.errors import Misfit, Unauthenticated
from bridge.model import LookFailed, Owner
from bridge.outbound import Answer
from tests.connector.scene import NOW, Hand, Next, Vendor, failed, make, verified, webhook

HEAD = """\
language = 1
title = "Own"
auth = { scheme = "secret-header", header = "X-Secret", secret = "secret" }
[settings]
secret = { secret = true, many = true }
"""

# -- no API: the webhook carries owner and status -----------------------------------------------
STATUS_ONLY = (
    HEAD
    + """
[request]
type = "body.EventType"
at = "ms_date(body.EventTime)"
[[on]]
events = ["ComplianceStatusChanged"]
device = "id(body.DeviceId)"
name = "body.DeviceFriendlyName"
owner = "body.EnrollmentEmailAddress"
finding.key = "'status'"
finding.title = "'not compliant: ' + body.ComplianceStatus"
finding.state = '''
body.ComplianceStatus == "NonCompliant" ? "failing" : body.ComplianceStatus == "Compliant" ? "passing" : ""
'''
[judge.state]
failing = "true"
without_api = true
"""
)


@pytest.mark.parametrize(("status", "state"), [("NonCompliant", "failing"), ("Compliant", "passing"), ("Odd", None)])
def test_a_webhook_with_owner_and_status(tmp_path: Path, status: str, state: str | None) -> None:
    connector = make(tmp_path, STATUS_ONLY, {"secret": "s", "judge": "state"})
    assert not connector.has_api and connector.judge.without_api
    body = {
        "EventType": "ComplianceStatusChanged",
        "EventTime": "/Date(1793527200123)/",
        "DeviceId": 616,
        "DeviceFriendlyName": "ada iPhone",
        "EnrollmentEmailAddress": "ada@example.com",
        "ComplianceStatus": status,
    }
    parsed = connector.parse(verified(body))
    [statement] = parsed.statements
    assert (statement.device_id, statement.owner, parsed.at) == ("616", Owner(None, "ada@example.com"), NOW + 0.123)
    assert (statement.finding and statement.finding.state) == state
    if statement.finding:
        verdict = connector.judge([statement.finding], None, held=None, now=NOW)
        assert verdict.status == ("not-compliant" if state == "failing" else "compliant")


async def test_without_an_api_nothing_is_looked_at(tmp_path: Path) -> None:
    with pytest.raises(LookFailed):
        await make(tmp_path, STATUS_ONLY, {"secret": "s", "judge": "state"}).snapshot("616", NOW)


# -- many devices in one webhook, by their ids; client credentials; a status by expression -------
GROUPS = (
    HEAD
    + """
base_url = {}
client_id = {}
client_secret = { secret = true }
group_id = {}
group_means = { choices = ["non_compliant", "compliant"] }
[request]
at = "ms(body.webhook.eventTimestamp)"
type = "body.webhook.webhookEvent"
test = 'body.webhook.webhookEvent.endsWith("(TEST)")'
[[on]]
events = ["SmartGroupComputerMembershipChange"]
when = "id(body.event.jssid) == settings.group_id"
each = ["body.event.groupAddedDevicesIds", "body.event.groupRemovedDevicesIds"]
device = "id(item)"
[[on]]
events = ["ComputerAdded"]
device = "id(body.event.jssID)"
[api]
base = "{settings.base_url}"
concurrency = 5
oauth = { token = "/api/oauth/token", client_id = "client_id", client_secret = "client_secret", scope = "read" }
[look]
device = { get = "/api/v1/computers-inventory-detail/{device.id}", gone = [404] }
[snapshot]
from = "look.device"
id = "id(item.id)"
owner = "item.userAndLocation.email"
seen_at = "timestamp(item.general.lastContactTime)"
status = '''
item.groupMemberships.exists(g, id(g.groupId) == settings.group_id) == (settings.group_means == "compliant")
  ? "compliant" : "not-compliant"
'''
[judge.group]
status = { compliant = "compliant", "not-compliant" = "not-compliant" }
reason = '"in the smart group: " + snapshot.status'
"""
)
JAMF = {
    "secret": "s",
    "base_url": "https://api.vendor.example",
    "client_id": "id 1",
    "client_secret": "cs&1",
    "group_id": "31",
    "group_means": "non_compliant",
    "judge": "group",
}
TOKEN = "POST /api/oauth/token"
ASKED = "GET /api/v1/computers-inventory-detail/1201"


def membership(group: int = 31, added: Any = (1201, 1202), removed: Any = (7,)) -> dict[str, Any]:
    return {
        "webhook": {"webhookEvent": "SmartGroupComputerMembershipChange", "eventTimestamp": 1793527200123},
        "event": {"jssid": group, "groupAddedDevicesIds": list(added), "groupRemovedDevicesIds": list(removed)},
    }


def computer(*groups: int) -> dict[str, Any]:
    return {
        "id": "1201",
        "general": {"lastContactTime": "2026-11-01T09:00:00Z"},
        "userAndLocation": {"email": "a@b.c"},
        "groupMemberships": [{"groupId": str(group), "smartGroup": True} for group in groups],
    }


def jamf(tmp_path: Path, vendor: Vendor | None = None, clock: Hand | None = None, **more: Any) -> Connector:
    return make(tmp_path, GROUPS, JAMF | more, vendor, clock)


def test_one_webhook_names_many_devices(tmp_path: Path) -> None:
    connector = jamf(tmp_path)
    assert [one.device_id for one in connector.parse(verified(membership())).statements] == ["1201", "1202", "7"]
    assert connector.parse(verified(membership(group=5))).ignored == "not_concerned"
    assert connector.parse(verified(membership(added=(), removed=()))).ignored == "not_concerned"
    many = connector.parse(verified(membership(added=range(9000), removed=())))
    assert len(many.statements) == 9000
    tested = membership()
    tested["webhook"]["webhookEvent"] += "(TEST)"
    assert connector.parse(verified(tested)).ignored == "test"


def test_a_misfit_among_many_keeps_the_others(tmp_path: Path) -> None:
    with pytest.raises(Misfit) as caught:
        jamf(tmp_path).parse(verified(membership(added=(1, {"x": 1}, 3, None))))
    assert caught.value.device_ids == ("1", "3", "7")


def test_the_header_secret(tmp_path: Path) -> None:
    connector = jamf(tmp_path, secret=["old", "new"])
    connector.verify(webhook({}, {"x-secret": "old"}))
    with pytest.raises(Unauthenticated):
        connector.verify(webhook({}, {"x-secret": "other"}))


@pytest.mark.parametrize(
    ("means", "groups", "status"),
    [
        ("non_compliant", [31], "not-compliant"),
        ("non_compliant", [5], "compliant"),
        ("non_compliant", [], "compliant"),
        ("compliant", [31], "compliant"),
        ("compliant", [5], "not-compliant"),
    ],
)
async def test_a_status_by_expression(tmp_path: Path, means: str, groups: list[int], status: str) -> None:
    vendor = Vendor({TOKEN: {"access_token": "t1", "expires_in": 1200}, ASKED: computer(*groups)})
    connector = jamf(tmp_path, vendor, group_means=means)
    found = await connector.snapshot("1201", NOW)
    assert (found.status, found.owner) == (status, Owner(None, "a@b.c"))
    verdict = connector.judge(found.findings, found.status, held=None, now=NOW)
    assert (verdict.status, verdict.reason) == (status, f"in the smart group: {status}")


@pytest.mark.parametrize("memberships", [..., "x", {}, 7])
async def test_a_missing_list_is_never_an_empty_one(tmp_path: Path, memberships: Any) -> None:
    row = computer() | {"groupMemberships": memberships}
    if memberships is ...:
        del row["groupMemberships"]
    with pytest.raises(LookFailed) as caught:
        await jamf(tmp_path, Vendor({TOKEN: {"access_token": "t"}, ASKED: row})).snapshot("1201", NOW)
    assert caught.value.kind == "malformed"


async def test_a_list_that_is_null_is_no_status(tmp_path: Path) -> None:
    vendor = Vendor({TOKEN: {"access_token": "t"}, ASKED: computer() | {"groupMemberships": None}})
    assert (await jamf(tmp_path, vendor).snapshot("1201", NOW)).status is None


async def test_a_token_is_kept_until_shortly_before_its_end(tmp_path: Path) -> None:
    tokens = [Next({"access_token": f"t{number}", "expires_in": 1200}) for number in (1, 2)]
    vendor, clock = Vendor({TOKEN: tokens, ASKED: computer()}), Hand()
    connector = jamf(tmp_path, vendor, clock)
    for wait in (0, 1000, 200):
        clock.at += wait
        await connector.snapshot("1201", NOW)
    assert vendor.asked == [TOKEN, ASKED, ASKED, TOKEN, ASKED]
    assert [vendor.headers[at]["authorization"] for at in (1, 2, 4)] == ["Bearer t1", "Bearer t1", "Bearer t2"]
    form = parse_qs((vendor.bodies[0] or b"").decode())
    assert form == {
        "grant_type": ["client_credentials"],
        "scope": ["read"],
        "client_id": ["id 1"],
        "client_secret": ["cs&1"],
    }


async def test_a_token_that_is_refused_is_fetched_anew_once(tmp_path: Path) -> None:
    tokens = [Next({"access_token": f"t{number}", "expires_in": 1200}) for number in (1, 2)]
    answers = {TOKEN: tokens, ASKED: [Next((401, {})), Next(computer())]}
    assert (await jamf(tmp_path, Vendor(answers)).snapshot("1201", NOW)).present
    vendor = Vendor({TOKEN: {"access_token": "t"}, ASKED: (401, {})})
    with pytest.raises(LookFailed) as caught:
        await jamf(tmp_path, vendor).snapshot("1201", NOW)
    assert caught.value.kind == "denied" and len(vendor.asked) == 4


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((400, {}), "denied"),
        ((401, {"error": "cs&1"}), "denied"),
        ((500, {}), "down"),
        ((429, {}), "limited"),
        ((404, {}), "missing"),
        ({}, "malformed"),
        ({"access_token": 5}, "malformed"),
        ({"access_token": "a\nb"}, "malformed"),
        (Answer(200, {}, b"<html>"), "malformed"),
        (failed("dns"), "down"),
    ],
)
async def test_no_token(tmp_path: Path, answer: Any, kind: str) -> None:
    with pytest.raises(LookFailed) as caught:
        await jamf(tmp_path, Vendor({TOKEN: answer})).snapshot("1201", NOW)
    assert caught.value.kind == kind and "cs&1" not in str(caught.value)


async def test_client_credentials_in_the_header(tmp_path: Path) -> None:
    text = GROUPS.replace('scope = "read"', 'style = "basic"')
    vendor = Vendor({TOKEN: {"access_token": "t"}, ASKED: computer()})
    await make(tmp_path, text, JAMF, vendor).snapshot("1201", NOW)
    assert vendor.headers[0]["authorization"] == "Basic " + base64.b64encode(b"id+1:cs%261").decode()
    assert b"client_secret" not in (vendor.bodies[0] or b"")


# -- unsigned, a secret in the address, a list of hosts, three-valued findings -------------------
HOSTS = """\
language = 1
title = "Own"
auth = { scheme = "secret-path", param = "token", secret = "secret" }
[settings]
secret = { secret = true }
api_token = { secret = true }
base_url = { default = "https://api.vendor.example" }
[request]
at = "timestamp(body.timestamp)"
[[on]]
each = "body.hosts"
device = "id(item.id)"
name = "item.display_name"
finding.key = "id(body.policy.id)"
finding.title = "body.policy.name"
finding.severity = 'body.policy.critical ? "critical" : ""'
[api]
base = "{settings.base_url}/api/v1/fleet"
bearer = "api_token"
[look]
host = { get = "/hosts/{device.id}", items = "host", gone = [404] }
mapping = { get = "/hosts/{device.id}/device_mapping", items = "device_mapping", none = [404] }
[snapshot]
owner = 'pick(look.mapping, "source", ["mdm_idp_accounts", "identity_provider"], "email")'
keep_when = 'look.host.policies.exists(p, p.response == "")'
[snapshot.finding]
each = "look.host.policies"
key = "id(item.id)"
title = "item.name"
state = 'item.response == "fail" ? "failing" : item.response == "pass" ? "passing" : ""'
severity = 'item.critical ? "critical" : ""'
[judge.critical]
failing = 'finding.severity == "critical"'
[judge.any]
failing = "true"
without_api = true
"""


def fleet(tmp_path: Path, vendor: Vendor | None = None, judge: str = "any") -> Connector:
    return make(tmp_path, HOSTS, {"secret": "pw", "api_token": "t", "judge": judge}, vendor)


def test_a_secret_in_the_address_and_a_list_of_hosts(tmp_path: Path) -> None:
    body = {
        "timestamp": "2026-11-01T10:00:00Z",
        "policy": {"id": 3, "name": "Disk encryption on", "critical": True},
        "hosts": [{"id": 17, "display_name": "lap-a"}, {"id": 18, "display_name": "lap-b"}],
    }
    connector = fleet(tmp_path)
    parsed = connector.parse(connector.verify(webhook(body, query="token=pw")))
    assert [(one.device_id, one.name, one.finding and one.finding.key) for one in parsed.statements] == [
        ("17", "lap-a", "3"),
        ("18", "lap-b", "3"),
    ]
    assert (parsed.type, parsed.delivery_id) == ("", None)
    with pytest.raises(Unauthenticated):
        connector.verify(webhook(body, query="token=wrong"))


async def test_findings_of_three_values(tmp_path: Path) -> None:
    host = {
        "id": 17,
        "policies": [
            {"id": 3, "name": "Disk", "critical": True, "response": "fail"},
            {"id": 4, "name": "Screen", "critical": False, "response": "fail"},
            {"id": 5, "name": "Wifi", "critical": False, "response": "pass"},
        ],
    }
    mapping = [
        {"email": "chrome@x.y", "source": "google_chrome_profiles"},
        {"email": "a@b.c", "source": "identity_provider"},
    ]
    base = "GET /api/v1/fleet/hosts/17"
    vendor = Vendor({base: {"host": host}, f"{base}/device_mapping": {"device_mapping": mapping}})
    connector = fleet(tmp_path, vendor, "critical")
    found = await connector.snapshot("17", NOW)
    assert found.owner == Owner(None, "a@b.c") and not found.keep
    assert [(one.key, one.state) for one in found.findings] == [("3", "failing"), ("4", "failing"), ("5", "passing")]
    verdict = connector.judge(found.findings, None, held=None, now=NOW)
    assert (verdict.status, verdict.reason) == ("not-compliant", "Disk")
    host["policies"].append({"id": 6, "name": "New", "critical": True, "response": ""})  # type: ignore  # JSON
    found = await connector.snapshot("17", NOW)
    assert found.keep and len(found.findings) == 3
