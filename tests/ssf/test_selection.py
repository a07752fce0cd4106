"""Which events a stream is about: the rules by tables, the index against the rules by chance."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.ssf.identifier import Identifier, parse
from bridge.ssf.matching import meets, parts, roles
from bridge.ssf.selection import Default, Selection, Unselected
from bridge.ssf.words import Kind, Statement, Words

Doc = dict[str, Any]


def mail(name: str) -> Doc:
    return {"format": "email", "email": f"{name}@acme.example"}


def opaque(id_: str) -> Doc:
    return {"format": "opaque", "id": id_}


def whole(**members: Doc) -> Doc:
    return {"format": "complex", **members}


def aliases(*found: Doc) -> Doc:
    return {"format": "aliases", "identifiers": list(found)}


ANN, BOB, D1, D2 = mail("ann"), mail("bob"), opaque("fleet:1"), opaque("fleet:2")
BLUE, RED = opaque("blue"), opaque("red")
EVENT = whole(user=ANN, device=D1)
TENANTS = whole(user=ANN, device=D1, tenant=BLUE)
TABLE: list[tuple[str, Doc, Doc, bool, bool]] = [
    # the stream's subject, the event's, whether an addition is about it, whether a removal is
    ("the same simple one", ANN, ANN, True, True),
    ("another simple one", BOB, ANN, False, False),
    ("another case", {"format": "email", "email": "Ann@acme.example"}, ANN, False, False),
    ("another format", {"format": "account", "uri": "acct:ann@acme.example"}, ANN, False, False),
    ("the tenant of both", whole(tenant=BLUE), TENANTS, True, True),
    ("another tenant", whole(tenant=RED), TENANTS, False, False),
    ("more than the event says", whole(user=ANN, device=D1, tenant=BLUE), EVENT, True, True),
    ("a member that differs", whole(user=ANN, tenant=RED), TENANTS, False, False),
    ("user alone", whole(user=ANN), EVENT, True, True),
    ("device alone", whole(device=D1), EVENT, True, True),
    ("their other device", whole(user=ANN, device=D2), EVENT, False, False),
    ("no member in common", whole(tenant=BLUE), EVENT, False, False),
    ("no member in common either", whole(session=D1, group=RED), TENANTS, False, False),
    ("the event's user, simple", ANN, EVENT, True, True),
    ("the event's device, simple", D1, EVENT, True, True),
    ("its tenant is no principal", BLUE, TENANTS, False, False),
    ("an address is no device", mail("x"), whole(user=ANN, device=mail("x")), False, False),
    ("a person alone, by user", whole(user=ANN), ANN, True, True),
    ("a person alone, by another user", whole(user=BOB), ANN, False, False),
    ("one device does not mean the person", whole(user=ANN, device=D1), ANN, True, False),
    ("a device says nothing about a person", whole(device=D1), ANN, False, False),
    ("the tenant of a person alone", whole(tenant=BLUE), ANN, False, False),
    ("any of the aliases", aliases(BOB, ANN), EVENT, True, True),
    ("aliases of a device", aliases(D1, opaque("other:1")), EVENT, True, True),
    ("aliases as a member", whole(user=aliases(ANN, BOB), device=D1), EVENT, True, True),
    ("aliases as a member, another device", whole(user=aliases(ANN, BOB), device=D2), EVENT, False, False),
    ("aliases of somebody else", aliases(BOB, D2), EVENT, False, False),
]  # fmt: skip


@pytest.mark.parametrize(("subject", "event", "adds", "removes"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE])
def test_what_a_subject_is_about(subject: Doc, event: Doc, adds: bool, removes: bool) -> None:
    found = parse(subject)
    assert meets(found, parts(event)) is adds
    assert meets(found, parts(event), removes=True) is removes
    assert Selection("NONE").added(found).why_not(event) == ("" if adds else "subject_not_added")
    assert Selection("ALL").removed(found).why_not(event) == ("subject_removed" if removes else "")


def said(default: Default, *words: tuple[str, Doc]) -> Selection:
    selection = Selection(default, "s1")
    for word, subject in words:
        found = parse(subject)
        selection = selection.added(found) if word == "+" else selection.removed(found)
    return selection


@pytest.mark.parametrize(
    ("selection", "reason"),
    [
        (said("ALL"), ""),
        (said("NONE"), "subject_not_added"),
        (said("NONE", ("+", ANN), ("-", ANN)), "subject_removed"),
        (said("ALL", ("-", ANN), ("+", ANN)), ""),
        (said("ALL", ("-", whole(tenant=BLUE)), ("+", ANN)), ""),
        (said("ALL", ("+", ANN), ("-", whole(tenant=BLUE))), "subject_removed"),
        (said("NONE", ("+", whole(tenant=BLUE)), ("-", whole(user=ANN, device=D1))), "subject_removed"),
        (said("NONE", ("+", whole(tenant=BLUE)), ("-", whole(user=ANN, device=D2))), ""),
        (said("NONE", ("-", ANN), ("+", whole(tenant=BLUE))), ""),
        (said("NONE", ("-", ANN), ("+", BOB)), "subject_removed"),
    ],
)
def test_the_newest_word_about_an_event_counts(selection: Selection, reason: str) -> None:
    assert selection.why_not(TENANTS) == reason


def test_a_selection_is_never_changed() -> None:
    before = said("ALL", ("-", ANN))
    after = before.added(parse(ANN)).removed(parse(BOB))
    assert (before.why_not(EVENT), len(before)) == ("subject_removed", 1)
    assert (after.why_not(EVENT), len(after)) == ("", 2)
    assert before.without(parse(ANN)) == Selection("ALL", "s1") and before != after


def test_the_stream_itself_is_always_in() -> None:
    own = parse(opaque("s1"))
    for selection in (said("NONE"), said("ALL")):
        assert selection.removed(own) == selection == selection.added(own)
        assert selection.why_not(opaque("s1")) == ""
    assert said("NONE").why_not(opaque("s2")) == "subject_not_added"


def test_everything_needs_no_question() -> None:
    assert said("ALL").everything and said("ALL", ("+", ANN)).everything
    assert not said("NONE").everything and not said("ALL", ("-", ANN)).everything
    assert said("ALL", ("-", ANN)).without(parse(ANN)).everything


SUBJECTS = st.sampled_from([
    ANN, BOB, D1, D2, BLUE, aliases(ANN, D2), aliases(ANN, BOB), whole(user=ANN), whole(user=BOB, tenant=BLUE),
    whole(user=ANN, device=D1), whole(user=ANN, device=D2), whole(device=D1), whole(device=D2, tenant=RED),
    whole(tenant=BLUE), whole(tenant=RED), whole(session=D1, tenant=BLUE), whole(session=D1), whole(group=RED),
    whole(user=aliases(ANN, BOB), device=D2), whole(user=BOB, session=D1), whole(application=D1, device=D1),
])  # fmt: skip
PEOPLE, DEVICES, TENANCIES = st.sampled_from([ANN, BOB]), st.sampled_from([D1, D2]), st.sampled_from([BLUE, RED])
OURS = st.one_of(
    PEOPLE,
    st.builds(lambda user, device: whole(user=user, device=device), PEOPLE, DEVICES),
    st.builds(lambda u, d, t: whole(user=u, device=d, tenant=t), PEOPLE, DEVICES, TENANCIES),
)
ANYBODYS = st.builds(
    lambda members: whole(**members),
    st.dictionaries(
        st.sampled_from(["user", "device", "tenant", "session", "group", "application", "zoo"]),
        st.sampled_from([ANN, BOB, D1, D2, BLUE, RED]), min_size=1, max_size=5,
    ),
)  # fmt: skip
WORDS = st.lists(st.tuples(st.sampled_from(["added", "removed"]), SUBJECTS), max_size=12)


def plainly(default: Default, words: list[tuple[Kind, Identifier]], event: Doc) -> Unselected:
    """The rule, read out: of the last words about each subject, the newest that is about the event."""
    passed = set()
    for kind, subject in reversed(words):
        if subject.text in passed:
            continue
        passed.add(subject.text)
        if meets(subject, parts(event), removes=kind == "removed"):
            return "" if kind == "added" else "subject_removed"
    return "" if default == "ALL" else "subject_not_added"


@settings(max_examples=400)
@given(st.sampled_from(["ALL", "NONE"]), WORDS, st.lists(st.one_of(OURS, ANYBODYS), min_size=1, max_size=6))
def test_the_index_finds_what_the_rule_says(default: Default, words: list[tuple[Kind, Doc]], events: list[Doc]) -> None:
    spoken = [(kind, parse(subject)) for kind, subject in words]
    statements = [Statement(subject, kind, seq) for seq, (kind, subject) in enumerate(spoken, 1)]
    grown = Selection(default)
    for statement in statements:
        grown = grown.with_statement(statement)
    assert Selection.of(default, reversed(statements)) == grown
    for event in events:
        assert grown.why_not(event) == plainly(default, spoken, event)


@settings(max_examples=400)
@given(st.sampled_from(["ALL", "NONE"]), WORDS, st.lists(OURS, min_size=1, max_size=6))
def test_what_is_idle_may_be_forgotten(default: Default, words: list[tuple[Kind, Doc]], events: list[Doc]) -> None:
    """A store that keeps no idle word tells the same."""
    spoken = [(kind, parse(subject)) for kind, subject in words]
    kept = Selection(default)
    for kind, subject in spoken:
        idle = kept.idle(subject, kind)
        kept = kept.without(subject) if idle else kept.with_statement(Statement(subject, kind, kept.next_seq))
    for event in events:
        told = not plainly(default, spoken, event)
        assert (kept.why_not(event) == "") is told


def demands(subject: Identifier) -> dict[str, frozenset[str]]:
    """By name, what an event must say for the subject to be about it."""
    if not subject.simple:
        return dict(subject.members)
    return {"user": subject.members[0][1]} if roles(subject) == ("user",) else {}


def apart(one: Identifier, other: Identifier) -> bool:
    """Whether surely no event of ours, which always name a person, is one that both are about."""
    some, others = demands(one), demands(other)
    if "user" in some and "user" in others:
        return not some["user"] & others["user"]
    if some.keys() == others.keys() == {"device"}:
        return not some["device"] & others["device"]
    return False


@settings(max_examples=300)
@given(SUBJECTS, SUBJECTS, OURS)
def test_those_apart_are_never_about_one_event(one: Doc, other: Doc, event: Doc) -> None:
    some, others = parse(one), parse(other)
    if meets(some, parts(event)) and meets(others, parts(event)):
        assert not apart(some, others) and not apart(others, some)


STEPS = st.lists(st.tuples(st.sampled_from(["added", "removed", "forgotten"]), SUBJECTS), max_size=30)


@settings(max_examples=500)
@given(STEPS, SUBJECTS, st.one_of(OURS, ANYBODYS))
def test_words_are_those_of_the_plain_rule(steps: list[tuple[str, Doc]], asked: Doc, event: Doc) -> None:
    """Against a list that is searched from end to end, after each step, and each earlier state stays what it was."""
    words, plain, states = Words(), dict[str, Statement](), list[tuple[Words, list[Statement]]]()
    for seq, (step, doc) in enumerate(steps, 1):
        subject = parse(doc)
        plain.pop(subject.text, None)
        if step == "forgotten":
            words = words.minus(subject)
        else:
            statement = Statement(subject, "added" if step == "added" else "removed", seq)
            words, plain[subject.text] = words.plus(statement), statement
        states.append((words, list(plain.values())))
    for found, said in states:
        assert_as_plain(found, said, parse(asked), event)


def assert_as_plain(words: Words, said: list[Statement], asked: Identifier, event: Doc) -> None:
    about = [one for one in said if meets(one.subject, parts(event), removes=one.kind == "removed")]
    assert words.newest(parts(event)) == max(about, key=lambda one: one.seq, default=None)
    assert words.about(asked) == next((one for one in said if one.subject == asked), None)
    assert words == Words.of(said) and len(words) == len(said)
    kinds: tuple[Kind, ...] = ("added", "removed")
    for kind in kinds:
        of_kind = [one for one in said if one.kind == kind]
        others = [one.subject for one in of_kind if one.subject != asked]
        assert words.count(kind) == len(of_kind)
        assert words.may_meet(asked, kind) is any(not apart(one, asked) for one in others)


def test_ten_thousand_subjects_are_quick() -> None:
    """An event costs look-ups, a change a copy of two small parts; neither walks through what was said."""
    subjects = [parse(whole(user=mail(f"u{n}"), tenant=BLUE)) for n in range(10_000)]
    selection = Selection.of("NONE", [Statement(one, "added", n) for n, one in enumerate(subjects, 1)])
    known, unknown = whole(user=mail("u9999"), device=D1, tenant=BLUE), whole(user=ANN, device=D1, tenant=BLUE)
    started = time.process_time()
    for _ in range(2_000):
        assert selection.why_not(known) == "" and selection.why_not(unknown) == "subject_not_added"
    # 4,000 questions take 0.03 s; walking through the subjects would take 20 s and more
    assert time.process_time() - started < 1.0


@pytest.mark.parametrize("default", ["ALL", "NONE"])
def test_ten_thousand_subjects_come_and_go_quickly(default: Default) -> None:
    """Each said otherwise than the default, then taken back: asked first whether it is idle, as the API does."""
    subjects = [parse(mail(f"u{n}")) for n in range(10_000)]
    other, back = ("removed", "added") if default == "ALL" else ("added", "removed")
    selection, started = Selection(default), time.process_time()
    for kind in (other, back):
        for subject in subjects:
            idle = selection.idle(subject, kind)
            assert idle is (kind == back)
            said = Statement(subject, kind, selection.next_seq)
            selection = selection.without(subject) if idle else selection.with_statement(said)
    assert len(selection) == 0 and selection.next_seq == 10_001
    # 20,000 changes take 0.7 s; with a copy, or a walk through what was said, it takes minutes
    assert time.process_time() - started < 5.0


def test_a_thousand_words_about_one_person_stay_in_order() -> None:
    devices = [whole(user=ANN, device=opaque(f"fleet:{n}")) for n in range(1_000)]
    words = Words()
    for seq, doc in enumerate(devices, 1):
        words = words.plus(Statement(parse(doc), "added" if seq % 2 else "removed", seq))
    for doc in devices[::3]:
        words = words.minus(parse(doc))
    for number, doc in enumerate(devices):
        newest = words.newest(parts(doc))
        assert (newest.seq if newest else None) == (None if number % 3 == 0 else number + 1)
