"""The audit log: one way of writing, no person's address in it; and what changed in the configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.clock import SystemIds
from bridge.config import load
from bridge.pipeline.journal import Journal
from bridge.pipeline.operator.configuration import note_configuration
from bridge.store import open_store
from bridge.store.protocol import Store
from tests.store.given import FakeClock

CONFIG = """
[transmitter]
issuer = "https://signals.acme.example"
[connectors.kolide]
type = "kolide"
signing_secret = "{secret}"
api_key = "env:KEY"
judge = "{judge}"
[receivers.okta]
profile = "okta"
audience = "https://acme.okta.com"
authorization_header = "Bearer {secret}"
"""
SECRETS = {"kolide": {"signing_secret", "api_key"}}


@pytest.fixture
async def store() -> Store:
    return await open_store("memory:", FakeClock(), exclusive=True)


def journal(store: Store, who: str = "root") -> Journal:
    return Journal(store, FakeClock(), SystemIds(), who)


async def test_an_entry_says_who_what_before_after_and_why(store: Store) -> None:
    await journal(store).write("guard.release", "kolide", why="checked", before="held 3", after="released 3")
    (entry,) = await store.audit()
    assert (entry.at, entry.who, entry.what, entry.target) == (1000.0, "root", "guard.release", "kolide")
    assert (entry.why, entry.before, entry.after) == ("checked", "held 3", "released 3")


async def test_addresses_and_credentials_never_get_in(store: Store) -> None:
    log = journal(store)
    await log.write("x", "Ada@Acme.example", why="Bearer abcdef, for ada@acme.example", before="ada%40acme.example")
    (entry,) = await store.audit()
    person = await log.person("ada@acme.example")
    assert entry.target == person and person.startswith("person:")
    assert entry.before == person and entry.why == f"Bearer [redacted], for {person}"


async def test_the_hash_is_that_of_this_store_for_ever(store: Store) -> None:
    first, second = await journal(store).person("a@b.example"), await journal(store).person("A@B.example")
    other = await open_store("memory:", FakeClock(), exclusive=True)
    assert first == second != await journal(other).person("a@b.example")


class TestConfiguration:
    async def start(self, store: Store, folder: Path, version: str = "1", text: str = CONFIG, **values: str) -> None:
        file = folder / "config.toml"
        file.write_text(text.format(**{"secret": "s3cr3t-one", "judge": "issues", **values}))
        loaded = load(file, {"KEY": values.get("key", "key-one")})
        await note_configuration(journal(store), loaded, SECRETS, version)

    async def changes(self, store: Store) -> list[tuple[str, str, str]]:
        return [(e.target, e.before, e.after) for e in await store.audit() if e.what == "configuration.change"]

    async def test_the_first_start_is_one_line_and_the_same_again_none(self, store: Store, tmp_path: Path) -> None:
        await self.start(store, tmp_path)
        await self.start(store, tmp_path)
        (entry,) = await store.audit()
        assert entry.what == "configuration.begin" and entry.after.endswith(" settings")

    async def test_what_changed_is_written_key_by_key(self, store: Store, tmp_path: Path) -> None:
        await self.start(store, tmp_path)
        await self.start(
            store, tmp_path, "2", CONFIG + "[guard]\nmax_users = 3\n[log]\nlevel = 'debug'\n", judge="trust"
        )
        assert sorted(await self.changes(store)) == [
            ("connectors.kolide.judge", "issues", "trust"),
            ("guard.max_users", "25", "3"),
            ("log.level", "info", "debug"),
            ("version", "1", "2"),
        ]

    async def test_of_a_secret_only_that_it_changed(self, store: Store, tmp_path: Path) -> None:
        await self.start(store, tmp_path)
        await self.start(store, tmp_path, secret="s3cr3t-two", key="key-two")
        assert sorted(await self.changes(store)) == [
            ("connectors.kolide.api_key", "set", "changed"),
            ("connectors.kolide.signing_secret", "set", "changed"),
            ("receivers.okta.authorization_header", "set", "changed"),
        ]
        await self.start(store, tmp_path, text=CONFIG.replace('api_key = "env:KEY"\n', ""), secret="s3cr3t-two")
        assert (await self.changes(store))[0] == ("connectors.kolide.api_key", "set", "")
        kept = f"{await store.mark('configuration')}{await store.audit()}"
        assert "s3cr3t" not in kept and "key-one" not in kept and "key-two" not in kept

    async def test_a_person_whom_the_configuration_names(self, store: Store, tmp_path: Path) -> None:
        await self.start(store, tmp_path)
        exempt = "[[policy.exempt]]\nwhy = 'on leave'\nuser = 'ada@acme.example'\n"
        await self.start(store, tmp_path, text=CONFIG + exempt)
        person = await journal(store).person("ada@acme.example")
        changed = {target: (before, after) for target, before, after in await self.changes(store)}
        assert changed["policy.exempt.0.user"] == ("", person)
        assert changed["policy.exempt.0.why"] == ("", "on leave")
        assert "ada@" not in str(await store.mark("configuration"))

    async def test_a_receiver_that_goes_is_told_key_by_key(self, store: Store, tmp_path: Path) -> None:
        await self.start(store, tmp_path)
        await self.start(store, tmp_path, text=CONFIG.split("[receivers.okta]")[0])
        changed = {target: (before, after) for target, before, after in await self.changes(store)}
        assert changed["receivers.okta.audience"] == ("https://acme.okta.com", "")
        assert changed["receivers.okta.authorization_header"] == ("set", "")
