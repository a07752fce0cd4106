"""What a schema cannot say: where SETs may be pushed to and are polled, and how a vendor proves itself.

Loaded by Schemathesis, not by pytest.
"""

from __future__ import annotations

from typing import Any

import requests
import schemathesis
from hypothesis import strategies as st

from bridge.ssf.configuration import POLL_METHODS
from tests.e2e.webhooks import signature

_HOSTS = st.sampled_from(["receiver.example", "xn--bcher-kva.example", "93.184.216.34", "[2606:4700::1111]"])
_PORTS = st.just("") | st.integers(1, 65535).map(":{}".format)
_PATHS = st.from_regex(r"\A(/[A-Za-z0-9._~!$&'()*+,;=:@?-]{0,40}){0,4}\Z")

schemathesis.openapi.format("uri", st.builds("https://{}{}{}".format, _HOSTS, _PORTS, _PATHS))


@schemathesis.hook
def filter_body(context: schemathesis.HookContext, body: Any) -> bool:
    """Whether it may be tried."""
    if context.operation.label in ("PATCH /ssf/streams", "PUT /ssf/streams"):
        return not _moves_a_poll(body)
    return context.operation.label != "POST /ssf/poll/{stream_id}" or not _says_both(body)


def _moves_a_poll(body: Any) -> bool:
    """The place of a poll is the transmitter's, and must be as it is (SSF 1.0 §8.1.1.3)."""
    delivery = body.get("delivery") if isinstance(body, dict) else None
    return isinstance(delivery, dict) and delivery.get("method") in POLL_METHODS and "endpoint_url" in delivery


def _says_both(body: Any) -> bool:
    """A SET is acknowledged or refused."""
    acks, errors = (body.get("ack"), body.get("setErrs")) if isinstance(body, dict) else (None, None)
    return isinstance(acks, list) and isinstance(errors, dict) and any(jti in acks for jti in errors)


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Webhooks are signed, so that their bodies are looked at."""
    if case.operation.path.startswith("/webhooks/"):
        kwargs["auth"] = _sign


def _sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
    body = request.body or b""
    request.headers["Authorization"] = signature(body.encode() if isinstance(body, str) else body)
    return request
