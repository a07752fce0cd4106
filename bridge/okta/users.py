"""Which logins exist at Okta: an unknown one is answered 202 and dropped without a word.

A false "unknown" would keep a device's failure from its receiver, so it takes Okta's own word for it. The filter of
the list finds most people in few calls, but it may mind upper and lower case and leaves out deactivated people: whom it
does not find is asked for by login, and only a 404 with Okta's own code for "no such user" counts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote

from bridge.okta.api import OktaApi
from bridge.okta.words import UNKNOWN_RESOURCE, OktaTrouble

SCOPE: Final = "okta.users.read"
TOGETHER: Final = 20
"""Logins in one filter."""
AT_ONCE: Final = 4
_LIST = "users (GET /api/v1/users)"
_ONE = "a user (GET /api/v1/users/{login})"


class Users:
    def __init__(self, api: OktaApi) -> None:
        self._api = api
        self._room = asyncio.Semaphore(AT_ONCE)

    async def known(self, logins: Sequence[str]) -> dict[str, bool]:
        """login → whether it exists; whom Okta does not clearly answer for is left out, and who is no address.

        Raises OktaTrouble.
        """
        addresses = [login for login in logins if "@" in login]
        there = set().union(*await asyncio.gather(*(self._listed(some) for some in _chunks(addresses))))
        left = [login for login in addresses if login.casefold() not in there]
        answers = dict(zip(left, await asyncio.gather(*(self._one(login) for login in left)), strict=True))
        found = {login: answers.get(login, True) for login in addresses}
        return {login: answer for login, answer in found.items() if answer is not None}

    async def _listed(self, logins: Sequence[str]) -> set[str]:
        wanted = " or ".join(f'profile.login eq "{_escaped(login)}"' for login in logins)
        async with self._room:
            page = await self._api.get(_LIST, "/api/v1/users", {"filter": wanted, "limit": "200"}, SCOPE)
        if not isinstance(page.tree, list):
            raise OktaTrouble("malformed", f"{_LIST}: the answer is not a list")
        return {login for one in page.tree if (login := _login(one))}

    async def _one(self, login: str) -> bool | None:
        try:
            async with self._room:
                page = await self._api.get(_ONE, f"/api/v1/users/{quote(login, safe='')}", {}, SCOPE)
        except OktaTrouble as problem:
            if problem.kind == "missing" and problem.code == UNKNOWN_RESOURCE:
                return False
            if problem.kind in ("missing", "invalid"):
                return None
            raise
        return True if _login(page.tree) == login.casefold() else None


def _chunks(logins: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(logins), TOGETHER):
        yield logins[start : start + TOGETHER]


def _escaped(login: str) -> str:
    return login.replace("\\", "\\\\").replace('"', '\\"')


def _login(user: Any) -> str:
    profile = user.get("profile") if isinstance(user, dict) else None
    login = profile.get("login") if isinstance(profile, dict) else None
    return login.casefold() if isinstance(login, str) else ""
