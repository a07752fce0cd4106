"""What shows in the bridge's own state is raised, and taken back when it has ended."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from cryptography import x509

from bridge.channels import Certificate
from bridge.clock import SystemClock
from bridge.config.notify import Alarms
from bridge.model import Held
from bridge.pipeline.notices.watch import Sights, Watch
from bridge.store import open_store
from bridge.store.errands import ConnectorRow
from bridge.store.protocol import Store
from bridge.store.records import LedgerWrite, Settlement, Unit
from tests.independent.authority import Authority
from tests.pipeline.test_notices import DAY, INTERVAL, Desk, target
from tests.store.given import FakeClock, device, mint, minted, told
from tests.web.test_server import certificate


@dataclass
class State:
    streams: dict[str, str] = field(default_factory=lambda: {"s": "okta"})
    unwell: list[tuple[str, float, str]] = field(default_factory=list)
    denied: dict[str, bool | None] = field(default_factory=dict)
    failing: list[str] = field(default_factory=list)
    expiring: dict[str, float] = field(default_factory=dict)

    async def fails(self) -> Sequence[str]:
        return self.failing


class Scene:
    def __init__(self, store: Store, clock: FakeClock) -> None:
        self.state = State()
        self.desk = Desk(store, clock, target(devices=True))
        self.clock, self.store = clock, store
        self.begin()

    def begin(self) -> None:
        state = self.state
        sights = Sights(
            lambda: state.streams, lambda: state.unwell, lambda: state.denied, state.fails, lambda: state.expiring
        )
        self.watch = Watch(self.desk.notices, self.store, sights, Alarms(), self.clock)

    async def again(self) -> None:
        await self.desk.again()
        self.begin()

    async def later(self, seconds: float) -> list[str]:
        """All that was told so far."""
        self.clock.at += seconds
        await self.watch.look()
        await self.desk.work()
        return [kind for kind, _, _ in self.desk.channel.told()]


@pytest.fixture
async def scene() -> Scene:
    clock = FakeClock(1_700_000_000.0)
    return Scene(await open_store("memory:", clock, exclusive=False, create=True), clock)


async def test_a_receiver_is_unwell_for_ten_minutes_and_well_again(scene: Scene) -> None:
    scene.state.unwell = [("okta", scene.clock.at, "connect")]
    assert await scene.later(599) == []
    assert await scene.later(1) == ["stream.unwell"]
    assert "(connect)" in scene.desk.channel.tries[0][2]["data"]["text"]
    await scene.again()
    assert await scene.later(60) == ["stream.unwell"]
    scene.state.unwell = []
    assert await scene.later(60) == ["stream.unwell", "stream.well"]
    assert "12 minutes" in scene.desk.channel.tries[1][2]["data"]["text"]


async def test_a_receiver_that_became_well_while_we_were_down(scene: Scene) -> None:
    scene.state.unwell = [("okta", scene.clock.at - 700, "connect")]
    await scene.later(0)
    scene.state.unwell = []
    await scene.again()
    assert await scene.later(10) == ["stream.unwell", "stream.well"]


async def test_of_a_stream_that_was_deleted_nothing_stands_and_it_is_not_well_again(scene: Scene) -> None:
    scene.state.unwell = [("okta", scene.clock.at - 700, "connect")]
    (dead,) = await minted(scene.store, mint("ann|d1", stream="s"))
    await scene.store.settle([Settlement(dead, "dead", scene.clock.at, "invalid_request")])
    assert sorted(await scene.later(0)) == ["delivery.dead", "stream.unwell"]
    scene.state.streams, scene.state.unwell = {}, []
    assert sorted(await scene.later(10)) == ["delivery.dead", "stream.unwell"]
    assert scene.desk.notices.standing("dead") == scene.desk.notices.standing("unwell") == set()


async def test_a_short_trouble_is_not_told(scene: Scene) -> None:
    for _ in range(10):
        scene.state.unwell = [("okta", scene.clock.at, "connect")]
        scene.state.failing = ["store"]
        await scene.later(50)
        scene.state.unwell, scene.state.failing = [], []
        assert await scene.later(10) == []


async def test_a_part_that_stays_stuck(scene: Scene) -> None:
    scene.state.failing = ["store", "workers"]
    await scene.later(0)
    assert await scene.later(60) == ["bridge.stuck", "bridge.stuck"]
    scene.state.failing = []
    await scene.later(10)
    assert scene.desk.notices.standing("stuck") == set()


async def test_denied_is_known_only_once_somebody_asked(scene: Scene) -> None:
    scene.state.denied = {"kolide": True}
    assert await scene.later(0) == ["connector.denied"]
    scene.state.denied = {"kolide": None}
    await scene.again()
    await scene.later(0)
    assert scene.desk.notices.standing("denied") == {"kolide"}
    scene.state.denied = {"kolide": False}
    await scene.later(0)
    assert scene.desk.notices.standing("denied") == set()


async def test_dead_rows_are_counted_and_one_device_is_an_example(scene: Scene) -> None:
    await scene.store.commit([Unit(devices=(device("d1", name="Ann's Mac"),))])
    for number in range(2):
        await die(scene.store, f"u{number}", scene.clock.at)
        assert await scene.later(INTERVAL) == ["delivery.dead"] * (number + 1)
    data = scene.desk.channel.tries[1][2]["data"]
    assert (data["about"], data["count"], data["device"]) == ("okta", 2, "Ann's Mac")


async def test_what_the_guard_holds_and_what_drifted(scene: Scene) -> None:
    scene.state.denied = {"kolide": False}
    await scene.store.put_connector(ConnectorRow("kolide", listed_at=1.0, listed=100, drifted=7))
    await scene.store.put_connector(ConnectorRow("former", listed_at=1.0, listed=100, drifted=7))
    holding = told("compliant", held=Held("not-compliant", "guard", "kolide", 1.0))
    assert await scene.store.commit([Unit(ledger=(LedgerWrite(holding),))]) == []
    assert sorted(await scene.later(0)) == ["connector.drift", "guard.held"]
    await scene.store.put_connector(ConnectorRow("kolide", listed_at=2.0, listed=100, drifted=0))
    released = replace(holding, version=1, held=Held("not-compliant", "released", "kolide", 1.0))
    assert await scene.store.commit([Unit(ledger=(LedgerWrite(released),))]) == []
    await scene.later(0)
    assert scene.desk.notices.standing("guard") == scene.desk.notices.standing("drift") == set()
    assert len(await scene.later(DAY)) == 2


async def die(store: Store, subject: str, now: float) -> None:
    (delivery,) = await minted(store, mint(subject, subject))
    await store.settle([Settlement(delivery, "dead", now, "invalid_request", attempts=9)])


async def test_a_certificate_that_runs_out(scene: Scene) -> None:
    scene.state.expiring = {"server.tls_cert_file": scene.clock.at + 20 * DAY}
    assert await scene.later(0) == []
    assert await scene.later(6 * DAY) == ["secret.expiring"]
    scene.state.expiring = {"server.tls_cert_file": scene.clock.at + 90 * DAY}
    await scene.later(0)
    assert scene.desk.notices.standing("expiring") == set()


def test_the_end_of_a_certificate_is_read_and_read_again(tmp_path: Path) -> None:
    key_file = tmp_path / "key.pem"
    assert Certificate(None, None).end() is None
    assert Certificate(tmp_path / "none.pem", key_file).end() is None
    file = tmp_path / "cert.pem"  # where `certificate` writes one below
    file.write_text("not a certificate")
    watched = Certificate(file, key_file)
    assert watched.end() is None
    made, _ = certificate(tmp_path)
    end = x509.load_pem_x509_certificate(made.read_bytes()).not_valid_after_utc.timestamp()
    assert watched.end() == end and abs(end - SystemClock().now() - DAY) < 60
    made.write_text("broken")
    assert watched.end() == end
    later, _ = Authority(tmp_path).issue("localhost")
    made.write_bytes(later.read_bytes())
    assert watched.end() == end, "its key is another one, so it is not shown"
