"""Which logins exist: only Okta's own clear word counts as "no"."""

from __future__ import annotations

import pytest

from bridge.okta.users import TOGETHER, Users
from bridge.okta.words import OktaTrouble
from bridge.outbound import Outbound
from tests.okta.standin import Org
from tests.okta.test_api import ADA, api


async def test_known_and_unknown(org: Org, outbound: Outbound) -> None:
    org.users[ADA] = "ACTIVE"
    assert await Users(api(org, outbound)).known([ADA, "bob@acme.example"]) == {ADA: True, "bob@acme.example": False}


async def test_upper_and_lower_case_and_deactivated_people(org: Org, outbound: Outbound) -> None:
    """The list's filter finds neither; the question by login does."""
    org.users |= {"Ada@Acme.example": "ACTIVE", "eve@acme.example": "DEPROVISIONED"}
    assert await Users(api(org, outbound)).known([ADA, "eve@acme.example"]) == {ADA: True, "eve@acme.example": True}


async def test_many_are_asked_together(org: Org, outbound: Outbound) -> None:
    logins = [f"p{number}@acme.example" for number in range(2 * TOGETHER + 1)]
    org.users |= dict.fromkeys(logins, "ACTIVE")
    assert await Users(api(org, outbound)).known(logins) == dict.fromkeys(logins, True)
    assert org.paths() == ["GET /api/v1/users"] * 3


async def test_a_404_that_is_not_oktas_is_no_answer(org: Org, outbound: Outbound) -> None:
    org.broken = 404, "<html>no such site</html>"
    with pytest.raises(OktaTrouble):
        await Users(api(org, outbound)).known([ADA])


@pytest.mark.parametrize("login", ["me", "00u1abc", "..", ""])
async def test_what_is_no_address_is_not_asked(org: Org, outbound: Outbound, login: str) -> None:
    assert await Users(api(org, outbound)).known([login]) == {}
    assert org.asked == []


@pytest.mark.parametrize("login", ['a"b@acme.example', "a\\b@acme.example", "a/../b@acme.example", "ü+x@acme.example"])
async def test_odd_logins(org: Org, outbound: Outbound, login: str) -> None:
    org.users[login] = "ACTIVE"
    assert await Users(api(org, outbound)).known([login]) == {login: True}
