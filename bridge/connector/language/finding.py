"""How findings are read out of a webhook or an answer: the `finding` key of `[[on]]` and `[snapshot]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, cast

from bridge.connector.language.complaint import ExprError
from bridge.connector.language.expr import Expression, Kind, Scope, Values
from bridge.connector.language.reader import Table
from bridge.connector.language.words import clean
from bridge.model import Finding, FindingState

_STATES: Final = ("failing", "passing", "gone")
MAX_KEY: Final = 256
MAX_SHOWN: Final = 300
NEEDED: Final = frozenset({"finding.exempt", "finding.blocks_at", "snapshot.status"})
"""What a judgement may read that must then be in the answer."""


@dataclass(frozen=True, slots=True)
class FindingSpec:
    """One expression for each member. An empty `state` means that nothing is stated."""

    key: Expression
    state: Expression | None
    check: Expression | None
    title: Expression | None
    at: Expression | None
    exempt: Expression | None
    blocks_at: Expression | None
    tags: Expression | None
    severity: Expression | None

    @property
    def reads(self) -> tuple[Expression | None, ...]:
        return (
            self.key,
            self.state,
            self.check,
            self.title,
            self.at,
            self.exempt,
            self.blocks_at,
            self.tags,
            self.severity,
        )

    def read(self, values: Values, at: float, needed: frozenset[str] = NEEDED) -> Finding | None:
        """The finding, or None if nothing is stated. `at` stands in for a time that is not given.

        Raises ExprError: an absent or mistyped member is one, except an absent check, title, at, tags or severity.
        `exempt` and `blocks_at` may be absent only where the judgement does not read them (they are not in `needed`);
        `blocks_at` may be null.
        """
        state = self.state.text(values) if self.state else "failing"
        if self.state is not None and state == "":
            return None
        if state not in _STATES:
            raise ExprError(self.state.source if self.state else "", f"state must be one of {', '.join(_STATES)}")
        moment = optional_time(self.at, values)
        return Finding(
            key=identity(self.key, values, "key"),
            state=cast(FindingState, state),
            at=at if moment is None else moment,
            check=shown_text(self.check, values),
            title=shown_text(self.title, values),
            exempt=_exempt(self.exempt, values, "finding.exempt" in needed),
            blocks_at=_deadline(self.blocks_at, values, "finding.blocks_at" in needed),
            tags=_tags(self.tags, values),
            severity=shown_text(self.severity, values),
        )


def read(table: Table, scope: Scope) -> FindingSpec | None:
    key = table.expression("key", scope, Kind.TEXT, required=True)
    rest = {
        name: table.expression(name, scope, kind)
        for name, kind in (
            ("state", Kind.TEXT),
            ("check", Kind.TEXT),
            ("title", Kind.TEXT),
            ("at", Kind.TIME),
            ("exempt", Kind.BOOL),
            ("blocks_at", Kind.TIME),
            ("tags", Kind.TEXTS),
            ("severity", Kind.TEXT),
        )
    }
    table.done()
    return None if key is None else FindingSpec(key=key, **rest)


def identity(expression: Expression, values: Values, what: str) -> str:
    """An id: text, not empty, printable, at most 256 characters. Raises ExprError."""
    text = expression.text(values)
    path = expression.mentions[0].text if expression.mentions else ""
    if not text or len(text) > MAX_KEY or not text.isprintable():
        raise ExprError(expression.source, f"the {what} must be 1 to {MAX_KEY} printable characters", path=path)
    return text


def optional_text(expression: Expression | None, values: Values) -> str | None:
    """None if the expression is not declared, its member is absent or null, or it yields ""."""
    if expression is None:
        return None
    text = expression.optional(values)
    assert text is None or isinstance(text, str)
    return text or None


def shown_text(expression: Expression | None, values: Values) -> str:
    """What is only shown, as one printable line of at most 300 characters; "" if there is none."""
    return clean(optional_text(expression, values) or "", MAX_SHOWN)


def optional_time(expression: Expression | None, values: Values) -> float | None:
    if expression is None:
        return None
    moment = expression.optional(values)
    assert moment is None or isinstance(moment, float)
    return moment


def _exempt(expression: Expression | None, values: Values, needed: bool) -> bool:
    if expression is None:
        return False
    try:
        return expression.truth(values)
    except ExprError as error:
        if error.absent and not needed:
            return False
        raise


def _deadline(expression: Expression | None, values: Values, needed: bool) -> float | None:
    """Null means "never"; absent does not: half an answer must not look like a device that is never blocked."""
    if expression is None:
        return None
    try:
        return expression.time(values)
    except ExprError as error:
        if error.null or (error.absent and not needed):
            return None
        raise


def _tags(expression: Expression | None, values: Values) -> tuple[str, ...]:
    if expression is None:
        return ()
    try:
        return expression.texts(values)
    except ExprError as error:
        if error.absent or error.null:
            return ()
        raise
