"""What a schema cannot say: which URLs a receiver may have its SETs pushed to, and how a vendor proves itself.

Loaded by Schemathesis, not by pytest.
"""

from __future__ import annotations

from typing import Any

import requests
import schemathesis
from hypothesis import strategies as st

from tests.e2e.webhooks import signature

_HOSTS = st.sampled_from(["receiver.example", "xn--bcher-kva.example", "93.184.216.34", "[2606:4700::1111]"])
_PORTS = st.just("") | st.integers(1, 65535).map(":{}".format)
_PATHS = st.from_regex(r"\A(/[A-Za-z0-9._~!$&'()*+,;=:@?-]{0,40}){0,4}\Z")

schemathesis.openapi.format("uri", st.builds("https://{}{}{}".format, _HOSTS, _PORTS, _PATHS))


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case, kwargs: dict[str, Any]) -> None:
    """Webhooks are signed, so that their bodies are looked at."""
    if case.operation.path.startswith("/webhooks/"):
        kwargs["auth"] = _sign


def _sign(request: requests.PreparedRequest) -> requests.PreparedRequest:
    body = request.body or b""
    request.headers["Authorization"] = signature(body.encode() if isinstance(body, str) else body)
    return request
