"""The routes of OAuth on a socket: documents, keys, tokens, and every way in which a request for one is wrong."""

from __future__ import annotations

import asyncio
import io
from base64 import b64encode
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from joserfc import jwt
from joserfc.jwk import RSAKey

from bridge.oauth import assertion as assertions
from tests.oauth.given import public, rsa, signed
from tests.web.doors import raw
from tests.web.guests import Guests, guests

pytestmark = pytest.mark.asyncio(loop_scope="module")

ISSUER = "https://signals.acme.example"
TWO = """
[oauth]
token_lifetime = "10m"
[oauth.clients.siem]
audience = "https://siem.example"
secret = ["hush-1", "hush-2"]
[oauth.clients.reader]
audience = "https://reader.example"
secret = "hush-3"
scopes = ["ssf.read"]
client_id = "the reader:1"
[oauth.clients.signer]
audience = "https://signer.example"
public_key = "file:signer.pem"
"""
SIEM = ("siem", "hush-1")
JTIS = map(str, count())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guests]:
    folder = tmp_path_factory.mktemp("oauth")
    (folder / "signer.pem").write_bytes(rsa("signer").as_pem(private=False))
    async with guests(folder, TWO) as running:
        yield running


def assertion(house: Guests, **change: Any) -> dict[str, str]:
    now = int(house.clock.now())
    claims = {
        "iss": "signer",
        "sub": "signer",
        "aud": f"{ISSUER}/oauth/token",
        "exp": now + 60,
        "jti": f"j{id(change)}",
    }
    text = signed({name: value for name, value in (claims | change).items() if value is not None}, rsa("signer"))
    return {"client_assertion_type": assertions.TYPE, "client_assertion": text}


# -- documents ------------------------------------------------------------------------------------


async def test_the_documents(house: Guests) -> None:
    status, server = await house.get("/.well-known/oauth-authorization-server")
    assert status == 200
    assert server == {
        "issuer": ISSUER,
        "token_endpoint": f"{ISSUER}/oauth/token",
        "jwks_uri": f"{ISSUER}/oauth/jwks.json",
        "scopes_supported": ["ssf.read", "ssf.manage"],
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS256", "PS256", "ES256"],
    }
    found = AuthorizationServerMetadata(server)
    for name in server.keys() - {"response_types_supported"}:  # theirs wants one that it would not have
        getattr(found, f"validate_{name}")()
    assert await house.get("/.well-known/oauth-protected-resource") == (200, {
        "resource": ISSUER,
        "authorization_servers": [ISSUER],
        "scopes_supported": ["ssf.read", "ssf.manage"],
        "bearer_methods_supported": ["header"],
    })  # fmt: skip


async def test_the_keys_are_public_and_not_those_of_sets(house: Guests) -> None:
    status, keys = await house.get("/oauth/jwks.json")
    assert status == 200 and len(keys["keys"]) == 1
    assert set(keys["keys"][0]) == {"kty", "use", "alg", "kid", "n", "e"}
    _, sets = await house.get("/.well-known/jwks.json")
    assert keys["keys"][0]["kid"] not in {key["kid"] for key in sets["keys"]}
    folder = house.parts.config.key_directory / "oauth"
    files = list(folder.iterdir())
    assert [file.stem for file in files] == [keys["keys"][0]["kid"]]
    assert files[0].stat().st_mode & 0o777 == 0o600 and folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(("path", "inserted"), [("/t/blue/", "/t/blue/"), ("/", "")])
async def test_an_issuer_that_ends_with_a_slash(tmp_path: Path, path: str, inserted: str) -> None:
    """RFC 9728 §3.1 keeps the / of a path, RFC 8414 §3.1 and SSF 1.0 §7.2.1 drop it; each finds its document."""
    issuer = f"https://signals.acme.example{path}"
    async with guests(tmp_path, TWO.replace('public_key = "file:signer.pem"', 'token = "t"'), issuer) as house:
        for name in ("oauth-protected-resource", "oauth-authorization-server", "ssf-configuration", "jwks.json"):
            for found in (path, path.rstrip("/")):
                assert (await house.get(f"/.well-known/{name}{found}"))[0] == 200
        _, challenge, _ = await house.call(None)
        metadata = f"https://signals.acme.example/.well-known/oauth-protected-resource{inserted}"
        assert f'resource_metadata="{metadata}"' in challenge
        assert (await house.get(metadata.removeprefix("https://signals.acme.example")))[1]["resource"] == issuer


