"""Every reason that the store keeps, in plain words, with what would change it (design §2.6, docs/reasons.md). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """A reason as an operator reads it. `remedy` is "" where nothing needs to change."""

    reason: str
    words: str
    remedy: str = ""


_NEXT_LOOK = "the next look at the device: its next webhook, or a look that is due"
_OWNER = "an owner at the vendor, or a line for the device in the file of [identity] overrides"

_DECISIONS: Mapping[str, tuple[str, str]] = {
    "": ("nothing was decided yet", "the first good look at the device"),
    "changed": ("the last look changed the status or the owner", ""),
    "still_not_compliant": ("the last look found it still not compliant", "resolving at the vendor what makes it fail"),
    "still_compliant": ("the last look found nothing that counts failing", "a finding that counts"),
    "first_sight": (
        "it was seen for the first time and is compliant, which is recorded and not told",
        "a finding that counts",
    ),
    "in_grace": ("something fails, but its deadline has not passed", "the deadline, or resolving the finding before"),
    "exempt": ("everything that fails is exempt at the vendor", "the end of the exemption"),
    "provisional": (
        "the vendor's API could not be reached, so the webhook's statement was acted on",
        "the API's return: the device is then looked at first",
    ),
    "stale": ("the vendor's data about it is too old for a verdict, so the last one stays", "the device reporting in"),
    "no_verdict": ("the vendor's answer gives no verdict, so the last one stays", _NEXT_LOOK),
    "never_seen_clean": (
        "it was never seen clean, so webhooks alone cannot show that it recovered",
        "API credentials for the connector, or fold_recoveries = true",
    ),
    "gone": (
        "the vendor does not know the device any more; that is no evidence of recovery, so the last status stays",
        "the device's return at the vendor",
    ),
    "unregistered": (
        "the vendor knows it, but it is registered to nobody; that gives no verdict, so the last one stays",
        "registering the device at the vendor",
    ),
    "no_owner": ("the device has no owner, so nobody can be told", _OWNER),
    "owner_gone": ("its owner is missing at the vendor now; the last owner and status stay", _OWNER),
    "owner_without_email": (
        "its owner has no e-mail address, so receivers could not know the person",
        "an e-mail address at the vendor, or a line for the person in the file of [identity] overrides",
    ),
    "foreign_owner": (
        "its owner's domain is not among [identity] allowed_domains",
        "the domain in allowed_domains or rewrite_domains, or a line in the file of [identity] overrides",
    ),
    "owner_unconfirmed": ("the last look saw another owner; a second one must confirm it", "that second look"),
    "retired": (
        "the device counts for nobody any more: an operator retired it, or the vendor deleted it",
        "a look that sees it again",
    ),
    "overridden": (
        "an operator's word counts instead of what is believed, until its time is over",
        "the end of the override, with a fresh look; or `caep-bridge devices override ID --clear`",
    ),
    "baseline": (
        "it failed already when its connector first listed its devices: held, and told to nobody",
        "another finding, its recovery, or `caep-bridge connectors baseline NAME --release`",
    ),
    "baseline_released": (
        "an operator released it; it is told once a good look has shown that it still fails",
        "the end of that look",
    ),
    "baseline_discarded": ("an operator decided not to tell of it as it is", "another finding, or its recovery"),
    "settling": (
        "it has begun to fail, and is told only if it is still so after [policy] settle",
        "the look at the end of that time",
    ),
    "exempt_by_policy": ("[policy] exempt names the device or its person", "the end of the exemption"),
    "look_down": ("the vendor's API could not be reached", "the vendor's API answering again"),
    "look_denied": ("the vendor's API refused our credentials (401 or 403)", "API credentials that may read devices"),
    "look_missing": ("the vendor's API did not find what was asked for", "the path or base URL, or the vendor's data"),
    "look_limited": ("the rate limit towards the vendor's API is used up", "waiting, or a higher rate_limit"),
    "look_malformed": ("the vendor's API gave no whole, well-formed answer", "a complete answer of the API"),
    "look_refused": ("the vendor's API refused what was asked", "the connector's settings, or the vendor's support"),
}
_STREAMS: Mapping[str, tuple[str, str]] = {
    "told": ("it was told, and has acknowledged it", ""),
    "dry_run": (
        "the receiver or the connector is in dry run: everything happens except sending; "
        "`caep-bridge deliveries list --dry-run` has what would have gone",
        "dry_run = false in its table, and a restart",
    ),
    "held_by_guard": (
        "more people would lose access at once than [guard] allows, so this was kept back",
        "`caep-bridge guard release`, `caep-bridge guard discard`, or the device's recovery",
    ),
    "guard_released": (
        "an operator let it through the guard; it is told once a good look has shown that it is still so",
        "the end of that look",
    ),
    "guard_discarded": ("an operator decided not to tell of it as it is", "a change of the device"),
    "paused": ("an operator paused the stream", "`caep-bridge streams enable NAME`"),
    "already_told": ("it was told this status, and nothing changed since", "a change of the status"),
    "nothing_to_tell": (
        "it was told nothing, and a receiver that was told nothing takes the device as compliant",
        "the device, or another of the same person where they count together, failing",
    ),
    "pending": ("it is being told: the SET waits for its turn or for the receiver", "the receiver's acknowledgement"),
    "unverified": (
        "the SET waits: its receiver has not accepted a verification event at this endpoint yet",
        "a verification event that it accepts: it is sent by itself, or by `caep-bridge streams verify NAME`",
    ),
    "dead": (
        "the SET died: the receiver refused it to the end, or an operator dropped it; this status is not sent again",
        "`caep-bridge deliveries retry ID`, or a change of the status",
    ),
    "due": ("it was told otherwise than it is now; it is told with the next decision about the device", _NEXT_LOOK),
    "cancelled_out": ("the opposite became so before the SET went out, so neither was sent", "a change of the status"),
    "disabled": ("the stream is disabled", "enabled = true in its [receivers] table, and a restart"),
    "orphaned": ("the receiver is no longer in the configuration", "the receiver's return to [receivers]"),
    "not_started": ("the receiver has no stream yet", "the next start of `caep-bridge serve`, which makes it"),
    "not_requested": ("the stream does not want this type of event", "device-compliance-change in its events"),
    "unknown_at_receiver": (
        "the receiver does not know this login, and would drop the SET without a word",
        "the login at the receiver, which is asked again; or rewrite_domains or overrides in [identity]",
    ),
    "not_entitled": (
        "the receiver may not hear of this connector, or of people of this domain",
        "connectors and domains in its [receivers] table",
    ),
    "subject_removed": (
        "the receiver took this person or device off its stream",
        "the receiver adding it again, which it is then told",
    ),
    "subject_not_added": (
        "the stream begins with no subjects, and its receiver has not added this person or device",
        "the receiver adding it, which it is then told",
    ),
}
_MADE: Mapping[str, tuple[str, str]] = {
    "paused": ("its receiver paused the stream", "the receiver enabling it: it is then told what differs"),
    "paused by service": (
        "the service paused the stream: its receiver did not use it, or took nothing (`caep-bridge streams show NAME`)",
        "`caep-bridge streams enable NAME`, or the receiver enabling it",
    ),
    "disabled": ("its receiver disabled the stream", "the receiver enabling it: it is then told what differs"),
    "orphaned": ("the stream's client is no longer in [oauth.clients]", "the client's return to [oauth.clients]"),
    "not_requested": (
        "the stream does not want this type of event",
        "device-compliance-change in what its receiver asks for, and in the events of its client in [oauth.clients]",
    ),
    "not_entitled": (
        "the client may not hear of this connector, or of people of this domain",
        "connectors and domains of the client in [oauth.clients]",
    ),
}
"""What differs where a receiver made the stream: then it, or the client's table, is what could change it."""
_TO_BE_FETCHED = ("it is being told: the SET waits for its receiver to poll and to acknowledge it", "its doing so")
_AGAIN: Mapping[str, tuple[str, str]] = {
    "": ("a webhook came in", ""),
    "deadline": ("a deadline or the end of a grace period falls then", ""),
    "hold_ends": ("an override, an exemption or the time that it is to settle ends then", ""),
    "contradicts_doorbell": ("the API said the opposite of the webhook; it may lag behind, so it is asked again", ""),
    "owner_unconfirmed": ("another owner was seen; a second look must confirm it", ""),
    "unknown_at_receiver": ("a receiver does not know the person's login; perhaps it does by then", ""),
    "owner_gone": ("it fails and its owner is missing; perhaps there is one by then", ""),
    "no_owner": ("it fails and has no owner; perhaps there is one by then", ""),
    "owner_without_email": ("it fails and its owner has no e-mail address; perhaps there is one by then", ""),
    "foreign_owner": ("it fails and its owner is of a foreign domain; perhaps that changes", ""),
}
_REFUSALS: Mapping[str, str] = {
    "delivered": "it was delivered; what a receiver took cannot be sent again or taken back",
    "superseded": "it was superseded: a later status took its place, and an old one is never sent after a new one",
    "overtaken": "the stream was told, or is being told, something later about the same subject, or what it says is no "
    "longer so",
    "dead": "it is dead already; `caep-bridge deliveries retry ID` sends it again",
    "held": "it is being sent at this moment; try again in a minute",
    "framework": "it is about the stream itself: `caep-bridge streams verify NAME` sends another one instead",
    "not_found": "there is no such delivery",
    "changed": "it was minted anew at this moment; try again",
    "unreadable": "its text is no SET of ours, so it can be neither sent nor minted anew",
}


