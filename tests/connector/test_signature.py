from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest

from bridge.connector.language.tree import Path
from bridge.connector.webhook.auth import Auth, TimeRule
from bridge.connector.webhook.signature import verify
from bridge.errors import Unauthenticated
from tests.connector.scene import BODY, NOW, SECRET, webhook

HEX = "738c7e0994ff2e458a4ae31672c3e508d90f0f51cc8eafd1c0bc4579bf8b0021"
WHSEC = "whsec_ZGVtby1zZWNyZXQtMDEyMzQ1Njc4OWFiY2RlZg=="
UNIX = TimeRule("header:x-time", "unix", 300.0)


def hmac_auth(**more: Any) -> Auth:
    return Auth("hmac-sha256", secret="s", **{"header": "x-sig", **more})


STANDARD = Auth(
    "standard-webhooks",
    secret="s",
    header="webhook-signature",
    parse="list",
    prefix="v1,",
    encoding="base64",
    signed=("{id}", ".", "{time}", ".", "{body}"),
    key="whsec",
    id_header="webhook-id",
    time=TimeRule("header:webhook-timestamp", "unix", 300.0),
)
STRIPE = hmac_auth(
    parse="pairs", prefix="v1=", signed=("{time}", ".", "{body}"), time=TimeRule("pair:t", "unix", 300.0)
)
VECTORS: list[tuple[str, Auth, dict[str, str], str]] = [
    ("bare hex", hmac_auth(), {"x-sig": HEX}, SECRET),
    ("github", hmac_auth(prefix="sha256="), {"x-sig": f"sha256={HEX}"}, SECRET),
    ("shopify", hmac_auth(encoding="base64"), {"x-sig": "c4x+CZT/LkWKSuMWcsPlCNkPD1HMjq/RwLxFeb+LACE="}, SECRET),
    (
        "stripe",
        STRIPE,
        {"x-sig": "t=1793527200,v1=cf39c1784209dd0201908d755c7202dabc5aef1d3bd274e6400b905ee9aa0036"},
        SECRET,
    ),
    (
        "slack",
        hmac_auth(prefix="v0=", signed=("v0:", "{time}", ":", "{body}"), time=UNIX),
        {"x-sig": "v0=9bfcd11dc23d4cb01c2c6bd1786271f7916ae197e05bd4b50a53c3c0599be713", "x-time": "1793527200"},
        SECRET,
    ),
    (
        "zendesk",
        hmac_auth(encoding="base64", signed=("{time}", "{body}"), time=UNIX),
        {"x-sig": "7wvpT08e9ikff9COc2Z1pBAbNyThPM5C2Cx5jEwi940=", "x-time": "1793527200"},
        SECRET,
    ),
    (
        "crowdstrike",
        hmac_auth(encoding="base64", signed=("{body}", "{time}"), time=TimeRule("header:x-time", "rfc3339", 300.0)),
        {"x-sig": "lrebCFvYdXtLh1BSW3NXqcU6XT19CwNZfTaMlwTsq4o=", "x-time": "2026-11-01T10:00:00Z"},
        SECRET,
    ),
    (
        "standard webhooks",
        STANDARD,
        {
            "webhook-id": "msg_1",
            "webhook-timestamp": "1793527200",
            "webhook-signature": "v1,HNk21DWcssMafm/AACSh9sy8TmY27wta3USj709V1a8=",
        },
        WHSEC,
    ),
    (
        "svix names",
        STANDARD,
        {
            "svix-id": "msg_1",
            "svix-timestamp": "1793527200",
            "svix-signature": "v1a,AAAA v1,HNk21DWcssMafm/AACSh9sy8TmY27wta3USj709V1a8=",
        },
        WHSEC,
    ),
]


@pytest.mark.parametrize(("name", "auth", "headers", "secret"), VECTORS, ids=[one[0] for one in VECTORS])
class TestVectors:
    def test_proves(self, name: str, auth: Auth, headers: dict[str, str], secret: str) -> None:
        verify(auth, webhook(BODY, headers), [secret])

    def test_any_of_several_secrets_proves(self, name: str, auth: Auth, headers: dict[str, str], secret: str) -> None:
        other = "whsec_b3RoZXI=" if auth.key == "whsec" else "other"
        verify(auth, webhook(BODY, headers), [other, secret])
        with pytest.raises(Unauthenticated) as caught:
            verify(auth, webhook(BODY, headers), [other])
        assert caught.value.code == "wrong"

    def test_every_other_byte_is_wrong(self, name: str, auth: Auth, headers: dict[str, str], secret: str) -> None:
        for at in (0, 100, len(BODY) - 1):
            with pytest.raises(Unauthenticated):
                verify(auth, webhook(BODY[:at] + bytes([BODY[at] ^ 1]) + BODY[at + 1 :], headers), [secret])
        for body in (BODY[:-1], BODY + b"\n", b""):
            with pytest.raises(Unauthenticated):
                verify(auth, webhook(body, headers), [secret])

    def test_every_header_matters(self, name: str, auth: Auth, headers: dict[str, str], secret: str) -> None:
        for left_out in headers:
            with pytest.raises(Unauthenticated) as caught:
                verify(auth, webhook(BODY, {key: headers[key] for key in headers if key != left_out}), [secret])
            assert caught.value.code == "missing"

    def test_an_empty_secret_proves_nothing(self, name: str, auth: Auth, headers: dict[str, str], secret: str) -> None:
        for secrets in ([], [""]):
            with pytest.raises(Unauthenticated) as caught:
                verify(auth, webhook(BODY, headers), secrets)
            assert caught.value.code == "no_secret"

    def test_the_replay_window_has_two_sides(self, name: str, auth: Auth, headers: dict[str, str], secret: str) -> None:
        if auth.time is None:
            return
        for offset in (-300, 300):
            verify(auth, webhook(BODY, headers, at=NOW + offset), [secret])
        for offset in (-301, 301):
            with pytest.raises(Unauthenticated) as caught:
                verify(auth, webhook(BODY, headers, at=NOW + offset), [secret])
            assert caught.value.code == "stale"