async def test_below_the_path_of_the_issuer(tmp_path: Path) -> None:
    issuer = "https://signals.acme.example/t/blue"
    async with guests(tmp_path, TWO.replace('public_key = "file:signer.pem"', 'token = "t"'), issuer) as house:
        for name in ("oauth-protected-resource", "oauth-authorization-server"):
            for path in (f"/.well-known/{name}", f"/.well-known/{name}/t/blue", f"/t/blue/.well-known/{name}"):
                status, found = await house.get(path)
                assert status == 200 and issuer in (found.get("issuer"), found.get("resource"))
        for prefix in ("", "/t/blue"):
            assert (await house.get(f"{prefix}/oauth/jwks.json"))[0] == 200
            async with house.session.post(house.url(f"{prefix}/oauth/token")) as answer:
                assert answer.status == 400
        _, challenge, _ = await house.call(None)
        metadata = "https://signals.acme.example/.well-known/oauth-protected-resource/t/blue"
        assert f'resource_metadata="{metadata}"' in challenge


@pytest.mark.parametrize(
    ("text", "absent"),
    [
        ("", ["oauth-protected-resource", "oauth-authorization-server"]),
        ('[oauth.clients.a]\naudience = "x"\ntoken = "t"\n', ["oauth-authorization-server"]),
    ],
)
async def test_what_nobody_needs_is_not_there(tmp_path: Path, text: str, absent: list[str]) -> None:
    async with guests(tmp_path, text) as house:
        for path in [*(f"/.well-known/{name}" for name in absent), "/oauth/jwks.json", "/oauth/token"]:
            async with house.session.get(house.url(path)) as answer:
                assert answer.status == 404, path
        async with house.session.post(house.url("/oauth/token"), data={"grant_type": "client_credentials"}) as answer:
            assert answer.status == 404
        assert not (house.parts.config.key_directory / "oauth").exists()
        if text:
            status, found = await house.get("/.well-known/oauth-protected-resource")
            assert status == 200 and "authorization_servers" not in found


# -- tokens ---------------------------------------------------------------------------------------


async def test_a_token_by_each_way_of_proof(house: Guests) -> None:
    ways: list[tuple[dict[str, str], tuple[str, str] | None, str]] = [
        ({}, SIEM, "siem"),
        ({}, ("siem", "hush-2"), "siem"),
        ({"client_id": "siem", "client_secret": "hush-1"}, None, "siem"),
        ({"scope": ""}, ("the+reader%3A1", "hush-3"), "the reader:1"),
        (assertion(house, aud=ISSUER), None, "signer"),
        (assertion(house) | {"client_id": "signer"}, None, "signer"),
    ]
    _, keys = await house.get("/oauth/jwks.json")
    for form, basic, client_id in ways:
        status, headers, answer = await house.ask(form, basic)
        assert status == 200, answer
        assert headers["cache-control"] == "no-store" and headers["pragma"] == "no-cache"
        assert headers["content-type"] == "application/json"
        assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 600)
        opened = jwt.decode(answer["access_token"], RSAKey.import_key(keys["keys"][0]), algorithms=["RS256"])
        assert opened.header == {"alg": "RS256", "typ": "at+jwt", "kid": keys["keys"][0]["kid"]}
        claims = opened.claims
        assert claims["client_id"] == claims["sub"] == client_id and claims["iss"] == claims["aud"] == ISSUER
        assert claims["exp"] - claims["nbf"] == 600 and claims["scope"] == answer["scope"]
        assert answer["scope"] == ("ssf.read" if "reader" in client_id else "ssf.manage ssf.read")


async def test_a_secret_in_base64_by_clients_that_encode_it_and_by_those_that_do_not(tmp_path: Path) -> None:
    text = '[oauth.clients.siem]\naudience = "x"\nsecret = "q+/w%41=="\n'
    async with guests(tmp_path, text) as house:
        for sent in ("q+/w%41==", "q%2B%2Fw%2541%3D%3D"):
            assert (await house.ask({}, ("siem", sent)))[0] == 200
        assert (await house.ask({}, ("siem", "q /wA==")))[0] == 401


