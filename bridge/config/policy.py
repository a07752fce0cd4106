"""`[policy]` and `[guard]`: what an admin decides beside what the vendor says."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from bridge.config.kinds import Name, Percent, Seconds, Text, Whole, between
from bridge.config.section import Section


def _moment(value: object) -> float:
    """A TOML date or date-time, or its text: seconds. A date alone ends with its day, in UTC."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value) if "T" in value or " " in value else date.fromisoformat(value)
        except ValueError:
            value = None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime.combine(value, time(), UTC).timestamp() + 86400
    raise ValueError("must be a date such as 2026-12-31, or a date and time such as 2026-12-31T18:00:00Z")


class Exempt(Section):
    """`[[policy.exempt]]`: what does not count as failing. All that is named must agree."""

    why: Text
    connector: Name | None = None
    device: Text | None = None
    user: Text | None = None
    check: Text | None = None
    tag: Text | None = None
    until: Annotated[float, BeforeValidator(_moment)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _names_something(cls, given: Any) -> Any:
        if isinstance(given, dict) and not {"device", "user", "check", "tag"} & given.keys():
            raise ValueError("must name a device, a user, a check or a tag")
        return given


class Policy(Section):
    baseline: Literal["hold", "announce"] = "hold"
    settle: Annotated[Seconds, Field(le=86400)] = 0.0
    stale_after: Seconds | None = None
    on_stale: Literal["keep", "not-compliant"] = "keep"
    on_gone: Literal["keep", "release"] = "keep"
    longest_override: Annotated[Seconds, AfterValidator(between("1h", "365d"))] = 30 * 86_400.0
    """Of `devices override`."""
    long_failing: Annotated[Seconds, AfterValidator(between("1h", "365d"))] = 7 * 86_400.0
    """From when on a device that fails counts as stuck."""
    exempt: tuple[Exempt, ...] = ()


class Guard(Section):
    max_users: Annotated[Whole, Field(ge=0)] = 25
    max_percent: Percent = 5.0
    window: Annotated[Seconds, Field(gt=0)] = 600.0
