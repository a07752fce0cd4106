"""Requests for tokens as they come, and what is wrong with them (RFC 6749 §5.2)."""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import urlencode

import pytest
from authlib.oauth2.base import OAuth2Error, invalid_error_characters

from bridge.oauth import assertion
from bridge.oauth.request import MEDIA_TYPE, Proof, Request, granted, read

GRANT = "grant_type=client_credentials"
ASSERTION = "e30.eyJzdWIiOiJzaWVtIn0.x"
POST = f"{GRANT}&client_id=siem&client_secret=hush"
SIGNED = f"{GRANT}&{urlencode({'client_assertion_type': assertion.TYPE, 'client_assertion': ASSERTION})}"


def basic(pair: str = "siem:hush") -> str:
    return "Basic " + b64encode(pair.encode()).decode()


def asked(body: str, *authorization: str, kind: str = MEDIA_TYPE, query: str = "") -> Request:
    return read(kind, authorization, query, body.encode())


@pytest.mark.parametrize(
    ("request_", "proof"),
    [
        (asked(GRANT, basic()), Proof("siem", ("hush",))),
        (asked(GRANT, "bAsIc " + basic()[6:]), Proof("siem", ("hush",))),
        (asked(GRANT, basic("the%20siem:h%3Au+s%C3%A9")), Proof("the siem", ("h:u sé", "h%3Au+s%C3%A9"))),
        (asked(GRANT, basic("siem:a:b")), Proof("siem", ("a:b",))),
        (asked(GRANT, basic("siem:a+b/c%FF==")), Proof("siem", ("a b/c\ufffd==", "a+b/c%FF=="))),
        (asked(GRANT + "&client_id=siem", basic()), Proof("siem", ("hush",))),
        (asked(POST), Proof("siem", ("hush",))),
        (asked(POST, kind=f"{MEDIA_TYPE.upper()}; charset=utf-8"), Proof("siem", ("hush",))),
        (asked(POST + "&what=ever&client_assertion="), Proof("siem", ("hush",))),
        (asked(SIGNED), Proof("siem", assertion=ASSERTION)),
        (asked(SIGNED + "&client_id=siem"), Proof("siem", assertion=ASSERTION)),
    ],
)
def test_who_asks_and_how(request_: Request, proof: Proof) -> None:
    assert request_ == Request(proof, None)
    assert "hush" not in repr(request_) and ASSERTION not in repr(request_)


@pytest.mark.parametrize(
    ("body", "authorization", "error", "status"),
    [
        ("", [basic()], "invalid_request", 400),
        ("grant_type=", [basic()], "invalid_request", 400),
        ("grant_type=password", [basic()], "unsupported_grant_type", 400),
        ('grant_type="\u00fc', [basic()], "invalid_request", 400),
        ("grant_type=%22%5C%0A", [basic()], "unsupported_grant_type", 400),
        (GRANT + "&" + GRANT, [basic()], "invalid_request", 400),
        (GRANT + "&scope=%FF", [basic()], "invalid_request", 400),
        (GRANT + "&a=1" * 60, [basic()], "invalid_request", 400),
        (GRANT, [], "invalid_client", 401),
        (GRANT + "&client_id=siem", [], "invalid_client", 401),
        (GRANT + "&client_secret=hush", [], "invalid_client", 401),
        (GRANT, ["Basic"], "invalid_client", 401),
        (GRANT, ["Basic !"], "invalid_client", 401),
        (GRANT, ["Basic " + b64encode(b"siem").decode()], "invalid_client", 401),
        (GRANT, ["Basic " + b64encode(b"\xff:\xff").decode()], "invalid_client", 401),
        (GRANT, [basic("siem:")], "invalid_client", 401),
        (GRANT, [basic(":hush")], "invalid_client", 401),
        (GRANT, ["Bearer abc"], "invalid_client", 401),
        (GRANT, [basic(), basic()], "invalid_request", 400),
        (GRANT + "&client_assertion_type=x", [basic()], "invalid_request", 400),
        (POST + "&client_assertion_type=x", [], "invalid_request", 400),
        (GRANT + "&client_id=siem&client_assertion_type=x", [], "invalid_client", 401),
        (POST, [basic()], "invalid_request", 400),
        (SIGNED, [basic()], "invalid_request", 400),
        (SIGNED + "&client_secret=hush", [], "invalid_request", 400),
        (GRANT + "&client_id=other", [basic()], "invalid_request", 400),
        (SIGNED + "&client_id=other", [], "invalid_request", 400),
        (SIGNED.replace("jwt-bearer", "saml2-bearer"), [], "invalid_client", 401),
        (GRANT + "&client_assertion=" + ASSERTION, [], "invalid_client", 401),
        (SIGNED.replace("eyJz", "eyJ6"), [], "invalid_client", 401),
    ],
)
def test_what_is_wrong(body: str, authorization: list[str], error: str, status: int) -> None:
    with pytest.raises(OAuth2Error) as caught:
        asked(body, *authorization)
    assert (caught.value.error, caught.value.status_code) == (error, status)
    words = caught.value.get_error_description()
    assert words and not invalid_error_characters(words) and "hush" not in words


@pytest.mark.parametrize("kind", ["", "application/json", "multipart/form-data; boundary=x", "text/plain"])
def test_other_content(kind: str) -> None:
    with pytest.raises(OAuth2Error) as caught:
        asked(POST, kind=kind)
    assert caught.value.error == "invalid_request"


@pytest.mark.parametrize("query", ["client_secret=hush", "client_id=siem&client_secret=hush", "client_assertion=x"])
def test_credentials_in_the_query(query: str) -> None:
    with pytest.raises(OAuth2Error) as caught:
        asked(POST, query=query)
    assert caught.value.error == "invalid_request"


def test_scopes() -> None:
    both = frozenset({"ssf.read", "ssf.manage"})
    assert granted(None, both) == both
    assert granted("ssf.read", both) == {"ssf.read"}
    assert granted("ssf.manage  ssf.read ssf.read", both) == both
    for scope in ("ssf.write", "ssf.read ssf.write", " ", "ssf.read\tssf.manage"):
        with pytest.raises(OAuth2Error) as caught:
            granted(scope, both)
        assert caught.value.error == "invalid_scope"
    with pytest.raises(OAuth2Error):
        granted("ssf.manage", ["ssf.read"])
