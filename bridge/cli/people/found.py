"""A person as commands look for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.cli.console.changing import progress
from bridge.cli.console.configured import WrongCall
from bridge.cli.console.output import say

if TYPE_CHECKING:
    from bridge.pipeline.operator.person import Person
    from bridge.store.protocol import Store


async def find(store: Store, addresses: list[str], namespaces: dict[str, str]) -> Person:
    from bridge.pipeline.operator.person import person

    if not all(one.strip() for one in addresses):
        raise WrongCall("an address must not be empty")
    total = (await store.counts())["webhooks"] + (await store.counts())["quarantined"]
    with progress("webhooks read", total) as advance:
        return await person(store, addresses, namespaces, advance)


def say_others(found: Person) -> None:
    if found.others:
        say(
            f"SETs about the same devices were also sent under {', '.join(found.others)}: if that is the same person, "
            "add --also, for it may as well be a former owner"
        )
