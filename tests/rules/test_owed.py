from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bridge.model import Device, LedgerRow, Override, SignedSET, Snapshot, Status, Stream, Tail
from bridge.pipeline.draft import Draft, Standing, draft_of, reach_of
from bridge.pipeline.owed import owed_by
from bridge.pipeline.owing import Owed, Owing
from bridge.posture.decide import decide
from bridge.posture.decision import Context, Decision
from bridge.posture.identity import Identity, Overrides
from bridge.ssf.subject import wire_subject
from bridge.store.records import Scene
from tests.rules.given import ADA, BOB, NOW, broken, clean, context, finding, risk, snapshot, stated, stream

C: Status = "compliant"
NC: Status = "not-compliant"
NEW = replace(ADA, email="ada.new@acme.example")
STREAMS = (stream(), risk())


@dataclass(frozen=True)
class Titled:
    """As much of a connector as is asked for here."""

    title: str = "Kolide"
    namespace: str = "kolide-prod"
    dry_run: bool = False


SOURCES: Mapping[str, Any] = {
    "kolide": Titled(),
    "jamf": Titled("Jamf", "jamf"),
    "trial": Titled("Trial", "trial", dry_run=True),
}


def key(to: Stream, login: str | None, device: Device) -> tuple[str, str]:
    return (to.id, wire_subject(to, str(login), *device.key).key)


def told(to: Stream, device: Device, status: Any, login: str | None = None, **changes: Any) -> dict[Any, LedgerRow]:
    where = key(to, login or device.login, device)
    return {where: replace(LedgerRow(*where, login=str(login or device.login), told=status, version=3), **changes)}


def after(
    before: Device | None,
    seen: Snapshot,
    *others: Device,
    ledger: Mapping[Any, LedgerRow] | None = None,
    streams: Sequence[Stream] = STREAMS,
    family: Sequence[Device] = (),
    given: Context | None = None,
) -> Owed:
    decision = decide(before, seen, given or context())
    draft = draft_of(before, decision, Standing.DECIDED, streams, "kolide", "t1", NOW - 1)
    return settle(draft.with_family(family), *others, ledger=ledger)


def settle(draft: Draft, *others: Device, ledger: Mapping[Any, LedgerRow] | None = None) -> Owed:
    known = [*([draft.before] if draft.before else []), *draft.family, *others]
    people = {login: tuple(one for one in known if one.login == login) for login in draft.logins}
    rows = ledger or {}
    assert set(rows) <= reach_of(draft).subjects, "the scene holds only what was asked for"
    return owed_by(draft, Scene(people, rows), draft.streams, SOURCES, NOW)


def sets(owed: Owed) -> list[tuple[str, str, str, str]]:
    events = [(owing.stream.name, owing.event) for owing in owed.owings if owing.event is not None]
    return [(name, event.login, event.previous, event.current) for name, event in events]


def one(owed: Owed, name: str = "rp") -> Owing:
    (owing,) = [owing for owing in owed.owings if owing.stream.name == name]
    return owing


def test_a_failing_device_is_told_to_every_stream() -> None:
    owed = after(clean(), snapshot(finding(at=NOW - 60)))
    assert sets(owed) == [("rp", ADA.email, C, NC), ("okta", ADA.email, C, NC)]
    assert [(device.status, device.updated_at) for device in owed.devices] == [(NC, NOW)]
    event = one(owed).event
    assert event is not None
    assert (event.at, event.namespace, event.device_id, event.txn) == (int(NOW - 60), "kolide-prod", "d1", "t1")
    assert event.reason_admin == "Kolide: Check 1"


def test_a_connector_in_dry_run_neither_holds_nor_lets_go() -> None:
    tried = replace(clean(), connector="trial", device_id="t9", status=NC)
    assert sets(after(clean(), snapshot(), tried)) == []
    failing = after(clean(), snapshot(finding()), tried)
    assert sets(failing) == [("rp", ADA.email, C, NC), ("okta", ADA.email, C, NC)]
    released = after(clean(), snapshot(), tried, ledger=told(risk(), clean(), NC), streams=[risk()])
    assert sets(released) == []


def test_what_is_written() -> None:
    owing = one(after(clean(), snapshot(finding(at=NOW - 60)), ledger=told(stream(), clean(), C, event_at=5)))
    delivery = owing.delivery(SignedSET("j1", int(NOW), "k1", "text"), NOW)
    write = owing.write(delivery)
    assert (delivery.jti, delivery.previous, delivery.status, delivery.rung_at) == ("j1", C, NC, NOW - 1)
    assert (delivery.order, delivery.device_id) == ("device=kolide:d1", "d1")
    assert (write.row.told, write.row.given_up, write.row.version, write.row.reason) == (NC, None, 3, "told")
    assert (write.row.event_at, write.row.compared_at, write.supersede) == (int(NOW - 60), NOW, None)
    assert (write.row.login, write.row.connector, write.row.device_id) == (ADA.email, "kolide", "d1")


