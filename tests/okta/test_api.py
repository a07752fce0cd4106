"""Okta's API over real HTTP: proofs, refusals, rate limits, pages, and answers that are none."""

from __future__ import annotations

import pytest
from joserfc.jwk import RSAKey

from bridge.clock import SystemClock, SystemIds
from bridge.config import Receiver
from bridge.config.secret import Secret
from bridge.okta.api import OktaApi, api_of, base_of
from bridge.okta.proof import ApiToken
from bridge.okta.users import SCOPE, Users
from bridge.okta.words import OktaTrouble, next_link, trouble, wait_of
from bridge.outbound import Outbound
from tests.connector.scene import Hand
from tests.okta.standin import READ_TOKEN, Org

ADA = "ada@acme.example"


def api(org: Org, outbound: Outbound, token: str = READ_TOKEN, clock: Hand | None = None) -> OktaApi:
    return OktaApi(org.base, ApiToken(Secret(token)), outbound, clock or SystemClock())


async def refused(asked: OktaApi) -> OktaTrouble:
    with pytest.raises(OktaTrouble) as caught:
        await asked.get("users", "/api/v1/users", {"limit": "1"}, SCOPE)
    assert READ_TOKEN not in str(caught.value)
    return caught.value


async def test_a_token_travels_as_ssws(org: Org, outbound: Outbound) -> None:
    org.users[ADA] = "ACTIVE"
    page = await api(org, outbound).get("users", "/api/v1/users", {"limit": "1"}, SCOPE)
    assert [one["profile"]["login"] for one in page.tree] == [ADA]
    assert page.next is None
    assert page.date == pytest.approx(SystemClock().now(), abs=5)


async def test_a_wrong_token(org: Org, outbound: Outbound) -> None:
    problem = await refused(api(org, outbound, "wrong"))
    assert (problem.kind, problem.code) == ("unauthorized", "E0000011")
    assert str(problem) == "users: Okta answered 401 (E0000011: Invalid token provided)"


async def test_a_token_without_the_right(org: Org, outbound: Outbound) -> None:
    org.scopes[READ_TOKEN] = {"okta.logs.read"}
    assert (await refused(api(org, outbound))).kind == "forbidden"


async def test_a_token_that_no_header_can_carry(org: Org, outbound: Outbound) -> None:
    assert (await refused(api(org, outbound, "SSWS x"))).kind == "unauthorized"
    assert org.asked == []


async def test_a_used_up_limit_is_left_alone_until_it_begins_anew(org: Org, outbound: Outbound) -> None:
    clock = Hand()
    asked = api(org, outbound, clock=clock)
    org.remaining, org.reset_in, org.ahead = 0, 40.0, 3600.0
    problem = await refused(asked)
    assert problem.kind == "limited"
    assert problem.wait == pytest.approx(40, abs=2), "by Okta's own clock, not by ours"
    again = await refused(asked)
    assert (again.kind, again.sent, len(org.asked)) == ("limited", False, 1)
    org.remaining, clock.at = 500, clock.at + 45
    assert (await asked.get("users", "/api/v1/users", {}, SCOPE)).tree == []


async def test_the_last_tenth_of_a_limit_is_left_to_others(org: Org, outbound: Outbound) -> None:
    asked = api(org, outbound)
    org.remaining = 60
    assert (await asked.get("users", "/api/v1/users", {}, SCOPE)).tree == []
    assert (await refused(asked)).sent is False


@pytest.mark.parametrize(
    ("status", "kind"), [(200, "malformed"), (302, "malformed"), (404, "missing"), (502, "down"), (418, "invalid")]
)
async def test_html(org: Org, outbound: Outbound, status: int, kind: str) -> None:
    org.broken = status, "<html>Sign in</html>"
    assert (await refused(api(org, outbound))).kind == kind


async def test_nobody_there(outbound: Outbound) -> None:
    asked = OktaApi("http://127.0.0.1:1", ApiToken(Secret("x")), outbound, SystemClock())
    problem = await refused(asked)
    assert (problem.kind, problem.sent) == ("down", False)


# -- a service app -------------------------------------------------------------------------------


