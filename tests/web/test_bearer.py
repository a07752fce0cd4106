"""Who is let in to the routes of SSF, and how everybody else is answered (RFC 6750 §3), on a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.oauth.given import public, rsa, signed
from tests.oauth.standin import StandIn, standing_in
from tests.web.doors import raw
from tests.web.guests import Guests, guests

pytestmark = pytest.mark.asyncio(loop_scope="module")

ISSUER = "https://signals.acme.example"
METADATA = f'resource_metadata="{ISSUER}/.well-known/oauth-protected-resource"'
SIEM = '[oauth.clients.siem]\naudience = "https://siem.example"\n'
SECRET = SIEM + 'secret = "hush-1"\n'
READER = '[oauth.clients.reader]\naudience = "x"\nsecret = "hush-2"\nscopes = ["ssf.read"]\n'
STATIC = '[oauth.clients.static]\naudience = "x"\ntoken = ["hush-3", "hush-4"]\nscopes = ["ssf.manage"]\n'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guests]:
    async with guests(tmp_path_factory.mktemp("bearer"), SECRET + READER + STATIC) as running:
        yield running


async def siem(house: Guests, secret: str = "hush-1", **form: str) -> str:
    return await house.token(client_id="siem", client_secret=secret, **form)


# -- who is let in --------------------------------------------------------------------------------


async def test_scopes(house: Guests) -> None:
    reader = await house.token(client_id="reader", client_secret="hush-2")
    narrow, manager = await siem(house, scope="ssf.read"), await siem(house, scope="ssf.manage")
    for token in (reader, narrow):
        assert (await house.call(token))[0] == 200
        status, challenge, body = await house.call(token, "POST")
        assert (status, body["error"]) == (403, "insufficient_scope")
        assert 'error="insufficient_scope"' in challenge and 'scope="ssf.manage"' in challenge and METADATA in challenge
    for method in ("GET", "POST"):
        assert await house.call(manager, method) == (200, "", {"client": "siem"})
        assert await house.call("hush-4", method) == (200, "", {"client": "static"})


async def test_without_credentials_there_is_no_error_code(house: Guests) -> None:
    for headers in ([], [("authorization", "Basic aHVzaDpodXNo")]):
        status, challenge, body = await house.call(None, headers=headers)
        assert (status, challenge, body) == (401, f'Bearer realm="ssf", {METADATA}', None)


@pytest.mark.parametrize("token", ["hush-1", "a.b.c", "", "a b", "hush-5", "x" * 20_000])
async def test_malformed_and_foreign_tokens(house: Guests, token: str) -> None:
    status, challenge, body = await house.call(token)
    assert (status, body["error"]) == (401, "invalid_token")
    assert 'error="invalid_token"' in challenge and METADATA in challenge and "hush" not in challenge
    if token == "hush-5":
        assert body["error_description"] == "the token is not known, and is no signed JWT"


async def test_a_token_in_the_query(house: Guests) -> None:
    token = await siem(house)
    for given in (None, token):
        status, challenge, body = await house.call(given, query=f"?access_token={token}")
        assert (status, body["error"]) == (400, "invalid_request")
        assert 'error="invalid_request"' in challenge and token not in challenge + str(body)


async def test_two_tokens(house: Guests) -> None:
    token = await siem(house)
    status, challenge, body = await house.call(token, headers=[("authorization", f"Bearer {token}")])
    assert (status, body["error"]) == (400, "invalid_request") and 'error="invalid_request"' in challenge


async def test_a_token_ends_with_its_time(tmp_path: Path) -> None:
    async with guests(tmp_path, '[oauth]\ntoken_lifetime = "60s"\n' + SECRET) as house:
        token = await siem(house)
        house.clock.time += 59
        assert (await house.call(token))[0] == 200
        house.clock.time += 1
        status, challenge, body = await house.call(token)
        assert (status, body["error_description"]) == (401, "the token has expired") and "invalid_token" in challenge


async def test_what_the_keys_of_sets_sign_is_no_token(house: Guests) -> None:
    """Neither a SET, nor a token that somebody made with any other key than ours."""
    now = int(house.clock.now())
    claims: dict[str, Any] = {
        "iss": ISSUER, "aud": ISSUER, "sub": "siem", "client_id": "siem", "scope": "ssf.manage", "gen": 1,
        "iat": now, "exp": now + 60,
    }  # fmt: skip
    _, keys = await house.get("/oauth/jwks.json")
    kid = keys["keys"][0]["kid"]
    for header in ({"typ": "at+jwt"}, {"typ": "at+jwt", "kid": kid}, {"typ": "secevent+jwt", "kid": kid}):
        status, _, body = await house.call(signed(claims, rsa("set"), **header))
        assert (status, body["error"]) == (401, "invalid_token")
    real = [key.private for key in house.callers.keys.current()]
    for change in ({"typ": "secevent+jwt"}, {"typ": "JWT"}, {"typ": None}):
        status, _, body = await house.call(signed(claims, real[0], kid=kid, **change))
        assert (status, body["error"]) == (401, "invalid_token")
    for change in ({"aud": "https://other.example"}, {"iss": "https://other.example"}, {"client_id": "nobody"},
                   {"client_id": "static"}, {"gen": 2}, {"gen": 0}):  # fmt: skip
        text = signed(claims | change, real[0], kid=kid, typ="at+jwt")
        assert (await house.call(text))[0] == 401
    assert (await house.call(signed(claims, real[0], kid=kid, typ="at+jwt")))[0] == 200


async def test_nothing_of_a_body_is_read_before_it_is_known_who_calls(house: Guests) -> None:
    async with raw(house.address) as connection:
        await connection.send(
            b"POST /ssf/probe HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5000000\r\n\r\n{"
        )
        head = (await connection.reader.readuntil(b"\r\n\r\n")).decode()
    assert head.startswith("HTTP/1.1 401") and "www-authenticate: Bearer" in head


# -- tokens that end ------------------------------------------------------------------------------


async def audited(house: Guests) -> list[tuple[str, str, str, str]]:
    return [(one.target, one.why, one.before, one.after) for one in await house.store.audit(what="oauth.end_tokens")]


async def test_a_changed_secret_ends_tokens_at_a_restart(tmp_path: Path) -> None:
    async with guests(tmp_path, SECRET) as house:
        token, clock = await siem(house), house.clock
    async with guests(tmp_path, SECRET, clock=clock) as house:
        assert (await house.call(token))[0] == 200
        assert await audited(house) == []
    both = SECRET.replace('"hush-1"', '["hush-1", "hush-9"]')
    async with guests(tmp_path, both, clock=clock) as house:
        assert (await house.call(token))[0] == 200
        newer = await siem(house, "hush-9")
    async with guests(tmp_path, SECRET.replace("hush-1", "hush-9"), clock=clock) as house:
        for ended in (token, newer):
            status, _, body = await house.call(ended)
            assert (status, body["error"]) == (401, "invalid_token")
        assert (await house.call(await siem(house, "hush-9")))[0] == 200
        assert await audited(house) == [
            ("client siem", "a credential is accepted no more", "generation 1", "generation 2")
        ]
    async with guests(tmp_path, SECRET.replace("hush-1", "hush-9"), clock=clock) as house:
        assert (await house.call(token))[0] == 401
        assert len(await audited(house)) == 1
        assert "hush" not in str(await house.store.oauth_clients())


async def test_a_client_that_was_removed_has_no_token_left_even_if_it_comes_back(tmp_path: Path) -> None:
    async with guests(tmp_path, SECRET + READER) as house:
        token, clock = await siem(house), house.clock
    async with guests(tmp_path, READER, clock=clock) as house:
        assert (await house.call(token))[0] == 401
        assert [one[1] for one in await audited(house)] == ["the client was removed"]
    async with guests(tmp_path, SECRET + READER, clock=clock) as house:
        assert (await house.call(token))[0] == 401
        assert (await house.call(await siem(house)))[0] == 200


async def test_a_secret_in_a_file_ends_tokens_when_the_file_changes(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush-1\n")
    async with guests(tmp_path, SIEM + 'secret = "file:secret"\n') as house:
        token = await siem(house)
        (tmp_path / "secret").write_text("hush-9\n")
        for _ in range(2):
            await house.reread.turn()
        status, _, _ = await house.call(token)
        assert status in (401, 503)  # 503: it is being looked at, and nobody is let in meanwhile
        async with asyncio.timeout(20):
            while (await house.call(token))[0] == 503:
                await asyncio.sleep(0.01)
        assert (await house.call(token))[0] == 401
        assert (await house.ask({"client_id": "siem", "client_secret": "hush-1"}))[0] == 401
        assert (await house.call(await siem(house, "hush-9")))[0] == 200
        assert len(await audited(house)) == 1


async def test_a_public_key_that_will_not_do_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(rsa("signer").as_pem(private=False))
    async with guests(tmp_path, SIEM + 'public_key = "file:key.pem"\n') as house:
        (tmp_path / "key.pem").write_text("hush")
        for _ in range(3):
            await house.reread.turn()
        assert "public_key: must be a public key in PEM" in house.reread.problems[0]
        assert await audited(house) == []


async def test_a_key_that_is_gone_ends_what_it_signed(tmp_path: Path) -> None:
    async with guests(tmp_path, SECRET) as house:
        token, clock, folder = await siem(house), house.clock, house.parts.config.key_directory / "oauth"
    for file in folder.iterdir():
        file.unlink()
    async with guests(tmp_path, SECRET, clock=clock) as house:
        assert (await house.call(token))[0] == 401
        assert (await house.call(await siem(house)))[0] == 200


# -- tokens of another issuer ---------------------------------------------------------------------

EXTERNAL = """
[oauth.issuer]
profile = "{profile}"
issuer = "{issuer}"
audience = "api://ssf"
[oauth.clients.apple]
audience = "https://apple.example"
client_id = "0oa1"
scopes = ["ssf.read"]
"""


@pytest_asyncio.fixture(loop_scope="module")
async def idp() -> AsyncIterator[StandIn]:
    async with standing_in(public(rsa("idp"))) as stand_in:
        yield stand_in


def theirs(house: Guests, idp: StandIn, profile: str = "rfc9068", **change: Any) -> str:
    now = int(house.clock.now())
    shapes: dict[str, tuple[str | None, dict[str, Any]]] = {
        "rfc9068": ("at+jwt", {"client_id": "0oa1", "scope": "ssf.read ssf.manage"}),
        "okta": (None, {"cid": "0oa1", "scp": ["ssf.read", "ssf.manage"]}),
        "entra": ("JWT", {"azp": "0oa1", "roles": ["ssf.read", "ssf.manage"]}),
    }
    typ, said = shapes[profile]
    claims = {"iss": idp.issuer, "aud": "api://ssf", "iat": now, "exp": now + 600, **said, **change}
    return signed(claims, rsa("idp"), typ=typ)


@pytest.mark.parametrize("profile", ["rfc9068", "okta", "entra"])
async def test_tokens_of_another_issuer(tmp_path: Path, idp: StandIn, profile: str) -> None:
    async with guests(tmp_path, EXTERNAL.format(profile=profile, issuer=idp.issuer)) as house:
        assert await house.call(theirs(house, idp, profile)) == (200, "", {"client": "apple"})
        status, challenge, _ = await house.call(theirs(house, idp, profile), "POST")
        assert status == 403 and 'scope="ssf.manage"' in challenge  # the table grants less than the token
        for change in ({"aud": ISSUER}, {"iss": ISSUER}, {"exp": 1}, {"client_id": "x", "cid": "x", "azp": "x"}):
            status, _, body = await house.call(theirs(house, idp, profile, **change))
            assert (status, body["error"]) == (401, "invalid_token")
        _, resource = await house.get("/.well-known/oauth-protected-resource")
        assert resource["authorization_servers"] == [idp.issuer]
        async with house.session.post(house.url("/oauth/token")) as answer:
            assert answer.status == 404
        assert idp.asked["/keys"] == 1


async def test_their_keys_turn_and_fail(tmp_path: Path, idp: StandIn) -> None:
    async with guests(tmp_path, EXTERNAL.format(profile="rfc9068", issuer=idp.issuer)) as house:
        assert (await house.call(theirs(house, idp)))[0] == 200
        house.clock.time += 61
        idp.keys = public(rsa("idp"), rsa("idp2"))
        now = int(house.clock.now())
        claims = {"iss": idp.issuer, "aud": "api://ssf", "exp": now + 600, "client_id": "0oa1", "scope": "ssf.read"}
        assert (await house.call(signed(claims, rsa("idp2"), typ="at+jwt")))[0] == 200
        idp.status = 500
        house.clock.time += 3600
        assert (await house.call(theirs(house, idp)))[0] == 200
    async with guests(tmp_path, EXTERNAL.format(profile="rfc9068", issuer=idp.issuer)) as house:
        status, _, _ = await house.call(theirs(house, idp))
        assert status == 503


async def test_another_issuer_speaks_for_nobody_who_has_a_way_of_their_own(
    tmp_path: Path, idp: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    async with guests(tmp_path, EXTERNAL.format(profile="rfc9068", issuer=idp.issuer) + SECRET) as house:
        assert (await house.call(await siem(house)))[0] == 200
        status, _, body = await house.call(theirs(house, idp, client_id="siem"))
        assert (status, body["error_description"]) == (401, "the client of the token is not known here")
    (line,) = [one for one in capsys.readouterr().out.splitlines() if "oauth.client_not_known" in one]
    assert "siem" in line, "the operator sees which name the issuer gives it"


async def test_refusals_are_counted_and_logged_now_and_then(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with guests(tmp_path, SECRET) as house:
        for _ in range(5):
            await house.call("guess.guess.guess")
        await house.call(None)
        metrics = house.metrics.render().decode()
    assert 'api_calls_refused_total{error="invalid_token"} 5.0' in metrics
    assert 'api_calls_refused_total{error="none"} 1.0' in metrics
    logged = capsys.readouterr().out
    assert logged.count("oauth.call_refused") == 2 and "guess" not in logged
