"""What to ask the vendor's API: the `[api]` and `[look]` keys of a manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from bridge.connector.asking.paging import Paging, read_paging
from bridge.connector.language import times
from bridge.connector.language.expr import Expression, Kind, Scope
from bridge.connector.language.mentions import Mention, resolve
from bridge.connector.language.reader import Table
from bridge.connector.language.settings import Setting
from bridge.connector.language.template import Template
from bridge.connector.language.tree import Path

MAX_CONCURRENCY: Final = 64
_LOGINS: Final = ("bearer", "basic", "header", "oauth")


@dataclass(frozen=True, slots=True)
class OAuthSpec:
    """Client credentials (RFC 6749 §4.4). `client_id` and `client_secret` name settings."""

    token: Template
    client_id: str
    client_secret: str
    scope: Template
    style: str


@dataclass(frozen=True, slots=True)
class Login:
    """How we prove ourselves to the API. `scheme` is bearer, basic, header, oauth or none; names are of settings."""

    scheme: str
    secret: str = ""
    user: str = ""
    header: str = "authorization"
    prefix: str = ""
    oauth: OAuthSpec | None = None

    @property
    def needs(self) -> tuple[str, ...]:
        """The settings without which there is no API."""
        names = (self.oauth.client_id, self.oauth.client_secret) if self.oauth else (self.user, self.secret)
        return tuple(name for name in names if name)


@dataclass(frozen=True, slots=True)
class ApiSpec:
    """`rate` is how many requests in how many seconds, None for no limit; `timeout` in seconds, of each request."""

    base: Template
    login: Login
    headers: Mapping[str, Template]
    rate: tuple[int, float] | None
    concurrency: int
    timeout: float
    pages: Mapping[str, Paging]


@dataclass(frozen=True)
class Step:
    """One question of a look. `gone`: statuses that say the device does not exist; `none`: that there is no answer.

    `cache` in seconds, 0 for never. With `each` it is asked for every element, and yields a list.
    """

    name: str
    method: str
    url: Template
    body: object
    when: Expression | None
    each: Mention | None
    items: Path | None
    paging: Paging | None
    cache: float
    gone: frozenset[int]
    none: frozenset[int]

    @cached_property
    def label(self) -> str:
        """For messages: the question without any value in it."""
        return f"look.{self.name} ({self.method} {self.url.text.partition('?')[0]})"

    @cached_property
    def accepted(self) -> frozenset[int]:
        """Statuses that are answers, beside those of success."""
        return self.gone | self.none


def read_api(root: Table, settings: Mapping[str, Setting]) -> ApiSpec | None:
    table = root.table("api")
    if table is None:
        return None
    names = [f"settings.{name}" for name, setting in settings.items() if not setting.secret]
    if not table.has("base"):
        table.fault("base", "is required")
    empty = Template("", ())
    spec = ApiSpec(
        base=table.parsed("base", lambda text: Template(text, names), empty),
        login=_login(table, settings, names),
        headers=_headers(table, names),
        rate=table.parsed("rate", times.rate, None),
        concurrency=min(table.whole("concurrency", 16), MAX_CONCURRENCY) or 1,
        timeout=table.parsed("timeout", times.duration, 10.0),
        pages={name: read_paging(inner) for name, inner in table.tables("page")},
    )
    table.done()
    return spec


def _headers(table: Table, names: Sequence[str]) -> dict[str, Template]:
    inner = table.table("headers")
    if inner is None:
        return {}
    empty = Template("", ())
    return {name.lower(): inner.parsed(name, lambda text: Template(text, names), empty) for name in inner.data}


def _login(table: Table, settings: Mapping[str, Setting], names: Sequence[str]) -> Login:
    given = [key for key in _LOGINS if table.has(key)]
    if len(given) > 1:
        table.fault(given[1], f"there can be one of {', '.join(_LOGINS)}")
    if not given:
        return Login("none")
    if given[0] == "bearer":
        return Login("bearer", secret=_named(table, "bearer", settings), prefix="Bearer ")
    inner = table.table(given[0])
    assert inner is not None
    login = (
        {"basic": _basic, "header": _header}[given[0]](inner, settings)
        if given[0] != "oauth"
        else Login("oauth", oauth=_oauth(inner, settings, names))
    )
    inner.done()
    return login


def _basic(inner: Table, settings: Mapping[str, Setting]) -> Login:
    return Login("basic", user=_named(inner, "user", settings), secret=_named(inner, "secret", settings))


def _header(inner: Table, settings: Mapping[str, Setting]) -> Login:
    return Login(
        "header",
        header=inner.text("name", required=True).lower(),
        secret=_named(inner, "secret", settings),
        prefix=inner.text("prefix"),
    )


def _oauth(inner: Table, settings: Mapping[str, Setting], names: Sequence[str]) -> OAuthSpec:
    if not inner.has("token"):
        inner.fault("token", "is required: the URL, or the path below base, that gives tokens")
    empty = Template("", ())
    return OAuthSpec(
        token=inner.parsed("token", lambda text: Template(text, names), empty),
        client_id=_named(inner, "client_id", settings),
        client_secret=_named(inner, "client_secret", settings),
        scope=inner.parsed("scope", lambda text: Template(text, names), empty),
        style=inner.choice("style", ("post", "basic"), "post"),
    )


def _named(table: Table, key: str, settings: Mapping[str, Setting]) -> str:
    name = table.text(key, required=True)
    if name and name not in settings:
        table.fault(key, f"names no setting: {name}")
    return name


def read_steps(root: Table, api: ApiSpec | None, settings: Mapping[str, str]) -> tuple[Step, ...]:
    """In the order in which they are written; each may read the answers of those before it."""
    variables = {"device.id": "text", **{f"settings.{name}": kind for name, kind in settings.items()}}
    steps: list[Step] = []
    for name, table in root.tables("look"):
        if not name.isidentifier():
            root.faults.add(table.path, "must be named in letters, digits and _")
            continue
        steps.append(_step(name, table, api, variables))
        variables[f"look.{name}"] = "any"
    if api is not None and not steps:
        root.fault("look", "is required with [api]: what to ask about a device")
    if steps and api is None:
        root.fault("look", "needs [api]")
    return tuple(steps)


def _step(name: str, table: Table, api: ApiSpec | None, variables: Mapping[str, str]) -> Step:
    each = _each(table, variables)
    names = [*variables, *(["item"] if each else [])]
    when = table.expression("when", Scope(variables), Kind.BOOL) if table.has("when") else None
    method, url, body = read_question(table, names)
    page = table.text("page")
    if page and (api is None or page not in api.pages):
        table.fault("page", f"names no api.page: {page}")
    step = Step(
        name,
        method,
        url,
        body,
        when,
        each,
        table.where("items"),
        api.pages.get(page) if api else None,
        table.parsed("cache", times.duration, 0.0),
        _statuses(table, "gone"),
        _statuses(table, "none"),
    )
    if step.paging and step.items:
        table.fault("items", "the page says where the items are")
    if step.paging and method == "POST":
        table.fault("page", "a post cannot be paged")
    table.done()
    return step


def read_question(table: Table, names: Sequence[str]) -> tuple[str, Template, object]:
    """The method, the URL below the base and the body of `get`, or of `post` and `body`."""
    method = "POST" if table.has("post") else "GET"
    if table.has("get") == table.has("post"):
        table.fault("get", "there must be one of get and post")
    url = table.parsed(method.lower(), lambda text: _path(text, names), Template("", ()))
    return method, url, _body(table, names)


def _path(text: str, names: Sequence[str]) -> Template:
    if not text.startswith("/") or text.startswith("//"):
        raise ValueError("must be a path below api.base, beginning with one /")
    return Template(text, names)


def _each(table: Table, variables: Mapping[str, str]) -> Mention | None:
    text = table.text("each")
    if not text:
        return None
    mention = resolve(text, [name for name in variables if name.startswith("look.")])
    if mention is None:
        table.fault("each", 'must be a path into an earlier answer, as in "look.issues"')
    return mention


def _body(table: Table, names: Sequence[str]) -> object:
    """A JSON body whose texts may hold templates."""
    raw = table.get("body")
    if raw is None:
        return None
    try:
        return _templates(raw, names)
    except ValueError as error:
        table.fault("body", str(error))
        return None


def _templates(value: object, names: Sequence[str]) -> object:
    if isinstance(value, str):
        return Template(value, names)
    if isinstance(value, dict):
        return {key: _templates(member, names) for key, member in value.items()}
    if isinstance(value, list):
        return [_templates(member, names) for member in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    raise ValueError("may hold only text, numbers, true, false, lists and tables")


def _statuses(table: Table, key: str) -> frozenset[int]:
    value = table.get(key)
    if value is None:
        return frozenset()
    if not isinstance(value, list) or not all(type(part) is int and 400 <= part <= 499 for part in value):
        table.fault(key, "must be a list of HTTP statuses from 400 to 499")
        return frozenset()
    if set(value) & {401, 403, 429}:
        table.fault(key, "401, 403 and 429 say something about us, never about a device")
    return frozenset(value)
