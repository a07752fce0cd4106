"""A stream that its receiver made by the stream management API, as `caep-bridge streams` shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bridge.cli.console.output import when

if TYPE_CHECKING:
    from bridge.config import Loaded
    from bridge.pipeline.streams.roster import Entry


def made_by_receiver(entry: Entry, loaded: Loaded) -> dict[str, Any]:
    """As `--json` has it. Of where it is pushed to the query is left out: it may hold a credential."""
    row, stream = entry.row, entry.stream
    made = row.subscription if row is not None else None
    if row is None or made is None:
        return {}
    origin = loaded.origins.get(("oauth", "clients", row.client, "audience"))
    shown = {
        "profile": stream.profile if stream else None,
        "audience": row.audience if origin is None else f"set ({origin})",
        "endpoint": made.endpoint_url.split("?")[0] or None,
        "delivery": "push" if made.endpoint_url else "poll",
        "authorization_header": "set" if made.sealed_header else "none",
        "client": row.client,
        "status": "paused" if row.paused and made.status == "enabled" else made.status,
        "status_by": "operator" if row.paused and made.status != "disabled" else made.by,
        "reason": row.paused or made.reason,
        "verified": stream.verified if stream else made.verified,
        "last_used_at": row.active_at,
        "description": made.description,
        "events_requested": "all" if made.events_requested is None else list(made.events_requested),
    }
    client = loaded.config.oauth.clients.get(row.client)
    if stream is None or client is None:
        return shown
    return shown | {
        "subject": stream.subject,
        "aggregate": stream.aggregate,
        "events": sorted(stream.events),
        "connectors": "all" if stream.connectors is None else sorted(stream.connectors),
        "domains": "all" if stream.domains is None else sorted(stream.domains),
        "default_subjects": client.default_subjects,
        "min_verification_interval": client.min_verification_interval,
        "inactivity_timeout": client.inactivity_timeout,
    }


def short_use(one: dict[str, Any]) -> str:
    """By whom it was made, and what keeps it from running."""
    if "status" not in one:
        return ""
    words = [one["client"]]
    if one["status"] != "enabled":
        words.append(f"{one['status']} by the {one['status_by']}")
    elif not one["verified"]:
        words.append("unverified")
    return ", ".join(words)


def long_use(one: dict[str, Any]) -> list[tuple[str, object]]:
    """The lines of `streams show` that a stream of the configuration does not have."""
    if "status" not in one:
        return []
    why = f": {_in_a_line(one['reason'])}" if one["reason"] else ""
    unproved = "no: events wait until the receiver accepts a verification event"
    return [
        ("  made by", f"client {one['client']}"),
        *([("  description", _in_a_line(one["description"]))] if one["description"] else []),
        ("  status", f"{one['status']} by the {one['status_by']}{why}"),
        ("  verified", "yes" if one["verified"] else unproved),
        ("  last used", f"{when(one['last_used_at']) or 'never'} (to the minute)"),
        ("  asked for", _listed(one["events_requested"])),
        *_terms(one),
        *([("  subjects", _counted(one["subjects"]))] if "subjects" in one else []),
    ]


def _counted(subjects: dict[str, int]) -> str:
    if not any(subjects.values()):
        return "the receiver added and removed none"
    return f"the receiver added {subjects['added']} and removed {subjects['removed']}"


def _listed(value: str | list[str]) -> str:
    return value if isinstance(value, str) else ", ".join(_in_a_line(each) for each in value) or "nothing"


def _terms(one: dict[str, Any]) -> list[tuple[str, object]]:
    """What the client's table sets for its streams; nothing of a client that is gone."""
    if "default_subjects" not in one:
        return []
    from bridge.config.kinds import spoken

    idle = one["inactivity_timeout"]
    return [
        ("  begins with", "all subjects" if one["default_subjects"] == "ALL" else "no subjects, until they are added"),
        ("  verification", f"at most once in {spoken(one['min_verification_interval'])}"),
        ("  if unused", "never paused" if idle is None else f"paused after {spoken(idle)}"),
    ]


def _in_a_line(theirs: str) -> str:
    """What a receiver wrote: it must not look like lines of ours."""
    return " ".join(theirs.split())
