"""One question to Okta's management API and its answer: the only place of this wing where something goes out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import orjson

from bridge.clock import Clock, Ids
from bridge.config import Receiver
from bridge.okta.proof import ApiToken, PrivateKeyJwt, Proof
from bridge.okta.words import Kind, OktaTrouble, date_of, nearly_used_up, next_link, trouble, wait_of
from bridge.outbound import Answer, ConnectFailed, Outbound

TIMEOUT: Final = 8.0
"""Seconds for one answer."""


@dataclass(frozen=True, slots=True)
class Page:
    """A good answer: `tree` is its JSON, `next` the URL of the page after it, `date` Okta's clock."""

    tree: Any
    next: str | None
    date: float | None


class OktaApi:
    """`base` is the origin of the organisation, without a slash at the end.

    After a 429, or when a tenth of a rate limit is left, nothing more is asked until the limit begins anew: sign-ins
    and other integrations of the organisation share it.
    """

    def __init__(self, base: str, proof: Proof, outbound: Outbound, clock: Clock) -> None:
        self.base = base
        self._proof = proof
        self._outbound = outbound
        self._clock = clock
        self._closed_until = 0.0

    async def get(self, label: str, path: str, query: Mapping[str, str], scope: str) -> Page:
        """`label` names the question without any value in it. Raises OktaTrouble for all but a 2xx with JSON."""
        return await self._page(label, self.base + path + (f"?{urlencode(query)}" if query else ""), scope)

    async def pages(
        self, label: str, path: str, query: Mapping[str, str], scope: str, most: int
    ) -> AsyncIterator[list[Any]]:
        """The lists of up to `most` pages, following Okta's links. Raises OktaTrouble, also if there are more."""
        page = await self.get(label, path, query, scope)
        yield _listed(label, page)
        for _ in range(most - 1):
            if page.next is None:
                return
            page = await self._page(label, page.next, scope)
            yield _listed(label, page)
        if page.next is not None:
            raise OktaTrouble("malformed", f"{label}: there are more than {most} pages")

    async def send(self, label: str, method: str, path: str, scope: str, body: object = None) -> Any:
        """A change. The JSON of the answer, None if it is empty. Raises OktaTrouble."""
        content = None if body is None else orjson.dumps(body)
        answer = await self._asked(label, method, self.base + path, scope, content)
        return _json(label, answer) if answer.body else None

    async def _page(self, label: str, url: str, scope: str) -> Page:
        answer = await self._asked(label, "GET", url, scope, None)
        return Page(_json(label, answer), next_link(answer.headers, self.base), date_of(answer.headers))

    async def _asked(self, label: str, method: str, url: str, scope: str, body: bytes | None) -> Answer:
        wait = self._closed_until - self._clock.monotonic()
        if wait > 0:
            raise OktaTrouble("limited", f"{label}: not asked, to spare Okta's rate limit", wait=wait, sent=False)
        answer = await self._with_proof(label, method, url, scope, body)
        if answer.status == 401:
            self._proof.forget()
            answer = await self._with_proof(label, method, url, scope, body)
        if answer.status == 429 or nearly_used_up(answer.headers):
            self._closed_until = self._clock.monotonic() + wait_of(answer.headers, self._clock.now())
        if not 200 <= answer.status <= 299:
            raise self._trouble(label, answer)
        return answer

    async def _with_proof(self, label: str, method: str, url: str, scope: str, body: bytes | None) -> Answer:
        headers = {"authorization": await self._proof.header(scope, self._form), "accept": "application/json"}
        if body is not None:
            headers["content-type"] = "application/json"
        return await self._fetch(label, method, url, headers, body)

    async def _form(self, path: str, body: bytes) -> bytes:
        headers = {"accept": "application/json", "content-type": "application/x-www-form-urlencoded"}
        answer = await self._fetch("the token", "POST", self.base + path, headers, body)
        if not 200 <= answer.status <= 299:
            raise self._token_trouble(answer)
        return answer.body

    async def _fetch(self, label: str, method: str, url: str, headers: dict[str, str], body: bytes | None) -> Answer:
        try:
            return await self._outbound.request(method, url, headers=headers, body=body, timeout=TIMEOUT)
        except ConnectFailed as failed:
            kind: Kind = "malformed" if failed.code == "too_large" else "down"
            words = f"{label}: {failed.code}: {failed.words}"
            raise OktaTrouble(kind, words, sent=not failed.certainly_not_sent) from None

    def _trouble(self, label: str, answer: Answer) -> OktaTrouble:
        return trouble(label, answer.status, answer.headers, answer.body, self._proof.secrets, self._clock.now())

    def _token_trouble(self, answer: Answer) -> OktaTrouble:
        found = self._trouble("the token", answer)
        if found.kind != "invalid":
            return found
        advice = {
            "invalid_scope": "; grant the scope to the app, under Okta API Scopes",
            "invalid_client": "; are client id, key and this machine's clock right, and is the public key in the app?",
            "invalid_dpop_proof": '; switch off "Require DPoP" in the app: it is not supported here',
        }.get(found.code, "")
        return OktaTrouble("unauthorized", f"{found}{advice}", code=found.code)


def api_of(receiver: Receiver, outbound: Outbound, clock: Clock, ids: Ids) -> OktaApi | None:
    """The API of a receiver with a read credential; None without one."""
    base = base_of(receiver)
    if receiver.api_token is not None:
        return OktaApi(base, ApiToken(receiver.api_token), outbound, clock)
    if receiver.api_client_id is not None and receiver.api_private_key is not None:
        proof = PrivateKeyJwt(receiver.api_client_id, receiver.api_private_key, receiver.api_key_id, base, clock, ids)
        return OktaApi(base, proof, outbound, clock)
    return None


def base_of(receiver: Receiver) -> str:
    """`api_url`, else the origin of the audience."""
    parts = urlsplit(receiver.api_url or receiver.audience)
    return f"{parts.scheme}://{parts.netloc}"


def _json(label: str, answer: Answer) -> Any:
    try:
        return orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        kind = answer.headers.get("content-type", "no content type").partition(";")[0][:40]
        raise OktaTrouble("malformed", f"{label}: the answer is not JSON ({kind})") from None


def _listed(label: str, page: Page) -> list[Any]:
    if not isinstance(page.tree, list):
        raise OktaTrouble("malformed", f"{label}: the answer is not a list")
    return page.tree
