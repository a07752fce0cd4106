"""What the log says of a try to deliver."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from bridge.model import Outcome, Stream
from bridge.observe.metrics import Metrics
from bridge.pipeline.sending.receipts import Receipts
from bridge.store.records import Delivery, Rank, Settlement

STREAM = Stream("s", "siem", "https://siem.example", "ssf", "https://siem.example/hook")


@pytest.mark.parametrize(
    ("rank", "status", "kind"),
    [(Rank.EVENT, "compliant", None), (Rank.VERIFICATION, None, "verification"), (Rank.UPDATE, None, "update")],
)
def test_what_is_about_the_stream_itself_has_no_status(rank: Rank, status: str | None, kind: str | None) -> None:
    """Whoever reads it would take a verification for somebody's recovery."""
    sent = Delivery(
        1, "s", "", "", "j1", "t1", "k1", "e30", "compliant", "compliant", "", "", "pending", 1.0, rank=rank
    )  # fmt: skip
    with capture_logs() as lines:
        Receipts(Metrics("0", [], ["siem"])).note(
            STREAM, sent, Outcome("delivered", "202"), Settlement(1, "delivered", 2.0, "202")
        )
    (line,) = lines
    assert (line["event"], line["status"], line["kind"]) == ("set.delivered", status, kind)