def test_the_event_is_never_before_what_was_told_last() -> None:
    ledger = told(stream(), clean(), C, event_at=int(NOW) - 5)
    event = one(after(clean(), snapshot(finding(at=NOW - 60)), ledger=ledger)).event
    assert event is not None
    assert event.at == int(NOW) - 5


@pytest.mark.parametrize(
    ("findings", "titles"),
    [
        ((finding("1", title="Disk Is Not Encrypted"),), "Disk Is Not Encrypted is resolved; "),
        ((finding("1", title="Disk"), finding("2", title="Lock")), "Disk, Lock are resolved; "),
        ((finding("1", title="", check=""),), ""),
        ((finding("1", title="laptop of ada@acme.example"),), "this device of (address) is resolved; "),
    ],
)
def test_a_recovery_names_what_is_resolved(findings: Any, titles: str) -> None:
    ledger = told(stream(), broken(), NC) | told(risk(), broken(), NC)
    owed = after(broken(*findings), snapshot(), ledger=ledger)
    for name, whose in (("rp", "this device"), ("okta", "this person's devices")):
        event = one(owed, name).event
        assert event is not None
        assert event.reason_admin == f"Kolide: {titles}nothing that counts is failing any more on {whose}"


def test_a_long_recovery_keeps_its_end() -> None:
    many = tuple(finding(str(n), title=f"{n} " + "x" * 200) for n in range(9))
    event = one(after(broken(*many), snapshot(), ledger=told(stream(), broken(), NC))).event
    assert event is not None
    assert len(event.reason_admin) <= 300
    assert event.reason_admin.endswith("nothing that counts is failing any more on this device")


def test_the_recovery_of_one_laptop_does_not_clear_the_other() -> None:
    other = broken(device_id="d2")
    ledger = told(stream(), broken(), NC) | told(risk(), broken(), NC)
    owed = after(broken(), snapshot(), other, ledger=ledger)
    assert sets(owed) == [("rp", ADA.email, NC, C)]
    kept = one(owed, "okta")
    assert (kept.reason, kept.event) == ("already_told", None)
    assert kept.write(None).row.told == NC, "written nevertheless: a decision beside it must see it"


def test_what_changes_nothing_writes_nothing() -> None:
    ledger = told(stream(), broken(), NC) | told(risk(), broken(), NC)
    assert after(broken(), snapshot(finding()), ledger=ledger).owings == ()
    assert after(clean(), snapshot()).owings == ()


@pytest.mark.parametrize(
    "to",
    [
        stream(enabled=False),
        stream(orphaned=True),
        stream(events=frozenset()),
        stream(connectors=frozenset({"jamf"})),
        stream(domains=frozenset({"other.example"})),
    ],
)
def test_a_stream_that_may_not_or_will_not_hear_is_told_nothing(to: Stream) -> None:
    assert after(clean(), snapshot(finding()), streams=(to,)).owings == ()


def test_a_set_never_names_a_device_that_the_stream_may_not_hear_of() -> None:
    secret = broken(finding("9", title="Secret"), connector="jamf", device_id="j1", since=1.0)
    mine = broken(finding("2", title="Mine"), device_id="d2", since=NOW - 5)
    to = risk(connectors=frozenset({"kolide"}))
    assert sets(after(clean(), snapshot(), secret, streams=(to,))) == []
    event = one(after(clean(), snapshot(), secret, mine, streams=(to,)), "okta").event
    assert event is not None
    assert (event.device_id, event.reason_admin) == ("d2", "Kolide: Mine")


def test_a_set_never_names_a_device_that_is_somebody_elses_by_now() -> None:
    doubtful = replace(broken(), pending_owner=BOB, pending_since=NOW - 5)
    other = broken(finding("2", title="Other"), device_id="d2")
    owed = after(doubtful, snapshot(finding(), owner=BOB), other, streams=(risk(),))
    named = {owing.subject.login: owing.event.device_id for owing in owed.owings if owing.event}
    assert named == {ADA.email: "d2", BOB.email: "d1"}


