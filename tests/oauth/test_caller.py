"""Who calls: where a token is taken from, and how a call without a good one is refused (RFC 6750)."""

from __future__ import annotations

import pytest

from bridge.oauth.caller import LONGEST, MANAGE, MANAGES, READ, READS, BearerRefused, Caller, presented, require

METADATA = "https://signals.acme.example/.well-known/oauth-protected-resource"


def refused(authorization: list[str], query: str = "") -> BearerRefused:
    with pytest.raises(BearerRefused) as caught:
        presented(authorization, query)
    return caught.value


@pytest.mark.parametrize("header", ["Bearer abc.def-_~+/=", "bearer abc.def-_~+/=", "BEARER   abc.def-_~+/= "])
def test_the_header_carries_the_token(header: str) -> None:
    assert presented([header], "page=2") == "abc.def-_~+/="


@pytest.mark.parametrize("header", [[], [""], ["Basic YTpi"], ["DPoP abc"], ["abc"]])
def test_no_credentials_are_no_error(header: list[str]) -> None:
    found = refused(header)
    assert (found.status, found.code) == (401, "")
    assert found.challenge(METADATA) == f'Bearer realm="ssf", resource_metadata="{METADATA}"'


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer a b", "Bearer a,b", 'Bearer "a"', "Bearer \u00e9", "Bearer " + "a" * LONGEST + "a"],
)
def test_a_malformed_token(header: str) -> None:
    found = refused([header])
    assert (found.status, found.code) == (401, "invalid_token")
    assert 'error="invalid_token"' in found.challenge(METADATA)


@pytest.mark.parametrize("query", ["access_token=abc", "a=1&access_token", "access%5Ftoken=abc"])
@pytest.mark.parametrize("header", [[], ["Bearer abc"]])
def test_the_query_carries_none(header: list[str], query: str) -> None:
    found = refused(header, query)
    assert (found.status, found.code) == (400, "invalid_request")


def test_two_headers_are_one_too_many() -> None:
    found = refused(["Bearer abc", "Bearer abc"])
    assert (found.status, found.code) == (400, "invalid_request")


def test_reads_take_either_scope_and_all_else_takes_one() -> None:
    reader, manager = Caller("a", frozenset({READ})), Caller("b", frozenset({MANAGE}))
    require(reader, READS)
    require(manager, READS)
    require(manager, MANAGES)
    with pytest.raises(BearerRefused) as caught:
        require(reader, MANAGES)
    assert (caught.value.status, caught.value.code) == (403, "insufficient_scope")
    assert 'scope="ssf.manage"' in caught.value.challenge(METADATA)
    with pytest.raises(BearerRefused) as caught:
        require(Caller("c", frozenset()), READS)
    assert 'scope="ssf.read"' in caught.value.challenge(METADATA)
