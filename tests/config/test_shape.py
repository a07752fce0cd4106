"""How a receiver's and a client's SETs look, as the admin says it, and what is wrong with that."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.config import load
from bridge.errors import ConfigError
from bridge.model import Shape
from bridge.pipeline.streams.plan import stream_of
from bridge.store.records import StreamRow

ISSUER = '[transmitter]\nissuer = "https://signals.acme.example"\n'
RECEIVER = '[receivers.a]\naudience = "https://a.okta.com"\nendpoint_url = "https://a.example/events"\n'
CLIENT = '[oauth.clients.a]\nsecret = "a-secret-of-some-length"\naudience = "https://a.example"\n'
IDP = 'subject_issuer = "https://idp.acme.example"\n'
ISS_SUB = f'subject_format = "iss_sub"\n{IDP}'


def faults(folder: Path, text: str) -> list[str]:
    file = folder / "config.toml"
    file.write_text(ISSUER + text)
    with pytest.raises(ConfigError) as caught:
        load(file, {})
    return [f"{fault.path}: {fault.message}" for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("lines", "shape"),
    [
        ('profile = "ssf"', Shape()),
        ('profile = "sse"', Shape()),
        ('profile = "okta"', Shape()),
        (f'profile = "ssf"\n{ISS_SUB}', Shape(subject_format="iss_sub", subject_issuer="https://idp.acme.example")),
        ('profile = "ssf"\nlegacy_subject = true\ntenant = "acme"', Shape(legacy_subject=True, tenant="acme")),
        ('profile = "sse"\nbare_subject = true\nlegacy_events = true', Shape(bare_subject=True, legacy_events=True)),
        ('profile = "okta"\nlegacy_subject = false\nsubject_format = "email"', Shape()),
    ],
)
def test_the_shape_of_a_stream(tmp_path: Path, lines: str, shape: Shape) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f"{ISSUER}{RECEIVER}{lines}\n")
    receiver = load(file, {}).config.receivers["a"]
    assert receiver.shape == shape
    assert stream_of(receiver, StreamRow("s1", "a", receiver.audience, 1.0)).shape == shape
    if receiver.profile == "okta":
        return
    file.write_text(f"{ISSUER}{CLIENT}{lines}\n")
    client = load(file, {}).config.oauth.clients["a"]
    assert (client.profile, client.shape) == (receiver.profile, shape)


def test_a_client_that_knows_only_people_is_told_of_people(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(f'{ISSUER}{CLIENT}subject = "user"\n')
    client = load(file, {}).config.oauth.clients["a"]
    assert (client.profile, client.subject, client.aggregate, client.send_txn) == ("ssf", "user", "user", None)


FAULTS = [
    ('profile = "ssf"\nsubject_format = "iss_sub"', 'subject_format: "iss_sub" needs subject_issuer beside it'),
    (f'profile = "ssf"\n{IDP}', 'subject_issuer: has a meaning only with subject_format = "iss_sub"'),
    ('profile = "ssf"\nsubject_format = "phone"', 'subject_format: must be "email" or "iss_sub"'),
    ('profile = "ssf"\nsubject_issuer = ""', "subject_issuer: must not be empty"),
    ('profile = "ssf"\ntenant = ""', "tenant: must not be empty"),
    ('profile = "ssf"\ntenant = "acme"\nsubject = "user"', 'tenant: has a meaning only with subject = "device"'),
    ('profile = "sse"\ntenant = "acme"', 'tenant: has a meaning only with profile = "ssf", this one is "sse"'),
    ('profile = "sse"\nlegacy_subject = true', 'legacy_subject: has a meaning only with profile = "ssf"'),
    ('profile = "ssf"\nbare_subject = true', 'bare_subject: has a meaning only with profile = "sse"'),
    ('profile = "ssf"\nlegacy_events = true', 'legacy_events: has a meaning only with profile = "sse"'),
    ('profile = "ssf"\nlegacy_subject = "yes please"', "legacy_subject: must be true or false"),
    ('profile = "ssf"\nsubject = "user"\naggregate = "device"', 'aggregate: must be "user" where subject = "user"'),
    ('profile = "ssf"\nlegacy_subjects = true', "legacy_subjects: unknown key (did you mean legacy_subject?)"),
]


@pytest.mark.parametrize("table", [RECEIVER, CLIENT], ids=["receiver", "client"])
@pytest.mark.parametrize(("lines", "fault"), FAULTS)
def test_what_is_wrong_with_one(tmp_path: Path, table: str, lines: str, fault: str) -> None:
    (found,) = faults(tmp_path, f"{table}{lines}\n")
    place = "receivers.a" if table is RECEIVER else "oauth.clients.a"
    assert found.startswith(f"{place}.{fault}")


@pytest.mark.parametrize(
    ("line", "key"),
    [
        (ISS_SUB, "subject_format"), ("legacy_subject = true", "legacy_subject"), ("tenant = 'acme'", "tenant"),
        ("bare_subject = true", "bare_subject"), ("legacy_events = true", "legacy_events"),
    ],
)  # fmt: skip
def test_okta_has_a_shape_of_its_own(tmp_path: Path, line: str, key: str) -> None:
    (found,) = faults(tmp_path, f'{RECEIVER}profile = "okta"\n{line}\n')
    assert found.startswith(f"receivers.a.{key}: has a meaning only with profile = ")
    assert found.endswith('this one is "okta"')


def test_a_client_is_never_okta(tmp_path: Path) -> None:
    (found,) = faults(tmp_path, f'{CLIENT}profile = "okta"\n')
    assert found == 'oauth.clients.a.profile: must be "ssf" or "sse"'


@pytest.mark.parametrize("wrong", [r"\u0000", r"\u0007"])
def test_texts_that_are_stored_hold_no_control_characters(tmp_path: Path, wrong: str) -> None:
    assert faults(
        tmp_path, f'[receivers.a]\nprofile = "ssf"\nendpoint_url = "https://a.example/e"\naudience = "a{wrong}"'
    ) == ["receivers.a.audience: must not hold control characters"]