async def test_scopes_that_are_asked_for(house: Guests) -> None:
    _, _, answer = await house.ask({"scope": "ssf.read"}, SIEM)
    assert answer["scope"] == "ssf.read"
    status, _, answer = await house.ask({"scope": "ssf.manage"}, ("the+reader%3A1", "hush-3"))
    assert (status, answer["error"]) == (400, "invalid_scope")


@pytest.mark.parametrize("way", ["client_secret_basic", "client_secret_post", "private_key_jwt"])
async def test_a_client_library_of_somebody_else(house: Guests, way: str) -> None:
    url = house.url("/oauth/token").replace("127.0.0.1", "localhost")
    if way == "private_key_jwt":
        proof: Any = PrivateKeyJWT(ISSUER + "/oauth/token", claims={"exp": int(house.clock.now()) + 200,
                                                                    "iat": int(house.clock.now())})  # fmt: skip
        client = AsyncOAuth2Client("signer", rsa("signer"), token_endpoint_auth_method=proof, trust_env=False)
    else:
        client = AsyncOAuth2Client("siem", "hush-1", token_endpoint_auth_method=way, trust_env=False)
    async with client:
        token = await client.fetch_token(url, grant_type="client_credentials")
    assert (await house.call(token["access_token"]))[0] == 200


@pytest.mark.parametrize(
    ("form", "basic", "status", "error"),
    [
        ({}, ("siem", "wrong"), 401, "invalid_client"),
        ({}, ("siem", "hush-3"), 401, "invalid_client"),
        ({}, ("nobody", "hush-1"), 401, "invalid_client"),
        ({}, ("signer", "hush-1"), 401, "invalid_client"),
        ({"client_id": "siem", "client_secret": "wrong"}, None, 401, "invalid_client"),
        ({"client_id": "siem"}, None, 401, "invalid_client"),
        ({"client_id": "siem", "client_secret": "hush-1"}, SIEM, 400, "invalid_request"),
        ({"grant_type": "authorization_code"}, SIEM, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, SIEM, 400, "invalid_request"),
        ({"scope": "ssf.write"}, SIEM, 400, "invalid_scope"),
    ],
)
async def test_errors(
    house: Guests, form: dict[str, str], basic: tuple[str, str] | None, status: int, error: str
) -> None:  # fmt: skip
    found, headers, answer = await house.ask(form, basic)
    assert (found, answer["error"]) == (status, error)
    assert set(answer) == {"error", "error_description"} and "hush" not in str(answer)
    assert headers["cache-control"] == "no-store" and headers["content-type"] == "application/json"
    assert headers.get("www-authenticate", "").startswith("Basic ") is (status == 401)


async def test_who_is_not_known_is_told_the_same_as_who_is_wrong(house: Guests) -> None:
    answers = [await house.ask({}, pair) for pair in (("siem", "x"), ("nobody", "x"), ("signer", "x"))]
    assert len({(status, str(body)) for status, _, body in answers}) == 1
    forged = assertion(house) | {"client_assertion": signed({"sub": "signer"}, rsa("b"))}
    strange = assertion(house) | {"client_assertion": signed({"sub": "nobody"}, rsa("b"))}
    assert (await house.ask(forged))[2] == (await house.ask(strange))[2] == answers[0][2]


@pytest.mark.parametrize(
    "change",
    [
        {"aud": "https://other.example"},
        {"exp": 1},
        {"exp": 4_000_000_000},
        {"jti": None},
        {"iss": "siem"},
    ],
)
async def test_assertions_that_prove_nothing(house: Guests, change: dict[str, Any]) -> None:
    status, _, answer = await house.ask(assertion(house, **change))
    assert (status, answer["error"]) == (401, "invalid_client")


async def test_an_assertion_is_good_for_once_also_after_a_restart(tmp_path: Path) -> None:
    (tmp_path / "signer.pem").write_bytes(rsa("signer").as_pem(private=False))
    async with guests(tmp_path, TWO) as house:
        proof = assertion(house, jti="once")
        tries = await asyncio.gather(*(house.ask(proof) for _ in range(5)))
        assert sorted(status for status, _, _ in tries) == [200, 401, 401, 401, 401]
        clock = house.clock
    async with guests(tmp_path, TWO, clock=clock) as house:
        status, _, answer = await house.ask(proof)
        assert (status, answer["error_description"]) == (401, "the assertion was used before")
        clock.time += 121
        assert (await house.ask(proof))[2]["error_description"] == "the token has expired"


