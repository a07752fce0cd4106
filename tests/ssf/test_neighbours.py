"""Each neighbour's page, as an admin would follow it, makes the golden SETs of that neighbour."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import KeySet

from bridge.model import Stream, Subscription
from bridge.receiver.rules import check_content
from bridge.ssf.anew import anew, is_stale
from bridge.ssf.configuration import wish
from bridge.ssf.keyfiles import KeyFiles
from bridge.ssf.keys import KeyRing, ring_of
from bridge.ssf.profile import Claims
from bridge.ssf.secevent import mint
from tests.ssf.given import EVENT, ISSUER
from tests.ssf.neighbours import (
    DATA,
    EVENTS,
    PAGES,
    SETS,
    VERIFICATIONS,
    configured,
    golden,
    made_by,
    streams,
    told,
    verified,
)

CREATE = DATA / "neighbours"


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    return ring_of(KeyFiles(tmp_path_factory.mktemp("ring") / "keys").make())


def made(name: str, folder: Path) -> list[tuple[Stream, Claims]]:
    if name in EVENTS:
        page, event = EVENTS[name]
        return [(one, told(one, event)) for one in streams(page, folder)]
    page, state = VERIFICATIONS[name]
    return [(one, verified(one, state)) for one in streams(page, folder)]


ALL = [*EVENTS, *VERIFICATIONS]


@pytest.mark.parametrize("name", ALL)
def test_golden(name: str, tmp_path: Path) -> None:
    found = made(name, tmp_path)
    assert found
    for _, claims in found:
        assert claims == golden(name)["claims"]


def test_every_golden_file_and_every_page_is_compared() -> None:
    assert {path.stem for path in SETS.glob("*.json")} == set(ALL)
    assert {page for page, _ in EVENTS.values()} == set(PAGES)
    pages = Path(__file__).parent.parent.parent / "docs" / "neighbours"
    assert {path.stem for path in pages.glob("*.md")} == {*PAGES, "README"}


@pytest.mark.parametrize("name", ALL)
def test_the_signed_form(name: str, ring: KeyRing) -> None:
    """Keycloak's extension finds a key by `kid` and `alg`, so both must stand in the published key as in the header."""
    expected = golden(name)
    (signed,) = mint([expected["claims"]], ring.active)
    read = jws.deserialize_compact(signed.text, KeySet.import_key_set(ring.jwks()), algorithms=["RS256"])
    assert json.loads(read.payload or b"") == expected["claims"]
    assert read.headers() == {**expected["header"], "kid": ring.active.kid}
    (key,) = ring.jwks()["keys"]
    assert (key["kid"], key["alg"], key["use"]) == (ring.active.kid, "RS256", "sig")


@pytest.mark.parametrize("name", ALL)
def test_a_strict_receiver_takes_it(name: str, tmp_path: Path) -> None:
    for stream, claims in made(name, tmp_path):
        assert stream.profile != "okta"
        assert check_content(claims, stream.profile, audience=stream.audience, now=1795348800) is None


@pytest.mark.parametrize("name", ALL)
def test_said_anew_it_is_the_same(name: str, tmp_path: Path) -> None:
    for stream, claims in made(name, tmp_path):
        txn = str(claims.get("txn", ""))
        assert not is_stale(claims, stream, txn, issuer=ISSUER)
        assert anew(claims, stream, txn, issuer=ISSUER, jti="n", iat=1795348801) == {
            **claims,
            "jti": "n",
            "iat": 1795348801,
        }


@pytest.mark.parametrize("name", EVENTS)
def test_a_stream_of_before_its_shape_was_set_is_said_anew_in_it(name: str, tmp_path: Path) -> None:
    """As it was while the receiver was a plain one of SSF, device and all."""
    page, event = EVENTS[name]
    for stream in streams(page, tmp_path):
        plain = Stream("s1", "rp", stream.audience, "ssf", "https://rp.example")
        again = anew(told(plain, event), stream, event.txn, issuer=ISSUER, jti=_JTI, iat=1795348800)
        assert again == golden(name)["claims"]


_JTI = "01JD9Z6W3C5K8N2Q7R4T1V0XYA"


def test_keycloak_is_not_verified_unasked(tmp_path: Path) -> None:
    """It fails on a verification without `state`, and we never make one up."""
    assert not configured("keycloak", tmp_path).oauth.clients["keycloak"].verify
    (said,) = golden("keycloak-verification")["claims"]["events"].values()
    assert said == {"state": "n-51c0e7"}


def test_what_a_stream_may_hear_of_is_what_its_page_says(tmp_path: Path) -> None:
    (google,) = streams("google-workspace", tmp_path)
    assert {event.rpartition("/")[2] for event in google.events} == {"session-revoked"}
    assert told(google, EVENT)["aud"] == "https://sharedsignals.googleapis.com"


# -- what they ask of the stream API ------------------------------------------------------------------


def creations() -> list[str]:
    return sorted(path.stem.removesuffix("_create") for path in CREATE.glob("*_create.json"))


def creation(page: str) -> Any:
    return json.loads((CREATE / f"{page}_create.json").read_text())


def test_everybody_who_makes_a_stream_has_a_request() -> None:
    assert creations() == ["apple", "caep-dev", "gosignals", "keycloak", "sailpoint"]


@pytest.mark.parametrize("page", creations())
def test_what_a_create_request_asks_for(page: str) -> None:
    """`response` holds what the answer must hold at least."""
    request, response = creation(page)["request"], creation(page)["response"]
    asked = wish(request)
    assert asked.delivery is not None
    assert asked.delivery.method == response["delivery"]["method"], "an old URI is given back as it came"
    assert asked.delivery.endpoint_url == response["delivery"].get("endpoint_url", "")
    assert asked.delivery.header == request["delivery"].get("authorization_header", "")
    assert list(asked.events_requested or ()) == response["events_requested"]
    assert asked.description == response.get("description")


@pytest.mark.parametrize("page", creations())
def test_what_is_not_theirs_to_set_is_ignored(page: str, tmp_path: Path) -> None:
    request, ignored = creation(page)["request"], creation(page)["ignored"]
    assert ignored == [name for name in request if name not in ("delivery", "events_requested", "description")]
    bare = {name: value for name, value in request.items() if name not in ignored}
    assert wish(bare) == wish(request) == wish({**request, **dict.fromkeys(ignored, "something else")})


@pytest.mark.parametrize("page", creations())
def test_the_stream_that_comes_of_it(page: str, tmp_path: Path) -> None:
    body = creation(page)
    for name, client in configured(page, tmp_path).oauth.clients.items():
        asked = wish(body["request"])
        assert asked.delivery is not None
        subscription = Subscription(asked.delivery.method, asked.delivery.endpoint_url, "", asked.events_requested)
        stream = made_by(name, client, subscription)
        assert stream.way == ("push" if "endpoint_url" in body["request"]["delivery"] else "poll")
        assert (stream.audience, ISSUER) == (body["response"]["aud"], body["response"]["iss"])
        assert sorted(stream.events) == sorted(body["response"]["events_delivered"])
        if wanted := body["request"].get("format"):
            assert wanted == stream.shape.subject_format
            assert wanted == _user(told(stream, EVENTS[page][1])["sub_id"])["format"]
            assert stream.audience in body["request"]["aud"]


def _user(subject: Mapping[str, Any]) -> Mapping[str, Any]:
    found = subject.get("user", subject)
    assert isinstance(found, Mapping)
    return found