def test_a_device_that_changes_hands() -> None:
    doubtful = replace(broken(), pending_owner=BOB, pending_since=NOW - 5)
    ledger = told(stream(), broken(), NC) | told(risk(), broken(), NC)
    owed = after(doubtful, snapshot(finding(), owner=BOB), ledger=ledger)
    assert sets(owed) == [
        ("rp", ADA.email, NC, C), ("rp", BOB.email, C, NC), ("okta", ADA.email, NC, C), ("okta", BOB.email, C, NC),
    ]  # fmt: skip
    words = {owing.event.reason_admin for owing in owed.owings if owing.event}
    assert words == {
        "Kolide: the device that fails is no longer assigned to this person",
        "Kolide: a device that fails is now assigned to this person: Check 1",
    }


def test_a_wrong_override_put_right_releases_the_wrong_person() -> None:
    wrong = broken(login="wrong@acme.example")
    rules = Identity(overrides=Overrides({("kolide", "d1"): str(BOB.email)}))
    given = context(identity=rules)
    owed = after(wrong, snapshot(finding()), ledger=told(risk(), wrong, NC), given=given, streams=(risk(),))
    assert sets(owed) == [("okta", "wrong@acme.example", NC, C), ("okta", BOB.email, C, NC)]


# -- renames -------------------------------------------------------------------------------------


@pytest.mark.parametrize("to", STREAMS)
def test_a_rename_moves_the_row_and_tells_nothing(to: Stream) -> None:
    owed = after(broken(), snapshot(finding(), owner=NEW), ledger=told(to, broken(), NC, event_at=9), streams=(to,))
    assert sets(owed) == []
    assert [(move.old, move.old_version) for move in owed.moves] == [(key(to, ADA.email, broken())[1], 3)]
    row = one(owed, to.name).write(None).row
    assert (row.subject, row.login) == (key(to, NEW.email, broken())[1], NEW.email)
    assert (row.told, row.event_at, row.version) == (NC, 9, 0)


def test_a_rename_with_a_recovery_tells_it_to_the_new_login() -> None:
    owed = after(broken(), snapshot(owner=NEW), ledger=told(stream(), broken(), NC), streams=(stream(),))
    assert sets(owed) == [("rp", NEW.email, NC, C)]
    assert len(owed.moves) == 1


def test_an_unsent_set_under_the_old_login_is_minted_anew() -> None:
    tail = Tail(7, "pending", NC, C, unsent=True)
    ledger = told(stream(), broken(), NC, tail=tail)
    owed = after(broken(), snapshot(finding(), owner=NEW), ledger=ledger, streams=(stream(),))
    assert sets(owed) == [("rp", NEW.email, C, NC)]
    write = one(owed).write(None)
    assert (write.supersede, write.superseded_why) == (7, "renamed")


@pytest.mark.parametrize("changes", [{"enabled": False}, {"domains": frozenset({"other.example"})}])
def test_a_rename_never_loses_what_a_silent_stream_was_told(changes: Any) -> None:
    to = stream(**changes)
    owed = after(broken(), snapshot(finding(), owner=NEW), ledger=told(to, broken(), NC), streams=(to,))
    assert len(owed.moves) == len(owed.owings) == 1
    row = one(owed).write(None).row
    assert (row.told, row.login, sets(owed)) == (NC, NEW.email, [])


def test_where_the_new_login_was_told_already_the_old_one_is_released() -> None:
    ledger = told(stream(), broken(), NC) | told(stream(), broken(), C, login=NEW.email)
    owed = after(broken(), snapshot(finding(), owner=NEW), ledger=ledger, streams=(stream(),))
    assert owed.moves == ()
    assert sets(owed) == [("rp", ADA.email, NC, C), ("rp", NEW.email, C, NC)]


def test_a_rename_takes_the_family_along() -> None:
    sister = broken(device_id="d2")
    stranger = broken(device_id="d3", owner=BOB)
    ledger = told(risk(), broken(), NC)
    family = (sister, broken(), stranger)
    owed = after(broken(), snapshot(finding(), owner=NEW), ledger=ledger, family=family, streams=(risk(),))
    assert [(device.device_id, device.login) for device in owed.devices] == [("d1", NEW.email), ("d2", NEW.email)]
    assert (sets(owed), len(owed.moves)) == ([], 1)


def test_a_new_device_of_a_renamed_person_renames_the_rest() -> None:
    """The first device seen under the new login must not be told beside the old login: it is the same person."""
    first = broken(device_id="d2")
    seen = snapshot(finding(), owner=NEW)
    owed = after(None, seen, ledger=told(risk(), first, NC), family=(first,), streams=(risk(),))
    assert (sets(owed), len(owed.moves)) == ([], 1)
    assert {device.login for device in owed.devices} == {NEW.email}
    fresh = draft_of(None, decide(None, seen, context()), Standing.DECIDED, STREAMS, "kolide", "t1")
    assert fresh.person == ("kolide", NEW.id)


