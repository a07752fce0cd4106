"""`[policy]` of the configuration: what an admin decided beside what the vendor says. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bridge.model import Device, Finding, Judge, Status, Verdict


@dataclass(frozen=True, slots=True)
class Exemption:
    """Who or what does not count as failing, until `until` (seconds; None: for good).

    All that is named must agree; `device` and `user` exempt a device, `check` and `tag` single findings.
    """

    why: str
    connector: str | None = None
    device: str | None = None
    user: str | None = None
    check: str | None = None
    tag: str | None = None
    until: float | None = None

    @property
    def of_findings(self) -> bool:
        return self.check is not None or self.tag is not None

    def lasts(self, now: float) -> bool:
        return self.until is None or now < self.until

    def means(self, connector: str, device_id: str, login: str | None) -> bool:
        return (
            self.connector in (None, connector)
            and self.device in (None, device_id)
            and (self.user is None or (login is not None and self.user.casefold() == login.casefold()))
        )

    def covers(self, finding: Finding) -> bool:
        return self.check in (None, finding.check) and (self.tag is None or self.tag in finding.tags)


@dataclass(frozen=True, slots=True)
class Policy:
    """Times in seconds. The default changes nothing."""

    settle: float = 0.0
    """A failure is told only when it is still so after this."""
    stale_after: float | None = None
    """A device that the vendor has not seen for longer is stale; None: never."""
    on_stale: Literal["keep", "not-compliant"] = "keep"
    on_gone: Literal["keep", "release"] = "keep"
    exempt: tuple[Exemption, ...] = ()

    @property
    def is_silent(self) -> bool:
        """Whether it can keep nothing back."""
        return not self.settle and not self.exempt

    def is_stale(self, seen_at: float | None, now: float) -> bool:
        return self.stale_after is not None and seen_at is not None and now - seen_at > self.stale_after

    def exemption_of(self, device: Device, now: float) -> Exemption | None:
        """The exemption of the device or its person; of several the one that lasts longest."""
        found = [
            one
            for one in self.exempt
            if not one.of_findings and one.lasts(now) and one.means(device.connector, device.device_id, device.login)
        ]
        return max(found, key=lambda one: float("inf") if one.until is None else one.until, default=None)

    def judging(self, judge: Judge, connector: str, device_id: str, login: str | None) -> Judge:
        """`judge`, to which exempted findings do not exist."""
        mine = tuple(one for one in self.exempt if one.of_findings and one.means(connector, device_id, login))
        return _Lenient(judge, mine, judge.without_api) if mine else judge


@dataclass(frozen=True, slots=True)
class _Lenient:
    judge: Judge
    exempt: tuple[Exemption, ...]
    without_api: bool

    def __call__(self, findings: Sequence[Finding], status: str | None, *, held: Status | None, now: float) -> Verdict:
        counting = [one for one in findings if not any(e.lasts(now) and e.covers(one) for e in self.exempt)]
        return self.judge(counting, status, held=held, now=now)
