"""What was measured, as a table for people and as a document for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from tests.bench.run import Measured, Round, mean_used

TARGET: Final = {"carried": 0.3, "kolide": 0.2}

_TASKS: Final = {
    "RequestResponseCycle.run_asgi": "webhook: verify, parse, answer",
    "Lane._one": "look: ask the vendor, read the answers",
    "Lane.run": "looks: lease",
    "Teller.run": "tell: decide, compare, build events, units",
    "Outbox.run": "outbox: lease",
    "Outbox._one": "outbox: push",
}
_THREADS: Final = {"store-writer": "store: write (SQLite, fsync)", "store-reader": "store: read"}
_SIGN: Final = "sign_0"


def document(measured: Measured) -> dict[str, Any]:
    """Times in milliseconds, rates in events a second."""
    rounds = [*measured.first, *measured.again]
    return {
        "scenario": measured.scenario,
        "events": sum(one.events for one in rounds) + measured.steady.events,
        "rounds": len(rounds),
        "acknowledged_per_second": _median(_rate(one, one.tally.acked.values()) for one in rounds),
        "delivered_per_second": _median(_rate(one, one.tally.told.values()) for one in rounds),
        "full_load": _latencies(rounds),
        "open_loop": _latencies([measured.steady]) | {"per_second": _offered(measured.steady)},
        "cpu_ms": {
            "first": _per_event(measured.first),
            "again": _per_event(measured.again),
            "open_loop": _per_event([measured.steady]),
        },
        "lookups": {"first": _lookups(measured.first), "again": _lookups(measured.again)},
        "stages_ms": _stages(measured),
        "resident_mib": measured.resident,
        "signing": {
            "per_second": 1 / measured.signing.signature,
            "signature_ms": measured.signing.signature * 1000,
            "set_ms": measured.signing.minted * 1000,
            "verified": measured.signing.verified,
        },
        "share": {
            "first": _share(measured, measured.first),
            "again": _share(measured, measured.again),
            "target": TARGET[measured.scenario],
        },
    }


def text(document: dict[str, Any]) -> str:
    """A page."""
    share, cpu, signing = document["share"], document["cpu_ms"], document["signing"]
    lines = [
        f"{document['scenario']}: {document['events']} webhooks, one SET each",
        f"  webhooks acknowledged      {document['acknowledged_per_second']:8.0f} /s",
        f"  SETs delivered             {document['delivered_per_second']:8.0f} /s",
        *_latency_lines("full load", document["full_load"]),
        *_latency_lines(f"open loop, {document['open_loop']['per_second']:.0f}/s", document["open_loop"]),
        f"  CPU an event               {cpu['first']:8.3f} ms new devices, {cpu['again']:.3f} ms recoveries, "
        f"{cpu['open_loop']:.3f} ms in the open loop",
        f"  look-ups an event          {document['lookups']['first']:8.1f}    new devices, "
        f"{document['lookups']['again']:.1f} recoveries (people are cached)",
        f"  resident                   {document['resident_mib']:8.0f} MiB",
        f"  one core signs             {signing['per_second']:8.0f} /s RS256 ({signing['signature_ms']:.3f} ms; "
        f"{signing['set_ms']:.3f} ms a whole SET); {signing['verified']} SETs verified",
        f"  signing share              {share['first']:8.2f}    new devices, {share['again']:.2f} recoveries; "
        f"target {share['target']}",
        "  CPU by stage, ms an event (a pass of its own, in which each step is timed)",
        *(f"    {spent:7.3f}  {name}" for name, spent in document["stages_ms"].items()),
    ]
    return "\n".join(lines)


def _latency_lines(name: str, found: dict[str, float]) -> list[str]:
    return [
        f"  webhook → 202              {found['ack_p50']:8.1f} ms p50, {found['ack_p99']:.1f} ms p99 ({name})",
        f"  webhook → receiver's 202   {found['told_p50']:8.1f} ms p50, {found['told_p99']:.1f} ms p99 ({name})",
    ]


def _latencies(rounds: Sequence[Round]) -> dict[str, float]:
    acked = sorted(one.tally.acked[name] - at for one in rounds for name, at in one.tally.sent.items())
    told = sorted(one.tally.told[name] - at for one in rounds for name, at in one.tally.sent.items())
    return {
        "ack_p50": _at(acked, 0.5) * 1000, "ack_p99": _at(acked, 0.99) * 1000,
        "told_p50": _at(told, 0.5) * 1000, "told_p99": _at(told, 0.99) * 1000,
    }  # fmt: skip


def _rate(one: Round, ends: Iterable[float]) -> float:
    return one.events / (max(ends) - min(one.tally.sent.values()))


def _offered(one: Round) -> float:
    sent = one.tally.sent.values()
    return (one.events - 1) / (max(sent) - min(sent)) if one.events > 1 else 0.0


def _per_event(rounds: Sequence[Round]) -> float:
    return mean_used(rounds).total * 1000


def _lookups(rounds: Sequence[Round]) -> float:
    return sum(one.tally.asked for one in rounds) / sum(one.events for one in rounds)


def _share(measured: Measured, rounds: Sequence[Round]) -> float:
    return measured.signing.signature / mean_used(rounds).total


def _stages(measured: Measured) -> dict[str, float]:
    """Threads by the kernel's clocks; the loop's thread by its tasks, and what is left of it is the loop itself."""
    threads = measured.staged.threads
    found = {label: measured.tasks.get(kind, 0.0) for kind, label in _TASKS.items()}
    other = sum(spent for kind, spent in measured.tasks.items() if kind not in _TASKS)
    loop = threads.get("loop", 0.0)
    found["the loop: sockets, HTTP, callbacks"] = loop - sum(found.values()) - other
    found |= {label: threads.get(name, 0.0) for name, label in _THREADS.items()}
    found["sign: SETs from claims to text"] = threads.get(_SIGN, 0.0)
    found["anything else"] = (
        other + measured.staged.total - loop - sum(threads.get(name, 0.0) for name in (*_THREADS, _SIGN))
    )
    return {label: spent * 1000 for label, spent in found.items() if spent > 5e-7} | {
        "all": measured.staged.total * 1000
    }


def _at(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def _median(values: Iterable[float]) -> float:
    return _at(sorted(values), 0.5)
