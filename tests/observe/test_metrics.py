from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from bridge.observe.metrics import Metrics, StreamLoad


def samples(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def value(metrics: Metrics, name: str, **labels: str) -> float:
    return samples(metrics)[(f"caep_bridge_{name}", frozenset(labels.items()))]


def fresh() -> Metrics:
    return Metrics("1.2.3", ["fleet"], ["okta", "rp"], ["ops"])


def test_counters() -> None:
    metrics = fresh()
    metrics.webhook("fleet", "accepted")
    metrics.webhook("fleet", "accepted")
    metrics.look("fleet", "good")
    metrics.decision("fleet", "already_told")
    metrics.delivery("okta", "delivered")
    assert value(metrics, "webhooks_total", connector="fleet", outcome="accepted") == 2
    assert value(metrics, "looks_total", connector="fleet", outcome="good") == 1
    assert value(metrics, "decisions_total", connector="fleet", reason="already_told") == 1
    assert value(metrics, "deliveries_total", stream="okta", outcome="delivered") == 1
    assert value(metrics, "build_info", version="1.2.3") == 1


def test_names_that_are_not_configured_make_no_series() -> None:
    metrics = fresh()
    for number in range(100):
        metrics.webhook(f"guess{number}", "unknown")
        metrics.delivery(f"guess{number}", "dead")
        metrics.acknowledged(f"guess{number}", 1.0)
    assert value(metrics, "webhooks_total", connector="-", outcome="unknown") == 100
    assert "guess" not in metrics.render().decode()


def test_backlog_is_what_is_so_now() -> None:
    metrics = fresh()
    metrics.backlog([("okta", StreamLoad(pending=3, dead=1, oldest_age=42.5))])
    assert value(metrics, "pending_deliveries", stream="okta") == 3
    assert value(metrics, "dead_deliveries", stream="okta") == 1
    assert value(metrics, "oldest_pending_delivery_age_seconds", stream="okta") == 42.5
    assert value(metrics, "pending_deliveries", stream="rp") == 0
    metrics.backlog([("rp", StreamLoad(pending=1))])
    assert value(metrics, "pending_deliveries", stream="okta") == 0
    assert value(metrics, "oldest_pending_delivery_age_seconds", stream="okta") == 0


def test_latency_reaches_to_an_hour_and_starts_at_zero() -> None:
    metrics = fresh()
    assert value(metrics, "webhook_to_acknowledged_seconds_count", stream="rp") == 0
    for seconds in (-1.0, 0.02, 3000.0, 9000.0):
        metrics.acknowledged("okta", seconds)
    assert value(metrics, "webhook_to_acknowledged_seconds_bucket", stream="okta", le="3600.0") == 3
    assert value(metrics, "webhook_to_acknowledged_seconds_bucket", stream="okta", le="0.025") == 2
    assert value(metrics, "webhook_to_acknowledged_seconds_count", stream="okta") == 4


def test_key_age() -> None:
    metrics = fresh()
    metrics.signing_key_age(86400.0)
    assert value(metrics, "signing_key_age_seconds") == 86400


def test_two_in_one_process_do_not_meet() -> None:
    first, second = fresh(), fresh()
    first.webhook("fleet", "accepted")
    assert value(second, "webhooks_total", connector="fleet", outcome="accepted") == 0


def test_what_is_rare_stands_at_zero_from_the_start() -> None:
    metrics = fresh()
    assert value(metrics, "blocks_undone_total", connector="fleet") == 0
    assert value(metrics, "drift_total", connector="fleet") == 0
    assert value(metrics, "held_changes", connector="fleet", why="guard") == 0
    assert value(metrics, "held_changes", connector="fleet", why="baseline") == 0
    assert value(metrics, "reconciliations_total", connector="fleet", outcome="failed") == 0
    assert value(metrics, "notices_total", target="ops", outcome="given_up") == 0
    assert value(metrics, "pending_notices", target="ops") == 0


def test_held_and_drift_and_blocks_undone() -> None:
    metrics = fresh()
    metrics.held("fleet", "guard", 600)
    metrics.held("fleet", "guard", 7)
    metrics.drift("fleet", 3)
    metrics.drift("fleet", 2)
    metrics.block_undone("fleet")
    assert value(metrics, "held_changes", connector="fleet", why="guard") == 7
    assert value(metrics, "drift_total", connector="fleet") == 5
    assert value(metrics, "blocks_undone_total", connector="fleet") == 1


def test_a_failed_reconciliation_does_not_say_how_many_devices_there_are() -> None:
    metrics = fresh()
    metrics.reconciled("fleet", 2000, 12.5, ok=True)
    metrics.reconciled("fleet", 3, 20.0, ok=False)
    assert value(metrics, "reconciled_devices", connector="fleet") == 2000
    assert value(metrics, "reconciliation_seconds", connector="fleet") == 20
    assert value(metrics, "reconciliations_total", connector="fleet", outcome="done") == 1
    assert value(metrics, "reconciliations_total", connector="fleet", outcome="failed") == 1


def test_notices() -> None:
    metrics = fresh()
    metrics.notice("ops", "sent")
    metrics.notices_waiting({"ops": 4})
    assert value(metrics, "notices_total", target="ops", outcome="sent") == 1
    assert value(metrics, "pending_notices", target="ops") == 4
    metrics.notices_waiting({})
    assert value(metrics, "pending_notices", target="ops") == 0
