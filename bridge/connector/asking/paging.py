"""How a vendor cuts long lists into pages: `api.page.<name>`. Pure; the asking is done elsewhere.

A list counts only whole: a cursor that comes back, a page that is missing or too short, or more pages than
allowed is an error and never the end.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urljoin, urlsplit

from bridge.connector.language.reader import Table
from bridge.connector.language.tree import Gap, Path

MAX_PAGES: Final = 200
MAX_ITEMS: Final = 20_000


class BadPage(ValueError):
    """A page that is not what was asked for. The words hold no value."""


@dataclass(frozen=True, slots=True)
class Paging:
    """`style` is cursor, link, number, offset or after. `size` is sent as `size_param`, if that is not empty.

    `more` says whether a cursor leads anywhere, for vendors that also give one with the last page.
    """

    style: str
    items: Path
    param: str = ""
    next: Path | None = None
    next_key: str = ""
    first: int = 0
    size_param: str = ""
    size: int = 0
    total: Path | None = None
    limit: int = MAX_PAGES
    more: Path | None = None


def read_paging(table: Table) -> Paging:
    style = next((key for key in ("next_url", "next", "page", "offset", "after") if table.has(key)), "")
    if not style:
        table.fault("next", "there must be one of next, next_url, page, offset and after")
    items = table.where("items")
    if items is None:
        table.fault("items", 'is required: the path of the list in a page, "." for the page itself')
        items = Path("")
    size_param, size = _size(table, needed=style in ("page", "offset", "after"))
    paging = Paging(
        style={"next": "cursor", "next_url": "link", "page": "number"}.get(style, style),
        items=items,
        param=table.text("param", required=True) if style in ("next", "after") else _param(table, style),
        next=_next(table, style),
        next_key=table.text("next_url"),
        first=table.whole("first", 0),
        size_param=size_param,
        size=size,
        total=table.where("total"),
        limit=table.whole("limit", MAX_PAGES),
        more=table.where("more"),
    )
    if paging.more is not None and style != "next":
        table.fault("more", "belongs to next")
    table.done()
    return paging


def _param(table: Table, style: str) -> str:
    return table.text(style) if style in ("page", "offset") else ""


def _next(table: Table, style: str) -> Path | None:
    if style == "next_url":
        try:
            return Path(table.text("next_url"))
        except ValueError:
            return None
    return table.where(style) if style in ("next", "after") else None


def _size(table: Table, *, needed: bool) -> tuple[str, int]:
    value = table.get("size")
    if value is None and not needed:
        return "", 0
    if isinstance(value, list) and [type(part) for part in value] == [str, int] and value[1] > 0:
        return value[0], value[1]
    table.fault("size", 'must be the name of a parameter and a number, as in ["per_page", 100]')
    return "", 1


class Pages:
    """One listing under way: which URL is next, and whether the list is whole."""

    def __init__(self, paging: Paging, url: str) -> None:
        self._paging = paging
        self._bare = url
        self._number = 0
        self._count = 0
        self._seen: set[str] = set()
        self._total: int | None = None
        self.items: list[object] = []
        self.next: str | None = self._url(self._start())

    def take(self, answer: object) -> None:
        """Add a page; `next` is then the URL of the one that follows, or None. Raises BadPage."""
        page = self._list(answer)
        self.items += page
        self._follow(answer, page, self._paging.limit, MAX_ITEMS)

    def _follow(self, answer: object, page: list[object], most_pages: int, most_items: int) -> None:
        self._number += 1
        self._count += len(page)
        follow = getattr(self, f"_after_{self._paging.style}")(answer, page)
        if follow is not None:
            if self._number >= most_pages or self._count > most_items:
                raise BadPage(f"has more than {self._number} pages")
            if follow in self._seen:
                raise BadPage("names a page that we had already")
            self._seen.add(follow)
        self.next = follow

    def _list(self, answer: object) -> list[object]:
        try:
            page = self._paging.items(answer)
        except Gap as gap:
            raise BadPage(f"lacks {gap.path}") from None
        if not isinstance(page, list):
            raise BadPage("has no list where its items should be")
        return page

    def _start(self) -> dict[str, str]:
        paging = self._paging
        if paging.style == "number":
            return {paging.param: str(paging.first)}
        return {paging.param: "0"} if paging.style == "offset" else {}

    def _url(self, query: dict[str, str]) -> str:
        if self._paging.size_param:
            query[self._paging.size_param] = str(self._paging.size)
        added = "&".join([f"{_quoted(name)}={_quoted(value)}" for name, value in query.items()])
        return f"{self._bare}{'&' if '?' in self._bare else '?'}{added}" if added else self._bare

    def _after_cursor(self, answer: object, page: list[object]) -> str | None:
        assert self._paging.next is not None
        if self._paging.more is not None and not self._leads_on(self._paging.more, answer):
            return None
        cursor = _optional(self._paging.next, answer)
        if self._paging.more is not None and not cursor:
            raise BadPage("says that there is more and not where")
        if cursor is None or cursor == "":
            return None
        return self._url({self._paging.param: _scalar(cursor)})

    @staticmethod
    def _leads_on(path: Path, answer: object) -> bool:
        more = _optional(path, answer)
        if type(more) is not bool:
            raise BadPage("does not say whether there is more")
        return more

    def _after_link(self, answer: object, page: list[object]) -> str | None:
        link = answer.get(self._paging.next_key) if isinstance(answer, dict) else None
        if link is None and self._paging.next is not None:
            try:
                link = self._paging.next(answer)
            except Gap:
                link = None
        if link is None or link == "":
            return None
        if not isinstance(link, str):
            raise BadPage("has a next link that is no text")
        return self._same_origin(urljoin(self._bare, link))

    def _same_origin(self, url: str) -> str:
        asked, named = urlsplit(self._bare), urlsplit(url)
        if (asked.scheme, asked.netloc) != (named.scheme, named.netloc):
            raise BadPage("has a next link to another host")
        return url

    def _after_number(self, answer: object, page: list[object]) -> str | None:
        if self._whole(answer, page):
            return None
        return self._url({self._paging.param: str(self._paging.first + self._number)})

    def _after_offset(self, answer: object, page: list[object]) -> str | None:
        return None if self._whole(answer, page) else self._url({self._paging.param: str(self._count)})

    def _whole(self, answer: object, page: list[object]) -> bool:
        """With a total: when that many came. Without: when a page was not full."""
        if self._paging.total is None:
            return len(page) < self._paging.size
        total = _optional(self._paging.total, answer)
        if type(total) is not int:
            raise BadPage("has no number where its total should be")
        if not page and self._count < total:
            raise BadPage("ends before its total is reached")
        return self._count >= total

    def _after_after(self, answer: object, page: list[object]) -> str | None:
        return self._from(page[-1]) if len(page) >= self._paging.size else None

    def _from(self, last: object) -> str:
        assert self._paging.next is not None
        try:
            return self._url({self._paging.param: _scalar(self._paging.next(last))})
        except Gap as gap:
            raise BadPage(f"has an item that lacks {gap.path}") from None


@lru_cache(maxsize=1000)
def _quoted(text: str) -> str:
    """Every first page of a look asks with the same parameters."""
    return quote(text, safe="")


def _optional(path: Path, answer: object) -> object:
    try:
        return path(answer)
    except Gap as gap:
        if gap.null:
            return None
        raise BadPage(f"lacks {gap.path}") from None


def _scalar(value: object) -> str:
    if isinstance(value, str) and value:
        return value
    if type(value) is int:
        return str(value)
    raise BadPage("has a cursor that is neither text nor a whole number")
