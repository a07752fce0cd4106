"""The push endpoint answers as RFC 8935 §2 has it, over TLS."""

from __future__ import annotations

from pathlib import Path

import httpx2 as httpx
from joserfc import jwt

from tests.independent import keys
from tests.independent.authority import Authority
from tests.independent.endpoint import PushEndpoint
from tests.independent.sets import SecurityEvent, validate
from tests.independent.test_sets import CLAIMS, EXPECTED, KEY, NOW, public

HEADERS = {"content-type": "application/secevent+jwt", "accept": "application/json"}


async def test_a_set_is_judged_and_answered(tmp_path: Path) -> None:
    def judge(text: str) -> SecurityEvent:
        return validate(text, keys.read(public()), EXPECTED, NOW)

    good = jwt.encode({"typ": "secevent+jwt", "alg": "RS256", "kid": "k1"}, CLAIMS, KEY, default_type=None)
    authority = Authority(tmp_path)
    async with PushEndpoint(authority.server()) as endpoint, client(authority) as http:
        inbox = endpoint.inbox("/in")
        inbox.judge = judge
        taken = await http.post(inbox.url, content=good, headers=HEADERS)
        assert (taken.status_code, taken.content) == (202, b"")
        refused = await http.post(inbox.url, content=good[:-4], headers=HEADERS)
        assert refused.status_code == 400 and refused.headers["content-language"] == "en"
        assert refused.json()["err"] == "invalid_key"
        kind = await http.post(inbox.url, content=good, headers=HEADERS | {"content-type": "application/jwt"})
        assert kind.json()["err"] == "invalid_request"
        inbox.scripted = [503]
        assert (await http.post(inbox.url, content=good, headers=HEADERS)).status_code == 503
        assert [event.jti for event in inbox.events] == [CLAIMS["jti"]] and len(inbox.refusals) == 2
        assert (await http.post(f"{endpoint.url}/elsewhere", content=good)).status_code == 404
        assert endpoint.strays == ["POST /elsewhere"]


def client(authority: Authority) -> httpx.AsyncClient:
    return httpx.AsyncClient(verify=authority.client(), trust_env=False)
