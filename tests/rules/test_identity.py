from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.errors import ConfigError
from bridge.model import Owner
from bridge.posture.identity import Identity, Overrides, is_address, read_overrides

OVERRIDES = Overrides(
    {("kolide", "d1"): "Pinned@Acme.example"},
    {("kolide", "p1"): "by.id@acme.example", ("kolide", "bob@old.example"): "by.mail@acme.example"},
)
RULES = Identity(
    rewrite_domains={"old.example": "acme.example"},
    allowed_domains=frozenset({"acme.example"}),
    overrides=OVERRIDES,
)


@pytest.mark.parametrize(
    ("device", "owner", "expected"),
    [
        ("d2", None, (None, "no_owner")),
        ("d2", Owner("x", None), (None, "owner_without_email")),
        ("d2", Owner("x", ""), (None, "owner_without_email")),
        ("d2", Owner("x", "  "), (None, "owner_without_email")),
        ("d2", Owner("x", "ada"), (None, "owner_without_email")),
        ("d2", Owner("x", "@"), (None, "owner_without_email")),
        ("d2", Owner("x", "ada@"), (None, "owner_without_email")),
        ("d2", Owner("x", "@acme.example"), (None, "owner_without_email")),
        ("d2", Owner("x", "a@b@acme.example"), (None, "owner_without_email")),
        ("d2", Owner("x", "a da@acme.example"), (None, "owner_without_email")),
        ("d2", Owner("x", "ada\x00@acme.example"), (None, "owner_without_email")),
        ("d2", Owner("x", " Ada@ACME.example "), ("ada@acme.example", "")),
        ("d2", Owner("x", "Ada@Old.Example"), ("ada@acme.example", "")),
        ("d2", Owner("x", "ada@other.example"), (None, "foreign_owner")),
        ("d2", Owner("x", "ada@sub.acme.example"), (None, "foreign_owner")),
        ("d2", Owner("P1", "ada@other.example"), ("by.id@acme.example", "")),
        ("d2", Owner("p1", None), ("by.id@acme.example", "")),
        ("d2", Owner("x", "BOB@old.example"), ("by.mail@acme.example", "")),
        ("d2", Owner("p1", "bob@old.example"), ("by.id@acme.example", "")),
        ("d1", None, ("pinned@acme.example", "")),
        ("d1", Owner("p1", "ada@acme.example"), ("pinned@acme.example", "")),
    ],
)
def test_login(device: str, owner: Owner | None, expected: tuple[str | None, str]) -> None:
    assert RULES.login("kolide", device, owner) == expected


def test_overrides_are_of_one_connector() -> None:
    assert RULES.login("jamf", "d1", None) == (None, "no_owner")


def test_an_override_must_be_of_an_allowed_domain_too() -> None:
    rules = Identity(allowed_domains=frozenset({"b.example"}), overrides=OVERRIDES)
    assert rules.login("kolide", "d1", None) == (None, "foreign_owner")


def test_case_is_kept_if_asked() -> None:
    assert Identity(lowercase=False).login("k", "d", Owner(None, "Ada@Acme.Example")) == ("Ada@Acme.Example", "")


@given(st.none() | st.text(), st.none() | st.text())
def test_login_is_total(person: str | None, email: str | None) -> None:
    login, why = RULES.login("kolide", "d2", Owner(person, email))
    assert (login is None) == bool(why)
    assert login is None or (is_address(login) and login.endswith("@acme.example"))


HEAD = "connector,device,person,login\n"


def test_the_csv() -> None:
    read = read_overrides("\ufeff" + HEAD + "kolide,d1,,a@b.example\r\n\r\nkolide, ,P1, c@b.example \n", "o.csv")
    assert read.by_device == {("kolide", "d1"): "a@b.example"}
    assert read.by_person == {("kolide", "p1"): "c@b.example"}
    assert read_overrides(HEAD, "o.csv") == Overrides()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (",d1,,a@b.example", "connector is empty"),
        ("kolide,,,a@b.example", "fill exactly one of device and person"),
        ("kolide,d1,p1,a@b.example", "fill exactly one of device and person"),
        ("kolide,d1,,", "login is not an e-mail address"),
        ("kolide,d1,,@", "login is not an e-mail address"),
        ("kolide,d1", "login is not an e-mail address"),
        ("kolide,d1,,a@b.example,x", "too many cells"),
        ("kolide,d0,,z@b.example", "an earlier line is about the same one"),
        ("kolide,,p0,z@b.example", "an earlier line is about the same one"),
        ("kolide,,P0,z@b.example", "an earlier line is about the same one"),
    ],
)
def test_faulty_lines(line: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        read_overrides(HEAD + "kolide,d0,,a@b.example\nkolide,,p0,a@b.example\n" + line + "\n", "o.csv")
    assert [str(fault) for fault in raised.value.faults] == [f"o.csv:4: {problem}"]


@pytest.mark.parametrize("head", ["", "connector,device,login\n", "a,b,c,d\n", "connector,device,person,login,login\n"])
def test_the_head_line(head: str) -> None:
    with pytest.raises(ConfigError, match=r"o\.csv:1: the head line"):
        read_overrides(head, "o.csv")


def test_every_faulty_line_at_once_and_no_address_in_the_words() -> None:
    with pytest.raises(ConfigError) as raised:
        read_overrides(HEAD + ",d1,,ada@acme.example\nkolide,,,ada@acme.example\n", "o.csv")
    assert len(raised.value.faults) == 2
    assert "ada" not in str(raised.value)


def test_what_is_not_csv() -> None:
    with pytest.raises(ConfigError, match=r"o\.csv:2: this line is not CSV"):
        read_overrides(HEAD + "kolide,d1,," + "a" * 200_000 + "\n", "o.csv")
