"""Secrets in files take effect while the bridge runs; one that cannot be read is said and changes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from bridge.clock import SystemClock
from bridge.receiver.keys import Fetched
from bridge.receiver.server import ReceiverServer
from tests.e2e.rig import Rig, audience
from tests.e2e.service import ISSUER
from tests.e2e.times import wait_until
from tests.e2e.webhooks import SECRET, opened, signature

BAD: Final = "not-compliant"
IN_TIME: Final = 15.0
"""Seconds; two on a machine that has nothing else to do."""


class SecretRig(Rig):
    """Each secret in a file of its own, two for webhooks."""

    def __init__(self, folder: Path, header: str = "Bearer right-header") -> None:
        for name, text in (("old", SECRET), ("new", "another-secret"), ("header", header)):
            (folder / name).write_text(text)
        super().__init__(
            folder,
            {"ssf": {"profile": "ssf", "authorization_header": "file:header"}},
            {"signing_secret": ["file:old", "file:new"], "api_key": "file:api"},
        )
        (folder / "api").write_text(self.api.key)

    def _receiver(self, name: str, settings: dict[str, Any]) -> ReceiverServer:
        clock = SystemClock()
        keys = Fetched(clock, issuer=ISSUER, jwks_url=f"{self.service.url}/.well-known/jwks.json")
        return ReceiverServer(
            profile="ssf", audience=audience(name), keys=keys, clock=clock, authorization="Bearer right-header"
        )

    async def status(self, secret: str) -> int:
        hook = opened(99)
        return (await self.send(hook, Authorization=signature(hook.body, secret))).status

    async def details(self) -> str:
        async with self.session.get(f"{self.service.admin}/readyz") as answer:
            assert answer.status == 200
            return next(c["detail"] for c in (await answer.json())["checks"] if c["name"] == "secrets")


async def _takes(rig: SecretRig, secret: str, status: int) -> bool:
    return await rig.status(secret) == status


async def test_secrets_change_while_it_runs(tmp_path: Path) -> None:
    async with SecretRig(tmp_path, "Bearer wrong-header") as rig:
        await rig.service.start(60)
        rig.api.add(99, owner=99)
        assert [await rig.status(secret) for secret in (SECRET, "another-secret", "third")] == [202, 202, 401]

        (tmp_path / "old").write_text("third-secret\n")
        await wait_until(lambda: _takes(rig, "third-secret", 202), IN_TIME)
        assert [await rig.status(secret) for secret in (SECRET, "another-secret")] == [401, 202]

        rig.api.key = "another-api-key"
        (tmp_path / "fresh").write_text("another-api-key")
        (tmp_path / "fresh").replace(tmp_path / "api")
        await wait_until(lambda: len(rig.service.logged("secret.changed")) == 2, IN_TIME)
        rig.api.add(1, owner=1).issues = {1: False}
        hook = opened(1)
        assert (await rig.send(hook, Authorization=signature(hook.body, "third-secret"))).status == 202

        await wait_until(lambda: rig.receivers["ssf"].book.receipts)
        assert rig.receivers["ssf"].book.receipts[0].err == "authentication_failed"
        (tmp_path / "header").write_text("Bearer right-header\n")
        await rig.hears("ssf", BAD, device=1)
        assert [one["key"] for one in rig.service.logged("secret.changed")] == [
            "connectors.kolide.signing_secret.0", "connectors.kolide.api_key", "receivers.ssf.authorization_header",
        ]  # fmt: skip
        _nothing_told(rig)


async def test_a_secret_that_cannot_be_read_any_more(tmp_path: Path) -> None:
    async with SecretRig(tmp_path) as rig:
        await rig.service.start(60)
        assert await rig.details() == "in force"
        (tmp_path / "header").unlink()
        (tmp_path / "old").write_text("\n")

        async def said() -> bool:
            words = await rig.details()
            return "authorization_header: file header cannot be read" in words and "file old is empty" in words

        await wait_until(said, IN_TIME)
        rig.api.add(1, owner=1).issues = {1: False}
        await rig.ring(opened(1))
        await rig.hears("ssf", BAD, device=1)
        (tmp_path / "header").write_text("Bearer right-header")
        (tmp_path / "old").write_text(SECRET)
        await wait_until(lambda: _in_force(rig), IN_TIME)
        assert len(rig.service.logged("secret.kept")) == 2
        _nothing_told(rig)


async def _in_force(rig: SecretRig) -> bool:
    return await rig.details() == "in force"


def _nothing_told(rig: SecretRig) -> None:
    text = rig.service.log.read_text()
    assert not any(word in text for word in ("third-secret", "another-", "-header", SECRET, rig.api.key))
