"""A subject as a receiver sends it: what is taken, and what is refused at which path."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.ssf.configuration import Unacceptable
from bridge.ssf.identifier import LONGEST, MOST_MEMBERS, canonical, parse, stored

MAIL = {"format": "email", "email": "dana.reyes@acme.example"}
UNIT = {"format": "opaque", "id": "fleet:7"}


def aliases(*found: object) -> dict[str, Any]:
    return {"format": "aliases", "identifiers": list(found)}


def complex_(**members: object) -> dict[str, Any]:
    return {"format": "complex", **members}


TAKEN: list[dict[str, Any]] = [
    MAIL,
    {"format": "email", "email": '"odd one"@acme.example'},
    {"format": "account", "uri": "acct:dana@acme.example"},
    {"format": "iss_sub", "iss": "https://idp.example/", "sub": "1"},
    UNIT,
    {"format": "phone_number", "phone_number": "+12065550100"},
    {"format": "did", "url": "did:example:123456/did/url/path?a=b#c"},
    {"format": "uri", "uri": "urn:uuid:4e851e98-83c4-4743-a5da-150ecb53042f"},
    aliases(MAIL, UNIT),
    {"format": "jwt_id", "iss": "https://idp.example", "jti": "B70BA622"},
    {"format": "saml_assertion_id", "issuer": "https://idp.example", "assertion_id": "_8e8d"},
    {"format": "ip-addresses", "ip-addresses": ["10.29.37.75", "2001:db8::1"]},
    complex_(user=MAIL),
    complex_(user=aliases(MAIL, UNIT), device=UNIT, tenant={"format": "opaque", "id": "blue"}, shop=UNIT),
]


@pytest.mark.parametrize("given", TAKEN, ids=lambda given: str(given["format"]))
def test_what_is_taken_is_kept_as_it_was(given: dict[str, Any]) -> None:
    found = parse(given)
    assert found.text == canonical(given)
    assert stored(found.text) == found


def test_the_order_of_members_does_not_matter_and_case_does() -> None:
    turned = complex_(device=dict(reversed(UNIT.items())), user=dict(reversed(MAIL.items())))
    assert parse(turned).text == parse(complex_(user=MAIL, device=UNIT)).text
    assert parse({"format": "email", "email": "Dana.Reyes@acme.example"}).text != parse(MAIL).text
    assert parse(aliases(MAIL, UNIT)).text != parse(aliases(UNIT, MAIL)).text


@pytest.mark.parametrize("member", ["phone", "phone_number"])
def test_phone_is_taken_as_phone_number(member: str) -> None:
    found = parse({"format": "phone", member: "+12065550100"})
    assert found == parse({"format": "phone_number", "phone_number": "+12065550100"})


def test_what_a_member_may_be() -> None:
    found = parse(complex_(user=aliases(MAIL, UNIT), device=UNIT))
    assert found.members == (
        ("device", frozenset([canonical(UNIT)])), ("user", frozenset([canonical(MAIL), canonical(UNIT)])),
    )  # fmt: skip
    assert parse(aliases(MAIL, UNIT)).members == (("", frozenset([canonical(MAIL), canonical(UNIT)])),)
    assert parse(aliases(MAIL, UNIT)).formats == {"email", "opaque"}


SECRET = "not-to-be-told@acme.example"
REFUSED: list[tuple[object, str, str]] = [
    (None, "subject", "must be an object"),
    ([MAIL], "subject", "must be an object"),
    (SECRET, "subject", "must be an object"),
    ({}, "subject.format", "is missing"),
    ({"user": MAIL}, "subject.format", "is missing"),
    ({"format": ["email"]}, "subject.format", "must be a string"),
    ({"format": "Email", "email": SECRET}, "subject.format", "must be complex or one of account, email"),
    ({"format": "https://vendor.example/own", "x": SECRET}, "subject.format", "must be complex or one of"),
    ({"format": "email"}, "subject.email", "is missing"),
    ({"format": "email", "email": None}, "subject.email", "must be a string"),
    ({"format": "email", "email": ""}, "subject.email", "must have 1 to 1024 characters"),
    ({"format": "email", "email": "x" * LONGEST + "@x.example"}, "subject.email", "must have 1 to"),
    ({"format": "email", "email": "acme.example"}, "subject.email", "must be an e-mail address"),
    ({"format": "email", "email": "@acme.example"}, "subject.email", "must be an e-mail address"),
    ({"format": "email", "email": "a@b\r\nc"}, "subject.email", "must hold neither control characters"),
    ({"format": "email", "email": "a@b\ud800"}, "subject.email", "must hold neither control characters"),
    ({"format": "opaque", "id": "a\0b"}, "subject.id", "must hold neither control characters"),
    ({"format": "opaque", "id": 7}, "subject.id", "must be a string"),
    ({"format": "email", "email": SECRET, "id": "7"}, "subject", "must have no other members than format and email"),
    ({"format": "iss_sub", "iss": "https://idp.example"}, "subject.sub", "is missing"),
    ({"format": "account", "uri": SECRET}, "subject.uri", "must be an acct: URI"),
    ({"format": "phone_number", "phone_number": "12065550100"}, "subject.phone_number", "must be a number as E.164"),
    ({"format": "did", "url": "example:1"}, "subject.url", "must be a DID URL"),
    ({"format": "uri", "uri": "no scheme"}, "subject.uri", "must be a URI"),
    ({"format": "ip-addresses", "ip-addresses": []}, "subject.ip-addresses", "must have 1 to 16 items"),
    ({"format": "ip-addresses", "ip-addresses": "::1"}, "subject.ip-addresses", "must be an array"),
    ({"format": "ip-addresses", "ip-addresses": ["::1", "x"]}, "subject.ip-addresses[1]", "must be an IP address"),
    (aliases(), "subject.identifiers", "must have 1 to 16 items"),
    (aliases(MAIL, dict(reversed(MAIL.items()))), "subject.identifiers", "must not hold the same identifier twice"),
    (aliases(MAIL, aliases(UNIT)), "subject.identifiers[1].format", "must be neither aliases nor complex"),
    (aliases(complex_(user=MAIL)), "subject.identifiers[0].format", "must be neither aliases nor complex"),
    (aliases(MAIL, 7), "subject.identifiers[1]", "must be an object"),
    (complex_(), "subject", "must have a member beside format"),
    (complex_(user=[MAIL]), "subject.user", "must be an object"),
    (complex_(user=complex_(user=MAIL)), "subject.user.format", "complex ones do not nest"),
    (complex_(user={"format": "email"}), "subject.user.email", "is missing"),
    (complex_(**{f"m{n}": UNIT for n in range(MOST_MEMBERS + 1)}), "subject", "must not have more than 16 members"),
    (complex_(**{"": UNIT}), "subject", "must have member names of 1 to 64"),
    (complex_(**{"a\nb": UNIT}), "subject", "must have member names of 1 to 64"),
    (complex_(**{f"m{n}": {"format": "opaque", "id": "é" * 400} for n in range(6)}), "subject", "longer than 4096"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "path", "words"), REFUSED)
def test_what_is_refused_and_where(given: object, path: str, words: str) -> None:
    with pytest.raises(Unacceptable) as caught:
        parse(given)
    assert caught.value.path == path and str(caught.value).startswith(f"{path}: ") and words in str(caught.value)
    assert SECRET not in str(caught.value)


def test_a_name_of_a_member_is_said_but_no_value() -> None:
    with pytest.raises(Unacceptable) as caught:
        parse(complex_(user={"format": "opaque", "id": 7}), "body.subject")
    assert str(caught.value) == "body.subject.user.id: must be a string"


def test_deep_nonsense_is_refused_without_walking_it() -> None:
    deep: Any = MAIL
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(Unacceptable, match=r"subject\.user: must be an object"):
        parse(complex_(user=deep))
    while isinstance(deep, list):  # taken apart by hand: letting go of it at once would be deep as well
        deep = deep.pop()
