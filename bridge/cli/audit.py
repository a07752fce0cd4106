"""`caep-bridge audit`: who changed what, and why."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from cyclopts import App, Parameter

from bridge.cli.console.configured import WrongCall, load_config
from bridge.cli.console.moments import moment
from bridge.cli.console.opened import opened
from bridge.cli.console.output import say, table, when, write_json

audit = App(name="audit", help="Who changed what, when and why.")


@audit.command(name="list")
async def list_(
    *,
    since: str | None = None,
    who: str = "",
    what: str = "",
    target: str = "",
    limit: int = 100,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Every change that a person made, and what was held or released by itself ("serve"). The newest first.

    E-mail addresses stand as keyed hashes; a --target that is an address finds its hash.

    Parameters
    ----------
    since
        Only from then on: "2h" ago, or a date.
    who
        Only what this user did.
    what
        Only this, such as guard.release, or all of a group, such as guard.
    target
        Only where the target holds this text.
    limit
        At most so many.
    as_json
        Print JSON.
    """
    if limit < 1:
        raise WrongCall("--limit must be at least 1")
    begin = moment(since)
    async with opened(load_config().config) as store:
        if "@" in target:
            from bridge.cli.console.changing import journal

            target = await journal(store).person(target)
        found = await store.audit(since=begin, who=who, what=what, target=target, limit=limit + 1)
    if as_json:
        write_json([asdict(entry) for entry in found[:limit]])
    else:
        table(
            ("when", "who", "what", "target", "before", "after", "why"),
            ((when(e.at), e.who, e.what, e.target, e.before, e.after, e.why) for e in found[:limit]),
            empty="nothing like that was recorded",
        )
    if len(found) > limit:
        say(f"there are more than {limit}: --limit shows more, --since, --who, --what and --target narrow it down")
    return 0
