"""A SET that died under a person's old login says nothing about the new one."""

from __future__ import annotations

import pytest

from bridge.model import Stream
from tests.rules.given import ADA, broken, finding, snapshot
from tests.rules.test_owed import NC, NEW, STREAMS, C, after, sets, told


@pytest.mark.parametrize("to", STREAMS)
def test_a_status_that_died_is_told_to_the_new_login(to: Stream) -> None:
    ledger = told(to, broken(), C, given_up=NC)
    assert sets(after(broken(), snapshot(finding()), ledger=ledger, streams=(to,))) == []
    renamed = after(broken(), snapshot(finding(), owner=NEW), ledger=ledger, streams=(to,))
    assert sets(renamed) == [(to.name, NEW.email, C, NC)]
    assert NEW.email != ADA.email
