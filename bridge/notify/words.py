"""Each occasion in words, with what to do about it. Pure.

The anchors are headings of docs/operating.md; the types follow Standard Webhooks ("Event types").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bridge.notify.occasion import SIGNING_KEY, Kind, Occasion

RUNBOOK: Final = "docs/operating.md"


@dataclass(frozen=True, slots=True)
class Said:
    type: str
    title: str
    text: str
    remedy: str
    anchor: str


_SAID: Final[Mapping[Kind, Said]] = {
    "guard": Said(
        "guard.held",
        "The guard holds changes of {about}",
        "{count} changes are held back because too many came at once. Receivers believe what they were told before "
        "until you release or discard them.",
        "`caep-bridge guard status` shows who is held. See in the vendor's console whether it is true; then "
        "`caep-bridge guard release`, or `caep-bridge guard discard`",
        "alarm-guard",
    ),
    "recovery": Said(
        "guard.recovery",
        "Many people of {about} regain access at once",
        "More than {count} people were found compliant again within the guard's window. What the vendor's API "
        "confirmed is told; what only webhooks say is held.",
        "see in the vendor's console whether it is true. If not, `caep-bridge streams pause NAME` stops what is not "
        "sent yet, receiver by receiver",
        "alarm-guard",
    ),
    "dead": Said(
        "delivery.dead",
        "SETs to {about} were given up",
        "{count} SETs are dead: the receiver refused them for too long, or an operator dropped them. It believes what "
        "it was told before: somebody may have access who should not, or the other way round.",
        "`caep-bridge deliveries list --state dead` shows why. Mend that, then `caep-bridge deliveries retry ID`",
        "alarm-dead",
    ),
    "unwell": Said(
        "stream.unwell",
        "The receiver {about} takes no SETs",
        "Nothing could be delivered for {time}{code}. SETs wait, in order; none is lost.",
        "`caep-bridge streams show {about}` has the receiver's own words",
        "alarm-unwell",
    ),
    "well": Said(
        "stream.well",
        "The receiver {about} takes SETs again",
        "It took none for {time}. What waited goes out now, in order. There is nothing to do.",
        "",
        "alarm-unwell",
    ),
    "denied": Said(
        "connector.denied",
        "The vendor refuses the credentials of {about}",
        "Its API answers 401 or 403. No device of this connector can be looked at: failures and recoveries are missed.",
        "make new ones at the vendor and put them where [connectors.{about}] has them: a file is read again by itself, "
        "a variable of the environment needs a restart",
        "alarm-denied",
    ),
    "expiring": Said(
        "secret.expiring",
        "{about} runs out",
        "{left}",
        "replace its file: it is read again without a restart",
        "alarm-expiring",
    ),
    "drift": Said(
        "connector.drift",
        "Webhooks of {about} are being lost",
        "The last reconciliation found {count} of {of} devices changed without a webhook. Receivers are told what is "
        "so now, up to an hour late.",
        "see at the vendor whether the webhook is on, has all events, and what answers it gets",
        "alarm-drift",
    ),
    "stuck": Said(
        "bridge.stuck",
        "A part of the bridge is stuck: {about}",
        "It has been failing for {time}. Webhooks may be refused with 503 and SETs may wait.",
        "/readyz on the admin listener (curl http://127.0.0.1:8081/readyz, unless configured otherwise) and the log "
        "say why; most often the disk is full",
        "alarm-stuck",
    ),
    "test": Said(
        "notify.test",
        "A test from caep-bridge",
        "If you can read this, notices arrive here.",
        "",
        "notices",
    ),
}  # fmt: skip


_OLD_KEY: Final = Said(
    "secret.expiring",
    "The key that signs SETs needs somebody",
    "It has signed for more than a year, or a step of its rotation is late. No SET is refused for that.",
    "`caep-bridge check` says what it is; `caep-bridge keys rotate` brings another one",
    "alarm-expiring",
)


def say(occasion: Occasion) -> Said:
    """The words with their blanks filled; nothing but the occasion's own fields goes into them."""
    said = _OLD_KEY if occasion.kind == "expiring" and occasion.about == SIGNING_KEY else _SAID[occasion.kind]
    blanks = {
        "about": occasion.about,
        "count": max(0, int(occasion.count)),
        "of": max(0, int(occasion.of)),
        "time": span(occasion.seconds),
        "code": f" ({occasion.code})" if occasion.code else "",
        "left": left(occasion.seconds),
    }
    return Said(
        said.type,
        said.title.format(**blanks),
        said.text.format(**blanks),
        said.remedy.format(**blanks),
        said.anchor,
    )


def left(seconds: float) -> str:
    """How long something is still valid."""
    return f"It is valid for {span(seconds)} more." if seconds >= 1 else "It is no longer valid."


def span(seconds: float) -> str:
    """`90` → `1 minute`; rounded down, in the largest unit of which there are two at least."""
    if not seconds >= 1:
        return "0 seconds"
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{min(seconds, 1e12) // size:.0f} {unit}s"
    return f"{seconds // 60:.0f} minute" if seconds >= 60 else f"{seconds:.0f} seconds"
