"""What every folder of connectors/ must pass: its samples, and what a forger or a broken sender would send."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bridge.connector import manifest as manifests
from bridge.connector.connector import Connector
from bridge.connector.load import FILE, bundled, describe, list_types, load
from bridge.connector.trial.replay import replay
from bridge.connector.trial.sample import Recorded, Stopped, read_request
from bridge.errors import ConfigError, Misfit, Unauthenticated
from bridge.model import Parsed, VerifiedWebhook, Webhook

TYPES = list_types()
CASES = [(name, file) for name in TYPES for file in sorted((bundled() / name / "samples").glob("*.http"))]
ids = [f"{name}-{file.stem}" for name, file in CASES]


def settings(name: str) -> dict[str, Any]:
    return tomllib.loads((bundled() / name / "samples" / "settings.toml").read_text())


def connector(name: str, **more: object) -> Connector:
    table = {"type": name, **settings(name), **more}
    return load(name, table, outbound=Recorded(None), clock=Stopped(), base_dir=Path())


def recorded(name: str, file: Path) -> Webhook:
    webhook, received = read_request(file)
    return webhook if received else replace(webhook, received_at=connector(name).stated_time(webhook) or 0.0)


def secrets(name: str) -> list[str]:
    given = settings(name)
    return [given[one.name] for one in describe(name).settings if one.secret and isinstance(given.get(one.name), str)]


@pytest.mark.parametrize("name", TYPES)
def test_the_folder_is_whole(name: str) -> None:
    folder, said = bundled() / name, describe(name)
    readme = (folder / "README.md").read_text()
    assert said.title and said.docs.startswith("https://") and all(setting.help for setting in said.settings)
    for word in [*(setting.name for setting in said.settings), *(judge.name for judge in said.judgements)]:
        assert f"`{word}`" in readme, f"the README does not explain {word}"
    assert all(judge.help for judge in said.judgements)
    assert len([case for case, _ in CASES if case == name]) >= 3
    for file in set((folder / "samples").glob("*.json")) - set((folder / "samples").glob("*.list.json")):
        assert (folder / "samples" / f"{file.name.split('.api.')[0].split('.expected.')[0]}.http").is_file(), file.name


@pytest.mark.parametrize(("name", "file"), CASES, ids=ids)
def test_a_sample_comes_to_what_is_expected(name: str, file: Path) -> None:
    api = file.with_suffix(".api.json")
    found = replay(name, file, api if api.exists() else None, settings(name), every_judgement=True).as_json()
    assert json.loads(json.dumps(found)) == json.loads(file.with_suffix(".expected.json").read_text())


@pytest.mark.parametrize("name", TYPES)
def test_every_event_has_a_sample(name: str) -> None:
    played = [connector(name).parse(VerifiedWebhook(recorded(name, file))) for case, file in CASES if case == name]
    assert set(describe(name).events) <= {parsed.type for parsed in played}
    assert {"unknown_event"} <= {parsed.ignored for parsed in played}


@pytest.mark.parametrize(("name", "file"), CASES, ids=ids)
def test_a_forger_is_refused(name: str, file: Path) -> None:
    ours, webhook = connector(name), recorded(name, file)
    ours.verify(webhook)
    signed = ours._manifest.auth.scheme in ("hmac-sha256", "standard-webhooks")
    for forged in [*_without_proof(ours, webhook), *(_flipped(webhook) if signed else [])]:
        with pytest.raises(Unauthenticated) as caught:
            ours.verify(forged)
        assert not any(secret in repr(caught.value) for secret in secrets(name))


def _without_proof(ours: Connector, webhook: Webhook) -> Iterator[Webhook]:
    header = ours._manifest.auth.header
    if header:
        rest = {key: value for key, value in webhook.headers.items() if key != header}
        yield replace(webhook, headers=rest)
        for value in ("", " ", "x", "é" * 64, "0" * 64, "A" * 100_000, webhook.headers[header][:-1]):
            yield replace(webhook, headers={**webhook.headers, header: value})
    elif ours._manifest.auth.param:
        yield replace(webhook, query="")


def _flipped(webhook: Webhook) -> Iterator[Webhook]:
    body = webhook.body
    for at in range(0, len(body), 7):
        yield replace(webhook, body=body[:at] + bytes([body[at] ^ 4]) + body[at + 1 :])
    yield replace(webhook, body=body[:-1])
    yield replace(webhook, body=body + b" ")
    yield replace(webhook, body=b"")


@pytest.mark.parametrize("name", TYPES)
def test_an_empty_secret_is_refused_at_start(name: str) -> None:
    auth = connector(name)._manifest.auth
    for empty in ("", [""], []):
        with pytest.raises(ConfigError):
            connector(name, **{auth.secret: empty})


@pytest.mark.parametrize(("name", "file"), CASES, ids=ids)
def test_a_broken_body_is_a_misfit(name: str, file: Path) -> None:
    ours, webhook = connector(name), recorded(name, file)
    for cut in range(0, len(webhook.body), 11):
        with pytest.raises(Misfit) as caught:
            ours.parse(VerifiedWebhook(replace(webhook, body=webhook.body[:cut])))
        assert len(str(caught.value)) < 200


@pytest.mark.parametrize(("name", "file"), CASES, ids=ids)
def test_a_mistyped_member_is_a_misfit_or_does_not_matter(name: str, file: Path) -> None:
    """Never another error, never a value of the body in the words, never a device that the body does not name."""
    ours, webhook = connector(name), recorded(name, file)
    for changed in _changes(json.loads(webhook.body)):
        try:
            parsed = ours.parse(VerifiedWebhook(replace(webhook, body=json.dumps(changed).encode())))
            assert isinstance(parsed, Parsed) and _named([one.device_id for one in parsed.statements], webhook)
        except Misfit as misfit:
            assert "marker" not in str(misfit) and _named(misfit.device_ids, webhook)


def _named(device_ids: Sequence[str], webhook: Webhook) -> bool:
    return all(device_id == "7" or device_id.encode() in webhook.body for device_id in device_ids)


def _changes(tree: Any) -> Iterator[Any]:
    """The tree with one member after the other replaced by something odd, or left out."""
    if not isinstance(tree, dict):
        return
    for key, value in tree.items():
        for odd in (None, 7, -1.5, True, [], {}, {"marker": 1}, ["marker"], {"id": {"marker": [None]}}):
            yield {**tree, key: odd}
        yield {name: member for name, member in tree.items() if name != key}
        for inner in _changes(value):
            yield {**tree, key: inner}


@pytest.mark.parametrize("name", TYPES)
def test_no_secret_is_shown(name: str) -> None:
    ours = connector(name)
    parts = [ours, ours._given, ours._manifest, ours.judge, *vars(ours).values()]
    shown = " ".join(f"{part!r} {part}" for part in parts)
    assert secrets(name) and not any(secret in shown for secret in secrets(name))


@pytest.mark.parametrize("name", TYPES)
def test_every_path_into_a_body_is_held_by_a_sample(name: str) -> None:
    """A vendor's path that no sample holds may be a slip of the pen."""
    file = bundled() / name / FILE
    manifest = manifests.read(file.read_text(), file.name)
    bodies = [json.loads(recorded(name, one).body) for case, one in CASES if case == name]
    request = [one for one in (manifest.request.id, manifest.request.at, manifest.request.type) if one]
    for on in manifest.ons:
        parts = [on.when, on.device, on.name, on.owner, on.owner_id]
        parts += [getattr(on.finding, slot) for slot in on.finding.__slots__] if on.finding else []
        request += [part for part in parts if part is not None]
    for expression in request:
        for mention in expression.mentions:
            if mention.variable == "body":
                assert any(mention.reach({"body": body}) is not None for body in bodies), mention.text


@pytest.mark.parametrize("name", TYPES)
def test_the_engine_knows_no_vendor(name: str) -> None:
    import bridge

    assert bridge.__file__ is not None
    for file in Path(bridge.__file__).parent.joinpath("connector").rglob("*.py"):
        assert name.lower() not in file.read_text().lower(), file.name