def decision(reason: str) -> Said:
    """Of a device's last decision; `no_verdict: …` keeps what follows the colon."""
    return _said(_DECISIONS, reason)


def telling(reason: str) -> Said:
    """Why a stream was, or was not, told; a device's own reasons (`no_owner` …) count here too."""
    return _said({**_DECISIONS, **_STREAMS}, reason)


def of_made(reason: str, by: str) -> Said:
    """As `telling`, of a stream that a receiver made; `by` whom it has its status: receiver, operator or service."""
    if reason == "paused" and by == "operator":
        return telling(reason)
    kept = _MADE.get(f"{reason} by {by}") or _MADE.get(reason)
    return Said(reason, *kept) if kept is not None else telling(reason)


def to_be_fetched() -> Said:
    """Of `pending` where the receiver polls."""
    return Said("pending", *_TO_BE_FETCHED)


def again(why: str) -> Said:
    """Why a look is due. A failed look is named in the words of its decision."""
    return _said({**_DECISIONS, **_AGAIN}, why)


def refusal(why: str) -> str:
    """Why the store would not retry or drop a delivery."""
    return _REFUSALS.get(why, why.replace("_", " "))


def _said(known: Mapping[str, tuple[str, str]], reason: str) -> Said:
    code, colon, detail = reason.partition(": ")
    words, remedy = known.get(code, (code.replace("_", " "), ""))
    return Said(reason, f"{words} ({detail})" if colon else words, remedy)
