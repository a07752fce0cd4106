"""`caep-bridge connectors`: which vendors there are, what each wants to know, and a recorded request tried out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from bridge.cli.connectors.baseline import baseline
from bridge.cli.connectors.trial import test
from bridge.cli.console.configured import Everything, load_offline
from bridge.cli.console.output import pairs, say, table, write, write_json

if TYPE_CHECKING:
    from bridge.connector.language.settings import Setting
    from bridge.connector.load import Description

connectors = App(name="connectors", help="The vendors: types that ship, and those configured.")
connectors.command(test)
connectors.command(baseline)


@connectors.command(name="list")
def list_(*, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """The types of connectors that ship, and the connectors that are configured.

    Parameters
    ----------
    as_json
        Print JSON.
    """
    from bridge.connector.load import describe, list_types

    everything = configured()
    made = everything.connectors if everything else {}
    types = [describe(name) for name in list_types()]
    if as_json:
        write_json(
            {
                "configured": [
                    {"name": name, "type": one.type, "judge": one.judge.name, "api": one.has_api,
                     "webhook": f"/webhooks/{name}"}
                    for name, one in made.items()
                ],
                "types": [
                    {"type": one.type, "title": one.title, "certainty": one.certainty,
                     "judgements": [judge.name for judge in one.judgements]}
                    for one in types
                ],
            }
        )  # fmt: skip
        return 0
    table(
        ("connector", "type", "webhook", "judge", "asks its API"),
        ((name, one.type, f"/webhooks/{name}", one.judge.name, "yes" if one.has_api else "no")
         for name, one in made.items()),
        empty="no connector is configured",
    )  # fmt: skip
    write()
    table(
        ("type", "what", "facts", "judgements"),
        ((one.type, one.title, one.certainty, ", ".join(judge.name for judge in one.judgements)) for one in types),
    )
    return 0


@connectors.command
def show(
    which: Annotated[str, Parameter(name="NAME_OR_TYPE")],
    /,
    *,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """What a connector wants to know, what of it is set, its judgements, and where its webhooks go.

    Parameters
    ----------
    which
        The name of a configured connector, or a type.
    as_json
        Print JSON.
    """
    from bridge.connector.load import describe, list_types

    everything = configured()
    named = everything is not None and which in everything.connectors
    if everything is not None and named:
        kind, base = everything.connectors[which].type, everything.loaded.base
    elif which in list_types() or Path(which).exists():
        kind, base = which, Path()
    else:
        known = [*(everything.connectors if everything else ()), *list_types()]
        say(f"there is no connector and no type {which}: there are {', '.join(dict.fromkeys(known))}")
        return 1
    document = _document(describe(kind, base), which if named else None, everything)
    if as_json:
        write_json(document)
    else:
        _print(document)
    return 0


def configured() -> Everything | None:
    """The configuration; None where there is none at all, which is no fault for who only looks around."""
    from bridge.config.load import DEFAULT
    from bridge.errors import ConfigError

    try:
        return load_offline()
    except ConfigError as problem:
        if DEFAULT.exists() or [fault.where for fault in problem.faults] != [str(DEFAULT)]:
            raise
        say(f"there is no {DEFAULT} here, so nothing is configured: `caep-bridge init` makes one")
        return None


def _document(kind: Description, name: str | None, everything: Everything | None) -> dict[str, Any]:
    written = everything.loaded.config.connectors[name] if everything is not None and name is not None else None
    issuer = _issuer(everything) if everything is not None else None
    path = f"/webhooks/{name or kind.type}"
    return {
        "name": name,
        "type": kind.type,
        "title": kind.title,
        "docs": kind.docs,
        "certainty": kind.certainty,
        "webhook": path,
        "webhook_url": f"{_origin(issuer)}{path}" if issuer and name else None,
        "events": list(kind.events),
        "api": kind.has_api,
        "asks_its_api": everything.connectors[name].has_api if everything is not None and name is not None else None,
        "rate_limit": kind.rate if written is None else everything.connectors[name].rate if everything and name else "",
        "judge": written.judge if written is not None else None,
        "judgements": [
            {"name": one.name, "blocks": one.help, "without_api": one.without_api} for one in kind.judgements
        ],
        "settings": [_setting(one, name, everything) for one in kind.settings],
    }


def _issuer(everything: Everything) -> str | None:
    """None where it came from a reference: such a value is not printed."""
    referred = ("transmitter", "issuer") in everything.loaded.origins
    return None if referred else everything.loaded.config.transmitter.issuer.rstrip("/")


def _origin(issuer: str) -> str:
    """Webhooks come to the root of the public host, whatever path the issuer has."""
    from urllib.parse import urlsplit

    parts = urlsplit(issuer)
    return f"{parts.scheme}://{parts.netloc}"


def _setting(setting: Setting, name: str | None, everything: Everything | None) -> dict[str, Any]:
    return {
        "name": setting.name,
        "type": setting.type,
        "secret": setting.secret,
        "required": setting.required,
        "many": setting.many,
        "choices": list(setting.choices),
        "default": setting.default,
        "help": setting.help,
        "state": _state(setting, name, everything) if name is not None else None,
    }


def _state(setting: Setting, name: str, everything: Everything | None) -> str:
    """`set`, `default` or `missing`, with where it was set; no value: those that matter here are secrets."""
    if everything is None:
        return "missing"
    loaded = everything.loaded
    if setting.name in loaded.config.connectors[name].settings:
        origin = loaded.origins.get(("connectors", name, setting.name))
        return f"set ({origin or loaded.place(f'connectors.{name}.{setting.name}')})"
    return "missing" if setting.default is None else "default"


def _print(one: dict[str, Any]) -> None:
    write(f"{one['name']} ({one['title']})" if one["name"] else f"{one['type']}: {one['title']}")
    asks = {True: "yes", False: "no: its credentials are missing", None: "with its credentials"}[one["asks_its_api"]]
    rate = f", at most {one['rate_limit']}" if one["rate_limit"] else ""
    lines = [
        ("  type", one["type"]),
        ("  webhooks go to", f"POST {one['webhook_url'] or one['webhook']}"),
        ("  events", ", ".join(one["events"])),
        ("  asks its API", f"{asks}{rate}" if one["api"] else "none"),
        ("  documentation", one["docs"]),
        ("  facts", one["certainty"]),
    ]
    pairs([line for line in lines if line[1]])
    write("\nsettings")
    for setting in one["settings"]:
        _print_setting(setting)
    write("\njudgements: who counts as not compliant")
    for judge in one["judgements"]:
        chosen = " (chosen)" if judge["name"] == one["judge"] else ""
        words = judge["blocks"] + ("; can be decided without the API" if judge["without_api"] else "")
        write(f"  {judge['name']}{chosen}: {words}")


def _print_setting(setting: dict[str, Any]) -> None:
    traits = [
        "secret" if setting["secret"] else "",
        "required" if setting["required"] else "optional",
        "several at once" if setting["many"] else "",
        f"one of {', '.join(setting['choices'])}" if setting["choices"] else "",
        f"default {setting['default']}" if setting["default"] is not None else "",
    ]
    state = f": {setting['state']}" if setting["state"] else ""
    write(f"  {setting['name']}{state} ({', '.join(trait for trait in traits if trait)})")
    if setting["help"]:
        write(f"    {setting['help']}")
