"""owing: what one stream is owed about one wire subject, and all that follows from one decision: values to write."""

from __future__ import annotations

from bridge.model import ComplianceChange, Device, Held, LedgerRow, SignedSET, Stream, WireSubject
from bridge.ssf.ledger import HELD, UNKNOWN_AT_RECEIVER, Comparison
from bridge.store.records import LedgerMove, LedgerWrite, NewDelivery
from bridge.value import replace, value


@value
class Owing:
    """What one stream is owed about one wire subject."""

    stream: Stream
    subject: WireSubject
    row: LedgerRow
    comparison: Comparison
    device: Device
    event: ComplianceChange | None
    supersede: int | None
    superseded_why: str
    txn: str
    rung_at: float | None
    at: float

    @property
    def reason(self) -> str:
        return self.comparison.reason

    @property
    def costs(self) -> bool:
        """Whether it takes access from somebody, for real."""
        return self.event is not None and self.event.current == "not-compliant" and not self.stream.rehearsal

    @property
    def restores(self) -> bool:
        return self.event is not None and self.event.current == "compliant" and not self.stream.rehearsal

    @property
    def released(self) -> bool:
        """Whether an operator let it through the guard."""
        return self.row.held is not None and self.row.held.why == "released"

    def kept_back(self, connector: str, now: float) -> Owing:
        """The same, held by the guard of this connector instead of told."""
        assert self.event is not None
        held = Held(self.event.current, "guard", connector, now)
        told = Comparison("none", HELD["guard"], self.comparison.previous, self.row.told, None, held)
        return replace(self, comparison=told, event=None)

    def delivery(self, signed: SignedSET, now: float) -> NewDelivery:
        assert self.event is not None
        return NewDelivery(
            stream_id=self.stream.id,
            subject=self.subject.key,
            order=self.subject.order,
            jti=signed.jti,
            txn=self.txn,
            kid=signed.kid,
            text=signed.text,
            status=self.event.current,
            previous=self.event.previous,
            connector=self.device.connector,
            device_id=self.device.device_id,
            created_at=now,
            rung_at=self.rung_at,
            state="dry_run" if self.stream.rehearsal else "pending",
        )

    def write(self, delivery: NewDelivery | None) -> LedgerWrite:
        row = replace(
            self.row,
            login=self.subject.login,
            connector=self.subject.connector or "",
            device_id=self.subject.device_id or "",
            told=self.comparison.told,
            given_up=self.comparison.given_up,
            event_at=self.event.at if self.event else self.row.event_at,
            reason=self.reason,
            compared_at=self.at,
            held=self.comparison.held,
            named=f"{self.device.connector}/{self.device.device_id}" if self.event else self.row.named,
        )
        return LedgerWrite(row, delivery, self.supersede, self.superseded_why)


@value
class Owed:
    devices: tuple[Device, ...] = ()
    owings: tuple[Owing, ...] = ()
    moves: tuple[LedgerMove, ...] = ()
    seen: tuple[Device, ...] = ()
    """The other devices of these people, which what is owed goes by."""

    @property
    def strangers(self) -> bool:
        """Whether something is kept back because a receiver does not know the person."""
        return any(owing.reason == UNKNOWN_AT_RECEIVER for owing in self.owings)
