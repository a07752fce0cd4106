"""`init`: how many devices each judgement would fail now, as far as the vendor can be asked already."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bridge.cli.check.verdict_counts import count_all, lines
from bridge.cli.console.answers import Answers, config_text, variables
from bridge.cli.console.configured import STAND_IN
from bridge.cli.console.output import say
from bridge.errors import ConfigError

if TYPE_CHECKING:
    from bridge.config import Loaded
    from bridge.connector.load import Description


async def said_by_vendor(answers: Answers, description: Description, place: Path) -> None:
    """Says it on stderr; says why not, if not. `place` is where the configuration will stand. Never raises."""
    asked = [one for one in description.settings if one.name in description.api_settings]
    needed = [answers.settings.get(one.name) or one.default for one in asked]
    if not description.has_list or not all(needed):
        return
    unset = _unset([str(value) for value in needed])
    if unset:
        say(f"the vendor is not asked how many devices would fail now: not set here: {', '.join(unset)}")
        return
    try:
        counts = await count_all(_trial(answers, description, place))
    except (ConfigError, OSError):
        return  # what is wrong is said when the file is written
    for found in counts:
        for line in lines(replace(found, chosen="")):
            say(line)


def _unset(given: list[str]) -> list[str]:
    """The variables among these that are not there."""
    names = [value.removeprefix("env:") for value in given if value.startswith("env:")]
    return [name for name in names if not os.environ.get(name)]


def _trial(answers: Answers, description: Description, place: Path) -> Loaded:
    """The configuration as it would be with any judgement. Raises ConfigError, OSError."""
    from bridge.config import load

    chosen = answers.judge or description.judgements[0].name
    text = config_text(replace(answers, judge=chosen, profile=""), description)
    environ = {**dict.fromkeys(variables(text), STAND_IN), **os.environ}
    fresh = place.with_name(f".{place.name}.asked")
    try:
        fresh.write_text(text, encoding="utf-8")
        return load(fresh, environ)
    finally:
        fresh.unlink(missing_ok=True)