def receiver(org: Org, key: RSAKey, **more: object) -> Receiver:
    pem = key.as_pem(private=True).decode()
    given = {"api_url": org.base, "api_client_id": "0oa1", "api_private_key": pem, **more}
    return Receiver.model_validate({"profile": "okta", "audience": "https://acme.okta.com", **given})


@pytest.fixture(scope="module")
def key() -> RSAKey:
    return RSAKey.generate_key(2048)


async def test_a_service_app_gets_one_token_per_scope(org: Org, outbound: Outbound, key: RSAKey) -> None:
    org.client = key
    asked = api_of(receiver(org, key), outbound, SystemClock(), SystemIds())
    assert asked is not None
    org.users[ADA] = "ACTIVE"
    assert await Users(asked).known([ADA]) == {ADA: True}
    assert await Users(asked).known([ADA]) == {ADA: True}
    assert org.paths().count("POST /oauth2/v1/token") == 1


async def test_a_token_that_okta_takes_back_is_fetched_anew(org: Org, outbound: Outbound, key: RSAKey) -> None:
    org.client = key
    asked = api_of(receiver(org, key), outbound, SystemClock(), SystemIds())
    assert asked is not None
    await Users(asked).known([ADA])
    del org.scopes["access-okta.users.read"]
    assert await Users(asked).known([ADA]) == {ADA: False}


async def test_a_scope_that_is_not_granted(org: Org, outbound: Outbound, key: RSAKey) -> None:
    org.client, org.granted = key, {"okta.logs.read"}
    asked = api_of(receiver(org, key), outbound, SystemClock(), SystemIds())
    assert asked is not None
    problem = await refused(asked)
    assert problem.kind == "unauthorized"
    assert "grant the scope to the app" in str(problem)


async def test_a_key_that_the_app_does_not_have(org: Org, outbound: Outbound, key: RSAKey) -> None:
    org.client = RSAKey.generate_key(2048)
    asked = api_of(receiver(org, key), outbound, SystemClock(), SystemIds())
    assert asked is not None
    assert (await refused(asked)).kind == "unauthorized"


async def test_without_a_credential_there_is_no_api(outbound: Outbound) -> None:
    plain = Receiver.model_validate({"profile": "okta", "audience": "https://acme.okta.com/"})
    assert api_of(plain, outbound, SystemClock(), SystemIds()) is None
    assert base_of(plain) == "https://acme.okta.com"


# -- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (b'{"errorCode":"E0000007","errorSummary":"Not found: ada@acme.example (User)"}', "E0000007"),
        (b'{"errorCode":"E1","errorSummary":"your token is s3cret"}', "E1"),
        (b'{"errorCode":"E1","errorSummary":"a","errorCauses":[{"errorSummary":"b"},7]}', "E1: a; b"),
        (b'{"error":"invalid_scope","error_description":"no"}', "invalid_scope: no"),
        (b'{"errorCode":7}', ""),
        (b"[]", ""),
        (b"<html>", ""),
    ],
)
def test_what_is_shown_of_an_answer(body: bytes, shown: str) -> None:
    words = str(trouble("x", 400, {}, body, ["s3cret"], 0.0))
    assert words == (f"x: Okta answered 400 ({shown})" if shown else "x: Okta answered 400")


def test_the_next_page() -> None:
    link = '<https://a.example/l?x=1>; rel="self", <https://a.example/l?after=2>; rel="next"'
    assert next_link({"link": link}, "https://a.example") == "https://a.example/l?after=2"
    assert next_link({"link": '<https://a.example/l>; rel="self"'}, "https://a.example") is None
    assert next_link({}, "https://a.example") is None
    with pytest.raises(OktaTrouble, match="another address"):
        next_link({"link": link}, "https://b.example")


def test_how_long_a_limit_lasts() -> None:
    date = "Thu, 01 Jan 1970 00:16:40 GMT"
    assert wait_of({"x-rate-limit-reset": "1030", "date": date}, 5.0) == 30
    assert wait_of({"x-rate-limit-reset": "1030"}, 1010.0) == 20
    assert wait_of({"x-rate-limit-reset": "900", "date": date}, 0.0) == 1
    assert wait_of({"x-rate-limit-reset": "9999999999"}, 0.0) == 600
    assert wait_of({"x-rate-limit-reset": "nonsense", "retry-after": "7"}, 0.0) == 7
    assert wait_of({}, 0.0) == 60