def test_published_vectors() -> None:
    github = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    verify(hmac_auth(), webhook(b"Hello, World!", {"x-sig": github}), ["It's a Secret to Everybody"])
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    verify(
        STANDARD, webhook(b'{"test": 2432232314}', headers, at=1614265330.0), ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
    )


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("", "missing"),
        ("   ", "missing"),
        ("zz", "malformed"),
        (HEX[:-1], "malformed"),
        (HEX + "0", "malformed"),
        (f"Bearer {HEX}", "malformed"),
        (f"{HEX}, {HEX}", "malformed"),
        (" ".join([HEX[:32], HEX[32:]]), "malformed"),
        ("é" * 64, "malformed"),
        ("٣" * 64, "malformed"),
        ("a" * 5000, "oversized"),
        (HEX[:-1] + "0", "wrong"),
        (HEX.replace("7", "\x00"), "malformed"),
        (hashlib.sha256(BODY).hexdigest(), "wrong"),
        (hmac.new(b"", BODY, "sha256").hexdigest(), "wrong"),
    ],
)
def test_bad_signatures(value: str, code: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        verify(hmac_auth(), webhook(BODY, {"x-sig": value}), [SECRET])
    assert caught.value.code == code
    assert SECRET not in str(caught.value)


def test_upper_case_hexadecimal_is_the_same_number() -> None:
    verify(hmac_auth(), webhook(BODY, {"x-sig": HEX.upper()}), [SECRET])


@pytest.mark.parametrize("times", ["", "t=1,t=2,", "t=soon,", "t=-,"])
def test_a_bad_time_is_refused(times: str) -> None:
    signature = hmac.new(SECRET.encode(), BODY, "sha256").hexdigest()
    with pytest.raises(Unauthenticated):
        verify(STRIPE, webhook(BODY, {"x-sig": f"{times}v1={signature}"}), [SECRET])


def test_too_many_signatures_are_refused() -> None:
    value = ",".join(["t=1793527200", *[f"v1={HEX}"] * 11])
    with pytest.raises(Unauthenticated) as caught:
        verify(STRIPE, webhook(BODY, {"x-sig": value}), [SECRET])
    assert caught.value.code == "oversized"


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


SHARED: list[tuple[Auth, dict[str, str], str, bytes]] = [
    (Auth("basic", secret="s", user="u", header="authorization"), {"authorization": basic("ada:pw")}, "", b"{}"),
    (Auth("bearer", secret="s", header="authorization", prefix="Bearer "), {"authorization": "bearer pw"}, "", b"{}"),
    (Auth("secret-header", secret="s", header="x-webhook-secret"), {"x-webhook-secret": "pw"}, "", b"{}"),
    (Auth("secret-path", secret="s", param="token"), {}, "a=1&token=pw", b"{}"),
    (Auth("secret-body", secret="s", field=Path("value.*.clientState")), {}, "", b'{"value":[{"clientState":"pw"}]}'),
]


@pytest.mark.parametrize(("auth", "headers", "query", "body"), SHARED, ids=[one[0].scheme for one in SHARED])
def test_shared_secrets(auth: Auth, headers: dict[str, str], query: str, body: bytes) -> None:
    verify(auth, webhook(body, headers, query), ["old", "pw"], ["ada"])
    for secrets in (["pw2"], ["p"], [""], []):
        with pytest.raises(Unauthenticated):
            verify(auth, webhook(body, headers, query), secrets, ["ada"])
    with pytest.raises(Unauthenticated) as caught:
        verify(auth, webhook(b"{}", {}, ""), ["pw"], ["ada"])
    assert caught.value.code == "missing"


def test_every_secret_in_the_body_must_be_right() -> None:
    auth = SHARED[-1][0]
    for body in (
        b'{"value":[{"clientState":"pw"},{"clientState":"x"}]}',
        b'{"value":[]}',
        b"nonsense",
        b'{"value":[{"clientState":"pw"},{}]}',
        b'{"value":[{"clientState":7}]}',
    ):
        with pytest.raises(Unauthenticated):
            verify(auth, webhook(body), ["pw"])


def test_another_user_is_wrong() -> None:
    with pytest.raises(Unauthenticated):
        verify(SHARED[0][0], webhook(b"{}", {"authorization": basic("eve:pw")}), ["pw"], ["ada"])
