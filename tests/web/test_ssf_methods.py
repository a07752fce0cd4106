"""Which methods the routes of SSF take (RFC 9110 §9, §10.2.1), on a socket."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.guests import guests

pytestmark = pytest.mark.asyncio

SIEM = '[oauth.clients.siem]\naudience = "https://siem.example"\ntoken = "hush-1"\n'
BEARER = {"authorization": "Bearer hush-1"}


async def test_head_goes_where_get_does(tmp_path: Path) -> None:
    async with guests(tmp_path, SIEM) as house:
        url = house.url("/ssf/probe")
        async with house.session.get(url, headers=BEARER) as got:
            length = got.headers["content-length"]
        async with house.session.head(url, headers=BEARER) as answer:
            assert (answer.status, answer.headers["content-length"]) == (200, length)
            assert await answer.read() == b""
        async with house.session.head(url) as answer:
            assert answer.status == 401


async def test_allow_names_all_that_work(tmp_path: Path) -> None:
    async with guests(tmp_path, SIEM) as house:
        asking = house.session.options(house.url("/ssf/probe"), headers=BEARER)
        async with asking as answer:
            assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD, POST")
