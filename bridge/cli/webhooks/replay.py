"""`caep-bridge webhooks replay`: one or all ring again."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from bridge.cli.console.changing import confirmed, progress, record
from bridge.cli.console.configured import WrongCall, load_without_secrets
from bridge.cli.console.moments import moment
from bridge.cli.console.opened import opened
from bridge.cli.console.output import say, some, when, write_json
from bridge.cli.webhooks.lookup import unknown
from bridge.clock import SystemClock

if TYPE_CHECKING:
    from bridge.cli.console.configured import Everything
    from bridge.pipeline.operator.replay import Replayed
    from bridge.store.archive import Kept
    from bridge.store.protocol import Store

PAGE = 50

WORDS: Mapping[str, str] = {
    "rung": "rang again",
    "ignored": "understood, and there is nothing to do",
    "no_payload": "the payload is deleted ([retention] webhooks, or a person was forgotten)",
    "no_connector": "its connector is not configured any more",
    "misfit": "still does not fit",
    "duplicate": "the vendor sent it again meanwhile, and that one was taken",
    "not_found": "is gone",
}


async def replay(
    webhook_id: Annotated[str | None, Parameter(name="ID")] = None,
    /,
    *,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    connector: str | None = None,
    since: str | None = None,
    yes: Annotated[bool, Parameter(negative="")] = False,
    reason: str = "",
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Read a stored webhook again, by its connector as it is configured now, and ring for its devices again.

    A running serve looks at them within a second; what is told is what the vendor says now. It is not verified again.

    Parameters
    ----------
    webhook_id
        The webhook's id; one that did not fit is taken if it fits now.
    all_
        All that are kept instead, those of --connector and --since if given.
    connector
        Only what came to this connector.
    since
        Only from then on: "2h" ago, or a date.
    yes
        Do not ask.
    reason
        Why; it stands in the audit log.
    as_json
        Print JSON: counts by outcome.
    """
    if (webhook_id is None) != all_:
        raise WrongCall("name one webhook, or --all" + (", not both" if all_ else ""))
    if webhook_id is not None and (connector or since):
        raise WrongCall("--connector and --since go with --all")
    begin = moment(since)
    everything = load_without_secrets()
    async with opened(everything.loaded.config) as store:
        if webhook_id is not None:
            outcomes = await _one(store, everything, webhook_id, reason)
        else:
            outcomes = await _all(store, everything, connector, begin, yes, reason)
    if outcomes is None:
        return 1
    if as_json:
        write_json(dict(outcomes))
    return 0 if outcomes["rung"] or outcomes["ignored"] or not outcomes else 1


async def _one(store: Store, everything: Everything, webhook_id: str, reason: str) -> Counter[str] | None:

    kept = await store.webhook(webhook_id)
    if kept is None:
        await unknown(store, webhook_id)
        return None
    done = await _again(store, everything, kept)
    say(f"webhook {webhook_id}: {_words(done)}")
    if done.outcome in ("rung", "ignored"):
        await record(store, "webhooks.replay", f"webhook {webhook_id}", reason, kept.outcome, _words(done))
    return Counter([done.outcome])


async def _again(store: Store, everything: Everything, kept: Kept) -> Replayed:
    from bridge.pipeline.operator.replay import replay as again

    most = everything.loaded.config.retention.statements
    return await again(store, everything.connectors, kept, SystemClock(), most)


def _words(done: Replayed) -> str:
    detail = done.detail or (
        f"for {len(done.devices)} device{'' if len(done.devices) == 1 else 's'}" if done.devices else ""
    )
    return f"{WORDS[done.outcome]}: {detail}" if detail else WORDS[done.outcome]


async def _all(
    store: Store, everything: Everything, connector: str | None, since: float | None, yes: bool, reason: str
) -> Counter[str] | None:
    total = 0
    async for page in _pages(store, connector, since, bodies=False):
        total += sum(one.size is not None for one in page)
    if not total:
        say("no webhook like that whose payload is still kept")
        return Counter()
    about = f"all webhooks{f' of {connector}' if connector else ''}{f' since {when(since)}' if since else ''}"
    if not confirmed(f"Replay {some(total, 'webhook')}?", yes):
        return None
    outcomes: Counter[str] = Counter()
    with progress("replayed", total) as advance:
        async for page in _pages(store, connector, since, bodies=True):
            kept = [one for one in page if one.body is not None]
            for one in kept:
                outcomes[(await _again(store, everything, one)).outcome] += 1
            advance(len(kept))
    said = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
    await record(store, "webhooks.replay", about, reason, "", said)
    for outcome, count in outcomes.most_common():
        say(f"{count} {WORDS[outcome]}")
    return outcomes


async def _pages(
    store: Store, connector: str | None, since: float | None, *, bodies: bool
) -> AsyncIterator[list[Kept]]:
    """Oldest first, so that what was stated later is stated later again; what comes meanwhile is left out."""
    from bridge.store.archive import Wanted

    newest = await store.webhooks(Wanted(connector, since, limit=1))
    last, after = (newest[0].id if newest else ""), ""
    limit = PAGE if bodies else PAGE * 20
    while page := await store.webhooks(
        Wanted(connector, since, after=after, oldest_first=True, bodies=bodies, limit=limit)
    ):
        yield [one for one in page if one.id <= last]
        after = page[-1].id
        if after >= last:
            return