def test_devices_of_the_old_login_that_stay_keep_the_row() -> None:
    elsewhere = broken(connector="jamf")
    ledger = told(risk(), broken(), NC)
    owed = after(broken(), snapshot(finding(), owner=NEW), elsewhere, ledger=ledger, streams=(risk(),))
    assert (sets(owed), owed.moves) == ([("okta", NEW.email, C, NC)], ())


# -- ends and comparisons ------------------------------------------------------------------------


def test_a_pair_that_cancels_out() -> None:
    tail = Tail(7, "pending", NC, C, unsent=True)
    owed = after(broken(), snapshot(), ledger=told(stream(), broken(), NC, tail=tail), streams=(stream(),))
    write = one(owed).write(None)
    assert (write.supersede, write.superseded_why) == (7, "cancelled_out")
    assert (write.row.told, write.row.reason) == (C, "cancelled_out")


def test_a_dead_set_is_not_minted_again_until_the_status_changes() -> None:
    ledger = told(stream(), broken(), C, given_up=NC)
    assert after(broken(), snapshot(finding()), ledger=ledger, streams=(stream(),)).owings == ()
    write = one(after(broken(), snapshot(), ledger=ledger, streams=(stream(),))).write(None)
    assert (write.row.told, write.row.given_up) == (C, None)


def test_a_comparison_writes_no_belief() -> None:
    device = broken(status_at=NOW - 500)
    draft = draft_of(device, Decision(device), Standing.COMPARED, STREAMS, "kolide", "t2")
    owed = settle(draft)
    assert owed.devices == ()
    assert sets(owed) == [("rp", ADA.email, C, NC), ("okta", ADA.email, C, NC)]
    assert {owing.event.at for owing in owed.owings if owing.event} == {int(NOW - 500)}
    caught_up = told(stream(), device, NC) | told(risk(), device, NC)
    assert settle(draft, ledger=caught_up).owings == ()


def test_a_comparison_goes_by_the_device_as_it_stands_now() -> None:
    """Not as it was when the comparison was asked for."""
    read = broken()
    draft = draft_of(read, Decision(read), Standing.COMPARED, (stream(),), "kolide", "t2")
    assert owed_by(draft, Scene({ADA.email: (clean(),)}, {}), draft.streams, SOURCES, NOW).owings == ()
    assert owed_by(draft, Scene({ADA.email: ()}, {}), draft.streams, SOURCES, NOW).owings == ()
    renamed = replace(read, name="lap-2")
    owing = one(owed_by(draft, Scene({ADA.email: (renamed,)}, {}), draft.streams, SOURCES, NOW))
    assert owing.device == renamed and owing.event is not None


def test_an_operators_word_has_its_own_time() -> None:
    """Not that of the failure which it overrules: the receiver heard that one already, with the opposite status."""
    failing = broken(finding(), status_at=NOW - 500)
    device = replace(failing, override=Override(C, NOW + 60, NOW - 3, "ops", "travels"))
    was_told = told(stream(), device, NC, event_at=int(NOW - 500))
    draft = draft_of(device, Decision(device), Standing.COMPARED, (stream(),), "kolide", "t2")
    said = one(settle(draft, ledger=was_told)).event
    assert said is not None
    assert (said.current, said.at, said.initiating_entity) == (C, int(NOW - 3), "admin")
    ended = replace(failing, override=Override(C, NOW - 2, NOW - 90, "ops", "travels"))
    now_told = told(stream(), ended, C, event_at=int(NOW - 90))
    seen = draft_of(ended, Decision(replace(ended, override=None)), Standing.DECIDED, (stream(),), "kolide", "t3")
    again = one(settle(seen, ledger=now_told)).event
    assert again is not None
    assert (again.current, again.at, again.initiating_entity) == (NC, int(NOW - 2), "policy")


def test_the_owner_who_appears_is_told() -> None:
    before = broken(owner=None, login=None, login_reason="no_owner", status_at=NOW - 500)
    owed = after(before, snapshot(finding()), streams=(stream(),))
    assert sets(owed) == [("rp", ADA.email, C, NC)]
    event = one(owed).event
    assert event is not None
    assert (event.at, event.reason_admin) == (int(NOW - 500), "Kolide: Check 1")


def test_nobody_to_tell_reads_and_writes_no_ledger() -> None:
    decision = decide(None, snapshot(finding(), owner=None), context(stated()))
    draft = draft_of(None, decision, Standing.DECIDED, STREAMS, "kolide", "t")
    assert reach_of(draft).subjects == frozenset()
    owed = settle(draft)
    assert (len(owed.devices), owed.owings) == (1, ())
