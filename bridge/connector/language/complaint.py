"""What is wrong with an expression: words fit to be shown, with a caret where that helps and never with a value."""

from __future__ import annotations

import re
from collections.abc import Iterable

from bridge.connector.language import functions
from bridge.connector.language.mentions import nearest

_FAULT = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)\n \| (.*)\n \| (\.*\^)")
_UNKNOWN_NAME = re.compile(r"undeclared reference to '([^']+)'")


class ExprFault(ValueError):
    """An expression that does not compile: words for the admin, with the source and a caret under the fault."""


class ExprError(Exception):
    """An expression that gave no value for these data.

    `path` is the member at fault ("" if none can be named); `absent`: it is not there; `null`: it is there and
    null. The message holds names and types, never a value.
    """

    def __init__(self, source: str, message: str, *, path: str = "", absent: bool = False, null: bool = False) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.source, self.message, self.path, self.absent, self.null = source, message, path, absent, null


def safe(error: str) -> str:
    """CEL's words for an evaluation error, without any value that they may quote."""
    words = re.sub(r"^[A-Z_]+: ", "", error)
    if words.startswith("No matching overloads found"):
        return "no function takes a value of this type: " + words.partition(": ")[2][:80]
    known = (
        "must be ",
        "not a",
        "the list is empty",
        "Iteration budget",
        "integer overflow",
        "divide by zero",
        "String to Timestamp conversion failed",
        "String to Duration conversion failed",
        "Index error",
    )
    return words.partition(" :")[0][:80] if words.startswith(known) else "cannot be evaluated"


def explained(error: str, variables: Iterable[str]) -> str:
    """CEL's compile error: its first words, a name that may have been meant, the line and a caret."""
    match = _FAULT.search(error)
    if match is None:
        return error.removesuffix(" [INVALID_ARGUMENT]")
    words = match[3].replace(" (in container '')", "").partition(" expecting {")[0].replace("'<EOF>'", "the end")
    unknown = _UNKNOWN_NAME.search(words)
    known = [*variables, *functions.OF_ONE, "pick", "first", "time_never"]
    hint = (nearest(unknown[1], known) or nearest(unknown[1].partition(".")[0], known)) if unknown else ""
    return f"{words}{hint}\n  {match[4]}\n  {match[5]}"
