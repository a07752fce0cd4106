"""One cheap question to the vendor's API, for `check --online`: are we let in, and is it what we take it for?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime

from bridge.connector.asking.api import Api
from bridge.connector.asking.paging import BadPage
from bridge.connector.lists.course import Course
from bridge.connector.lists.listing import ListSpec
from bridge.model import FailureKind, LookFailed


@dataclass(frozen=True, slots=True)
class Probe:
    """`asked` names the question without any value in it. `status` 0: there was no answer."""

    asked: str
    status: int = 0
    date: float | None = None
    """Seconds since 1970, by the vendor's Date header."""
    kind: FailureKind | None = None
    words: str = ""
    """What is wrong, in the vendor's own words where they are fit to be shown; "" if nothing is."""
    sure: bool = True
    """False: nothing declares what to ask, so only a refusal or no answer at all says anything."""


async def probe(api: Api, listing: ListSpec | None, settings: Mapping[str, object]) -> Probe:
    """The first device of the vendor's list, or the base of its API where no list is declared. Raises nothing."""
    if listing is None:
        return await _base(api)
    source = listing.source
    course = Course(replace(source.paging, size=1), api.base + source.url.url(settings), source.body)
    label = f"{source.label}, its first page"
    url, body = course.question()
    try:
        tried = await api.try_out(label, source.method, url, body)
        if tried.failure is None:
            course.rows(tried.tree)
    except LookFailed as failed:
        return Probe(label, kind=failed.kind, words=failed.detail)
    except BadPage as bad:
        return Probe(label, tried.status, _date(tried.headers), "malformed", f"{label}: {bad}")
    return _probed(label, tried.status, tried.headers, tried.failure)


async def _base(api: Api) -> Probe:
    label = "the base of its API (GET)"
    try:
        tried = await api.try_out(label, "GET", api.base + "/", None)
    except LookFailed as failed:
        return Probe(label, kind=failed.kind, words=failed.detail, sure=False)
    refused = tried.failure if tried.failure is not None and tried.failure.kind in ("denied", "down") else None
    return replace(_probed(label, tried.status, tried.headers, refused), sure=False)


def _probed(label: str, status: int, headers: Mapping[str, str], failure: LookFailed | None) -> Probe:
    if failure is None:
        return Probe(label, status, _date(headers))
    return Probe(label, status, _date(headers), failure.kind, failure.detail)


def _date(headers: Mapping[str, str]) -> float | None:
    try:
        return parsedate_to_datetime(headers.get("date", "")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
