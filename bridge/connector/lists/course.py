"""A list of any length under way: pages are handed on and not kept. Pure; the asking is done elsewhere.

What makes a list whole is said in `paging`. Besides, a page that came before is an error: what should have stood in
its place is missing.
"""

from __future__ import annotations

import copy
import hashlib
from typing import Any, Final

import orjson

from bridge.connector.asking.paging import BadPage, Pages, Paging
from bridge.connector.language.tree import Gap, Path

MAX_PAGES: Final = 100_000
MAX_ITEMS: Final = 10_000_000
WHOLE: Final = Paging("whole", Path(""))
"""For a list that comes in one answer; its `items` are put in."""


class Course(Pages):
    """`body` None is asked by GET with the page in the URL, else by POST with the page in the body.

    `saved` (what `save` gave) goes on where another course over the same list stopped; `resumed` says whether it does.
    """

    def __init__(self, paging: Paging, url: str, body: object = None, saved: str | None = None) -> None:
        self._body = body
        self._digests: set[bytes] = set()
        super().__init__(paging, url)
        self.resumed = saved is not None and self._restore(saved)

    def question(self) -> tuple[str, bytes | None]:
        """The URL and the body that ask for the next page."""
        assert self.next is not None
        if self._body is None:
            return self.next, None
        if self._paging.style == "link":
            return self.next, orjson.dumps(self._body)
        body = copy.deepcopy(self._body)
        for path, value in orjson.loads(self.next).items():
            put(body, path, self._typed(path, value))
        return self._bare, orjson.dumps(body)

    def rows(self, answer: object) -> list[object]:
        """Take a page and give its items. Raises BadPage."""
        page = self._list(answer)
        self._refuse_repeated(page)
        self._follow(answer, page, MAX_PAGES, MAX_ITEMS)
        if self.next is None:
            self._refuse_short(answer)
        return page

    def total(self, answer: object) -> int | None:
        """How many items the vendor says that there are, if it does."""
        try:
            total = self._paging.total(answer) if self._paging.total else None
        except Gap:
            return None
        return total if type(total) is int and total >= 0 else None

    def save(self) -> str | None:
        """Where to go on: text that holds in another process. None at the end."""
        if self.next is None:
            return None
        state = {"of": self._name(), "next": self.next, "number": self._number, "count": self._count}
        return orjson.dumps(state).decode()

    def _restore(self, saved: str) -> bool:
        """False if it is not of this list, or no longer."""
        try:
            state = orjson.loads(saved)
            of, follow, number, count = (state[key] for key in ("of", "next", "number", "count"))
            if of != self._name() or [type(follow), type(number), type(count)] != [str, int, int]:
                return False
            if self._body is None:
                self._same_origin(follow)
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            return False
        self.next, self._number, self._count = follow, number, count
        self._seen.add(follow)
        return True

    def _name(self) -> str:
        """Of the question: what was saved goes on only with the very same."""
        asked = [self._bare, self._body, self._paging.style, self._paging.param, self._paging.size_param]
        return hashlib.sha256(orjson.dumps([*asked, self._paging.size])).hexdigest()[:16]

    def _refuse_repeated(self, page: list[object]) -> None:
        if not page:
            return
        digest = hashlib.blake2b(orjson.dumps(page), digest_size=16).digest()
        if digest in self._digests:
            raise BadPage("repeats one that came before")
        self._digests.add(digest)

    def _refuse_short(self, answer: object) -> None:
        total = self.total(answer)
        if total is not None and self._count < total:
            raise BadPage("ends before its total is reached")

    def _url(self, query: dict[str, str]) -> str:
        if self._body is None or self._paging.style == "link":
            return super()._url(query)
        if self._paging.size_param:
            query[self._paging.size_param] = str(self._paging.size)
        return orjson.dumps(query).decode()

    def _whole(self, answer: object, page: list[object]) -> bool:
        """Without a total an empty page ends: a short one may be the vendor's own limit, or a hiccup."""
        return not page if self._paging.total is None else super()._whole(answer, page)

    def _after_after(self, answer: object, page: list[object]) -> str | None:
        return self._from(page[-1]) if page else None

    def _after_whole(self, answer: object, page: list[object]) -> str | None:
        return None

    def _typed(self, path: str, value: str) -> object:
        counts = self._paging.style in ("number", "offset") or path == self._paging.size_param
        return int(value) if counts else value


def put(body: Any, path: str, value: object) -> None:
    """Set a member of a JSON body by its dotted path. Raises ValueError if something on the way is no object."""
    *way, last = path.split(".")
    for name in way:
        body = body.setdefault(name, {}) if isinstance(body, dict) else None
    if not isinstance(body, dict):
        raise ValueError(f"{path} leads through something that is no table")
    body[last] = value
