"""`caep-bridge check`: what would run, and everything that is wrong with the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from bridge.cli.check import clients as check_clients
from bridge.cli.check.verdict_counts import Count, count_all, show
from bridge.cli.console.configured import Everything, load_offline
from bridge.cli.console.output import listed, pairs, say, write, write_json
from bridge.cli.notify import described

if TYPE_CHECKING:
    from bridge.config import Connector, Loaded, Receiver, Store
    from bridge.key import KeyRow
    from bridge.store.records import HoldCount, StreamRow

FOLDING = (
    "has no API credentials: it cannot see findings from before the first webhook, webhooks that were lost, "
    "nor owners that no webhook names"
)

SHOWN = ("profile", "audience", "endpoint", "aggregate", "authorization", "read_api")
"""Of a receiver, for people."""
LISTED = ("shape", "events", "connectors", "domains")
"""The same, where there is anything to say."""

HELD = {
    "guard": "the guard holds back people of {connector} ({count}): `caep-bridge guard status --connector {connector}`",
    "baseline": "note: devices of {connector} ({count}) are held as its baseline: "
    "`caep-bridge connectors baseline {connector}`",
}


async def check(
    *,
    online: Annotated[bool, Parameter(negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> int:
    """Check the configuration and say what would run; secrets are shown as set or missing.

    Prints every fault at once, with file, line and key. Exit code 0: it can run; 2: it cannot; 1: it can, but the
    guard holds somebody back, which waits for you, or --online found something wrong; or `serve` would refuse the
    store. Without --online nothing is asked over the network.

    Parameters
    ----------
    online
        Also ask each vendor's API, each receiver and whoever has the keys of clients, read our own documents at the
        public issuer, and compare clocks.
    as_json
        Print JSON.
    """
    everything = load_offline()
    report = _report(everything)
    streams, keys, holds, refused = await _read(everything.loaded.config.store)
    if refused:
        report["ok"], report["store_problem"] = False, refused
    report["orphaned"], report["signing"] = _orphaned(everything.loaded, streams), _signing(keys)
    report["made_streams"] = check_clients.streams(everything.loaded, streams)
    report["held"] = [asdict(one) for one in holds]
    counts: list[Count] = []
    if online:
        report["online"] = await _asked(everything.loaded, keys)
        report["ok"] = report["ok"] and all(line["outcome"] != "failed" for line in report["online"])
        counts = await count_all(everything.loaded)
        report["judgements"] = [one.as_json() for one in counts]
    if as_json:
        write_json(report)
    else:
        _print(report)
        show(counts)
    waits = any(one["kind"] == "guard" for one in report["held"])
    return 0 if report["ok"] and not waits else 1


async def _asked(loaded: Loaded, keys: Sequence[KeyRow]) -> list[dict[str, Any]]:
    from bridge.cli.online.asked import ask_all

    return [asdict(line) for line in await ask_all(loaded, keys)]


def _report(everything: Everything) -> dict[str, Any]:
    from bridge.config import no_effect

    loaded = everything.loaded
    config = loaded.config
    connectors = [_connector(name, each, everything) for name, each in config.connectors.items()]
    return {
        "ok": True,
        "config": str(loaded.path) if loaded.path else None,
        "issuer": loaded.origins.get(("transmitter", "issuer"), config.transmitter.issuer),
        "listeners": {
            "public": _url(config.server.host, config.server.port, tls=config.server.tls_cert_file is not None),
            "admin": _url(config.admin.host, config.admin.port),
        },
        "store": config.store.shown,
        "keys": _keys(loaded),
        "connectors": connectors,
        "receivers": [_receiver(name, each, loaded) for name, each in config.receivers.items()],
        "clients": check_clients.clients(loaded),
        "oauth_issuer": check_clients.issuer(loaded),
        "notify": [described(one) for one in config.notify],
        "no_effect": [
            {"where": loaded.place(path), "path": path, "message": message}
            for path, message in no_effect(config, loaded.written)
        ],
        "notes": [*_notes(loaded, connectors), *check_clients.notes(loaded)],
    }


def _url(host: str, port: int, *, tls: bool = False) -> str:
    return f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"


def _keys(loaded: Loaded) -> str:
    key = loaded.config.keys.signing_key
    return str(loaded.config.key_directory) if key is None else f"set ({key.origin or 'in the file'})"


def _connector(name: str, written: Connector, everything: Everything) -> dict[str, Any]:
    made = everything.connectors[name]
    return {
        "name": name,
        "type": written.type,
        "webhook": f"/webhooks/{name}",
        "judge": written.judge,
        "api": made.has_api,
        "dry_run": made.dry_run,
        "settings": _settings(name, written, everything.loaded),
    }


def _settings(name: str, written: Connector, loaded: Loaded) -> dict[str, Any]:
    """Every setting of the manifest and every one that was written, secrets only as set or missing."""
    from bridge.connector.load import describe

    shown = {}
    declared = {setting.name: setting for setting in describe(written.type, loaded.base).settings}
    for key in [*declared, *(key for key in written.settings if key not in declared)]:
        setting = declared.get(key)
        secret = setting is not None and setting.secret
        if key in written.settings:
            shown[key] = _shown(written.settings[key], secret)
        elif secret:
            shown[key] = "missing"
        elif setting is not None and setting.default is not None:
            shown[key] = f"{setting.default} (default)"
    return shown


def _shown(value: object, secret: bool) -> object:
    from bridge.config import Secret

    if isinstance(value, list):
        several = [_shown(item, secret) for item in value]
        return several if not secret or len(several) != 1 else several[0]
    if isinstance(value, Secret):
        return f"set ({value.origin})" if value.origin else "set"
    return "set" if secret else value


def _receiver(name: str, receiver: Receiver, loaded: Loaded) -> dict[str, Any]:
    def public(key: str, value: str | None) -> str | None:
        origin = loaded.origins.get(("receivers", name, key))
        return value if origin is None else f"set ({origin})"

    endpoint = public("audience", receiver.endpoint_url)
    if ("receivers", name, "endpoint_url") in loaded.written:
        endpoint = public("endpoint_url", receiver.endpoint_url)
    return {
        "name": name,
        "profile": receiver.profile,
        "audience": public("audience", receiver.audience),
        "endpoint": endpoint,
        "delivery": receiver.delivery,
        "subject": receiver.subject,
        "shape": receiver.shaped_by,
        "aggregate": receiver.aggregate,
        "authorization": "set" if receiver.authorization_header else "none",
        "read_api": "set" if receiver.has_api else "none",
        "enabled": receiver.enabled,
        "dry_run": receiver.dry_run,
        "events": receiver.events,
        "connectors": receiver.connectors,
        "domains": receiver.domains,
    }


def _notes(loaded: Loaded, connectors: list[dict[str, Any]]) -> list[str]:
    notes = [f"connectors.{each['name']} {FOLDING}" for each in connectors if not each["api"]]
    if not loaded.config.connectors:
        notes.append("there is no connector: no webhook would be taken")
    if not loaded.config.receivers:
        whom = "only streams that clients make are told" if loaded.config.oauth.clients else "nobody would be told"
        notes.append(f"there is no receiver: {whom} anything")
    if loaded.config.delivery.allow_insecure_targets:
        notes.append("delivery.allow_insecure_targets is true: this is for tests only")
    return notes


def _orphaned(loaded: Loaded, rows: Sequence[StreamRow]) -> list[dict[str, Any]]:
    """Streams in the store whose receiver is no longer in the configuration, or has another audience by now."""
    known = {(name, receiver.audience) for name, receiver in loaded.config.receivers.items()}
    return [{"name": r.name, "id": r.id, "audience": r.audience} for r in rows
            if r.subscription is None and (r.name, r.audience) not in known]  # fmt: skip


def _signing(keys: Sequence[KeyRow]) -> list[str]:
    """How the signing keys stand."""
    from bridge.cli.keys.screen import key_lines
    from bridge.clock import SystemClock

    return key_lines(keys, SystemClock().now())


async def _read(store: Store) -> tuple[list[StreamRow], list[KeyRow], list[HoldCount], str]:
    """Streams, keys, and what is held; nothing where there is no store yet. Last, why `serve` would refuse the store;
    one that is only busy is a note."""
    from bridge.clock import SystemClock
    from bridge.errors import BridgeError, Migrating, StoreProblem
    from bridge.store import open_store

    if store.file is None or not store.file.exists():
        return [], [], [], ""
    try:
        opened = await open_store(store.url, SystemClock(), exclusive=False)
    except (StoreProblem, Migrating) as problem:
        say(f"the store cannot be used: {problem}")
        return [], [], [], str(problem)
    except BridgeError as problem:
        say(f"note: the store cannot be read now: {problem}")
        return [], [], [], ""
    try:
        return list(await opened.streams()), list(await opened.keys()), list(await opened.holds()), ""
    finally:
        await opened.close()


def _silent(each: dict[str, Any]) -> str:
    """Why nothing is sent, of a connector or a receiver."""
    if not each.get("enabled", True):
        return " (disabled)"
    return " (dry run: nothing is sent)" if each["dry_run"] else ""


def _print(report: dict[str, Any]) -> None:
    pairs(
        [
            ("configuration", report["config"] or "environment"),
            ("issuer", report["issuer"]),
            ("listens on", report["listeners"]["public"]),
            ("admin on", report["listeners"]["admin"]),
            ("store", report["store"]),
            ("keys", report["keys"]),
        ]
    )
    pairs([("signing", line) for line in report["signing"]])
    for each in report["connectors"]:
        write(f"\nconnector {each['name']}{_silent(each)}")
        pairs([("  type", each["type"]), ("  webhook", each["webhook"]), ("  judge", each["judge"])])
        pairs([(f"  {key}", listed(value)) for key, value in each["settings"].items()])
    for each in report["receivers"]:
        write(f"\nreceiver {each['name']}{_silent(each)}")
        pairs([(f"  {key}", each[key]) for key in SHOWN])
        pairs([(f"  {key}", ", ".join(each[key])) for key in LISTED if each[key]])
    check_clients.show(report)
    for each in report["notify"]:
        write(f"\nnotify {each['name']}")
        shown = [(f"  {key}", each[key]) for key in ("kind", "url", "secret") if each[key]]
        pairs([*shown, ("  on", ", ".join(each["on"]))])
    if (
        report["no_effect"]
        or report["notes"]
        or report["orphaned"]
        or report["held"]
        or any(report["made_streams"].values())
    ):
        write()
    for note in report["no_effect"]:
        write(f"{note['where']}: {note['path']}: {note['message']}")
    for note in report["notes"]:
        write(f"note: {note}")
    check_clients.show_streams(report)
    for row in report["orphaned"]:
        write(f"note: stream {row['name']} ({row['id']}) is orphaned: no receiver of that name has its audience")
    for one in report["held"]:
        if one["kind"] in HELD:
            write(HELD[one["kind"]].format(**one))
    if "online" in report:
        from bridge.cli.online.asked import show

        show(report["online"])
