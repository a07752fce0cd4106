"""The OpenAPI 3.1 document of one configuration. Pure, but for the files of the package."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from importlib.resources import files
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from bridge import __version__
from bridge.oauth.metadata import token_endpoint

PATH: Final = "/openapi.json"
WEBHOOKS: Final = "/webhooks/{connector}"
_ALWAYS: Final = ("public",)
_CALLS: Final = ("calls", "streams", "stream_schemas", "subjects", "delivery")
_TOKENS: Final = ("tokens",)
_AT_THE_ROOT: Final = (WEBHOOKS, "/healthz", "/readyz")
"""Do not stand below the path of an issuer that has one."""


def document(issuer: str, accepted: Collection[str], *, calls: bool, tokens: bool) -> dict[str, Any]:
    """What the routes are. `accepted`: the media types of webhooks, none if there is no connector; `calls`: whether
    there are clients; `tokens`: whether some of them get their tokens here. What does not exist is not named."""
    made = _together((*_ALWAYS, *(_CALLS if calls else ()), *(_TOKENS if calls and tokens else ())))
    made["info"]["version"] = __version__
    made["servers"] = [{"url": issuer.rstrip("/")}]
    if calls and tokens:
        flows = made["components"]["securitySchemes"]["client"]["flows"]
        flows["clientCredentials"]["tokenUrl"] = token_endpoint(issuer)
    taken = made["paths"][WEBHOOKS]["post"]["requestBody"]
    taken["content"] = {kind: {"schema": {}} for kind in sorted(accepted)}
    if not accepted:
        del made["paths"][WEBHOOKS]
    _place(made["paths"], issuer)
    return made


def _place(paths: Mapping[str, Any], issuer: str) -> None:
    parts = urlsplit(issuer)
    if parts.path.rstrip("/"):
        for path in paths.keys() & set(_AT_THE_ROOT):
            paths[path]["servers"] = [{"url": f"{parts.scheme}://{parts.netloc}"}]


def _together(names: Collection[str]) -> dict[str, Any]:
    """Later files add to earlier ones; of two things with one name the later stands."""
    made: dict[str, Any] = {"tags": [], "paths": {}, "components": {}}
    for name in names:
        part = orjson.loads((files(__package__) / f"{name}.json").read_bytes())
        made["tags"] += part.pop("tags", ())
        made["paths"] |= part.pop("paths", {})
        for kind, named in part.pop("components").items():
            made["components"].setdefault(kind, {}).update(named)
        made |= part
    return made
