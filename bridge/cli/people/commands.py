"""`caep-bridge people`: what is stored about a person, and how it is removed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from bridge.cli.console.changing import journal
from bridge.cli.console.configured import load_config
from bridge.cli.console.opened import opened
from bridge.cli.console.output import say, when, write, write_json
from bridge.cli.people.forget import forget
from bridge.cli.people.found import find, say_others

if TYPE_CHECKING:
    from bridge.pipeline.operator.person import Person
    from bridge.store.protocol import Store
    from bridge.store.records import AuditEntry

people = App(name="people", help="What is stored about a person, and how it is removed.")
people.command(forget)

MOST_AUDIT = 1_000_000
"""Entries that are gone through: all that 400 days bring, for a person must hear of each that names them."""


@people.command
async def show(
    email: Annotated[str, Parameter(name="EMAIL")],
    /,
    *,
    also: Annotated[list[str] | None, Parameter(negative="")] = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Everything that is stored about a person: what they may ask to see. Nothing is changed.

    Found in any case, by the login that receivers know and by the vendor's address, with all devices of the same vendor
    person. The payloads of their webhooks are listed; `webhooks show ID --body` has each.

    Parameters
    ----------
    email
        The person's address, today's or a former one.
    also
        Another address of the same person; may be repeated.
    as_json
        Print JSON.
    """
    config = load_config().config
    async with opened(config) as store:
        found = await find(store, [email, *(also or [])], config.namespaces)
        stands_for = {one: await journal(store).person(one) for one in sorted(found.addresses)}
        entries = await _audit(store, list(stands_for.values()))
        names = {row.id: row.name for row in await store.streams()}
    if as_json:
        write_json(_document(found, names, stands_for, entries))
    elif found.found or entries:
        _print(found, names, stands_for, entries)
    if not found.found and not entries:
        say("nothing is stored about that address")
        return 1
    return 0


async def _audit(store: Store, stands_for: list[str]) -> list[AuditEntry]:
    """Whatever text of an entry names the person by one of these hashes, newest first."""
    found = await store.audit(limit=MOST_AUDIT)
    return [entry for entry in found if any(one in text for one in stands_for for text in _texts(entry))]


def _texts(entry: AuditEntry) -> tuple[str, ...]:
    return entry.target, entry.why, entry.before, entry.after


def _document(
    found: Person, names: dict[str, str], stands_for: dict[str, str], entries: list[AuditEntry]
) -> dict[str, Any]:
    from dataclasses import asdict

    import orjson

    from bridge.cli.deliveries.commands import detailed
    from bridge.cli.webhooks.commands import summary as webhook_summary
    from bridge.clock import SystemClock

    now = SystemClock().now()
    told = [
        {"stream": names.get(row.stream_id, row.stream_id), "subject": row.subject, "told": row.told,
         "reason": row.reason, "compared_at": row.compared_at}
        for row in found.ledger
    ]  # fmt: skip
    return {
        "addresses": stands_for,
        "devices": [asdict(one) for one in found.devices],
        "looks": [asdict(one) for one in found.looks],
        "told": told,
        "deliveries": [detailed(one, names, now) for one in found.deliveries],
        "webhooks": [webhook_summary(one) for one in found.webhooks],
        "subjects": [
            {
                "stream": names.get(one.stream_id, one.stream_id),
                "subject": orjson.loads(one.subject),
                "kind": one.kind,
                "verified": one.verified,
                "at": one.at,
            }
            for one in found.choices
        ],
        "audit": [asdict(one) for one in entries],
        "others": list(found.others),
    }


def _print(found: Person, names: dict[str, str], stands_for: dict[str, str], entries: list[AuditEntry]) -> None:
    write("known as " + ", ".join(f"{address} ({hashed} in the audit log)" for address, hashed in stands_for.items()))
    for device in found.devices:
        state = device.status or "no verdict"
        write(f"device {device.connector}/{device.device_id} ({device.name}): {state} since {when(device.since)}")
        for finding in device.findings:
            write(f"  {finding.state}: {finding.title or finding.check or finding.key}, {when(finding.at)}")
    for look in found.looks:
        write(f"device {look.connector}/{look.device_id}: stated as theirs, not looked at yet")
    for row in found.ledger:
        write(f"stream {names.get(row.stream_id, row.stream_id)} was told {row.told or 'nothing'} about {row.subject}")
    for one in found.deliveries:
        stream = names.get(one.stream_id, one.stream_id)
        write(f"SET {one.id} to {stream}: {one.status}, {one.state}, made {when(one.created_at)}")
    for choice in found.choices:
        name = names.get(choice.stream_id, choice.stream_id)
        write(f"subject {choice.kind} by the receiver of stream {name}, {when(choice.at)}: {choice.subject}")
    for webhook in found.webhooks:
        kind = webhook.type or webhook.outcome
        write(f"webhook {webhook.id} to {webhook.connector}: {kind}, {when(webhook.received_at)}")
    for entry in entries:
        write(f"audit {when(entry.at)}: {entry.who}, {entry.what} {entry.target}")
    say_others(found)