async def test_keys_of_a_client_by_its_uri(tmp_path: Path) -> None:
    from tests.oauth.standin import standing_in

    async with standing_in(public(rsa("signer"))) as there:
        text = TWO.replace('public_key = "file:signer.pem"', f'jwks_uri = "{there.url}/keys"')
        async with guests(tmp_path, text) as house:
            assert (await house.ask(assertion(house, jti="a")))[0] == 200
            there.keys = public(rsa("other"))
            there.status = 500
            house.clock.time += 601
            assert (await house.ask(assertion(house, jti="b")))[0] == 200
        there.status = 500
        async with guests(tmp_path, text) as house:
            status, headers, answer = await house.ask(assertion(house, jti="c"))
            assert (status, answer["error"]) == (503, "temporarily_unavailable")
            assert int(headers["retry-after"]) > 0


# -- what is no request for a token ---------------------------------------------------------------


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
async def test_only_post(house: Guests, method: str) -> None:
    async with house.session.request(method, house.url("/oauth/token")) as answer:
        assert (answer.status, answer.headers["allow"]) == (405, "POST")
        assert (await answer.json())["error"] == "invalid_request"


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
async def test_other_content(house: Guests, kind: str) -> None:
    headers = {"content-type": kind, "authorization": "Basic " + b64encode(b"siem:hush-1").decode()}
    async with house.session.post(house.url("/oauth/token"), data=b"{}", headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]) == (400, "invalid_request")


async def test_a_body_of_five_mebibytes(house: Guests) -> None:
    async with house.session.post(house.url("/oauth/token"), data=io.BytesIO(b"x" * (5 << 20))) as answer:
        assert (answer.status, (await answer.json())["error"]) == (413, "invalid_request")


async def test_two_headers(house: Guests) -> None:
    basic = "Basic " + b64encode(b"siem:hush-1").decode()
    async with house.session.post(
        house.url("/oauth/token"), data={"grant_type": "client_credentials"},
        headers=[("authorization", basic), ("authorization", basic)],
    ) as answer:  # fmt: skip
        assert (answer.status, (await answer.json())["error"]) == (400, "invalid_request")


async def test_credentials_in_the_query(house: Guests) -> None:
    url = house.url("/oauth/token?client_id=siem&client_secret=hush-1")
    async with house.session.post(url, data={"grant_type": "client_credentials"}) as answer:
        assert (answer.status, (await answer.json())["error"]) == (400, "invalid_request")


async def test_a_client_that_goes_away(house: Guests) -> None:
    async with raw(house.address) as connection:
        await connection.send(b"POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nab")
    assert (await house.ask({}, SIEM))[0] == 200


# -- what is seen of it ---------------------------------------------------------------------------


async def test_counted_and_logged_now_and_then_without_a_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "signer.pem").write_bytes(rsa("signer").as_pem(private=False))
    async with guests(tmp_path, TWO) as house:
        await house.token(client_id="siem", client_secret="hush-1")
        for _ in range(10):
            await house.ask({}, ("siem", "guess-1"))
        await house.ask({}, ("stranger", "guess-1"))
        metrics = house.metrics.render().decode()
        assert 'oauth_token_requests_total{client="siem",outcome="issued"} 1.0' in metrics
        assert 'oauth_token_requests_total{client="siem",outcome="invalid_client"} 10.0' in metrics
        assert 'oauth_token_requests_total{client="-",outcome="invalid_client"} 1.0' in metrics
        assert "stranger" not in metrics
        house.clock.time += 61
        await house.ask({}, ("siem", "guess-1"))
        assert b"hush-" not in (tmp_path / "bridge.db").read_bytes() + (tmp_path / "bridge.db-wal").read_bytes()
    logged = capsys.readouterr().out
    assert logged.count("oauth.token_refused") == 3 and "times=10" in logged
    assert not any(word in logged for word in ("hush", "guess", "stranger"))
