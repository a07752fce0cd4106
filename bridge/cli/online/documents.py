"""What our own documents must say, as the world reads them. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

import orjson

from bridge.cli.online.line import Line
from bridge.outbound import Answer
from bridge.ssf import discovery

ABOUT: Final = "issuer"
LONGEST: Final = 86400
"""Seconds that a cache may keep our documents before it is worth a word."""
_AGE = re.compile(r"(?:^|[\s,])(?:s-maxage|max-age)=(\d{1,9})", re.IGNORECASE)
_PRIVATE: Final = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
_PROXY: Final = "let the proxy in front pass /.well-known/ to server.port as it is"


def document(what: str, answer: Answer) -> tuple[dict[str, Any] | None, list[Line]]:
    """The JSON of a document, or None; and what is wrong around it."""
    if answer.status != 200:
        remedy = "receivers need not follow it: serve it at this very address" if answer.status < 400 else _PROXY
        return None, [Line(ABOUT, "failed", f"{what}: answered {answer.status}", remedy)]
    lines = list(_around(what, answer.headers))
    try:
        tree = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        tree = None
    if not isinstance(tree, dict):
        return None, [*lines, Line(ABOUT, "failed", f"{what}: is not a JSON object", _PROXY)]
    return tree, lines


def _around(what: str, headers: Mapping[str, str]) -> Iterator[Line]:
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        words = f"{what}: its content type is {kind[:60] or 'missing'}; it must be application/json, or Okta refuses it"
        yield Line(ABOUT, "failed", words, _PROXY)
    ages = [int(age) for age in _AGE.findall(headers.get("cache-control", ""))]
    if not ages:
        yield Line(ABOUT, "note", f"{what}: says nothing of caching (no max-age)", _PROXY)
    elif max(ages) > LONGEST:
        words = f"{what}: may be cached for {max(ages) // 3600} hours; receivers learn of a new key that late"
        yield Line(ABOUT, "note", words, "let the proxy in front leave Cache-Control as it is")


def metadata(what: str, tree: Mapping[str, Any], issuer: str) -> list[Line]:
    """SSF 1.0 §7.2.3: the issuer is compared to the letter."""
    wanted = {"issuer": issuer, "jwks_uri": discovery.jwks_uri(issuer)}
    wrong = [f"{key} is {_shown(tree.get(key))} and must be {value}" for key, value in wanted.items()
             if tree.get(key) != value]  # fmt: skip
    remedy = "another installation answers there, or one with an old configuration: restart it, or mend the proxy"
    if wrong:
        return [Line(ABOUT, "failed", f"{what}: {'; '.join(wrong)}", remedy)]
    return [Line(ABOUT, "ok", f"{what}: names this issuer")]


def keys(what: str, tree: Mapping[str, Any], needed: Collection[str], known: Collection[str]) -> list[Line]:
    """`needed`: the kids that must be there; `known`: all that the store has heard of. Both empty: no store yet."""
    listed = tree.get("keys")
    rows = [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []
    if any(_PRIVATE & row.keys() for row in rows):
        remedy = "whoever answers there gives the key away: stop it, and retire the key as compromised"
        return [Line(ABOUT, "failed", f"{what}: holds private parts of a key", remedy)]
    kids = [str(row.get("kid", "")) for row in rows]
    if not known:
        words = f"{what}: publishes {_listed(kids)}; there is no store with keys here to compare with"
        return [Line(ABOUT, "note" if kids else "failed", words)]
    missing, strange = [kid for kid in needed if kid not in kids], [kid for kid in kids if kid not in known]
    if missing:
        remedy = "receivers refuse every SET that it signs: restart `serve`, and see who answers there"
        return [Line(ABOUT, "failed", f"{what}: does not publish {_listed(missing)}, but {_listed(kids)}", remedy)]
    if strange:
        remedy = "another installation publishes its keys under our issuer, or its store is not this one"
        return [Line(ABOUT, "failed", f"{what}: publishes {_listed(strange)}, which this store does not know", remedy)]
    return [Line(ABOUT, "ok", f"{what}: publishes {_listed(kids)}, as the store has it")]


def _listed(kids: Collection[str]) -> str:
    return ", ".join(kid[:64] or "a key without kid" for kid in kids) or "no key"


def _shown(value: object) -> str:
    return value[:200] if isinstance(value, str) else "missing"
