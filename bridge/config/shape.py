"""The keys by which a receiver or a client says how its SETs look; the same for both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import model_validator

from bridge.config.kinds import Text
from bridge.config.section import Section
from bridge.lines import Path
from bridge.model import Aggregate, ProfileName, Shape, SubjectForm, SubjectFormat


class Shaped(Section):
    """A section with such keys. What they mean on the wire stands at `bridge.model.Shape`."""

    subject: SubjectForm = "device"
    aggregate: Aggregate = "device"
    """Filled in: `user` where the profile is okta or the subject a user."""
    subject_format: SubjectFormat = "email"
    subject_issuer: Text | None = None
    legacy_subject: bool = False
    bare_subject: bool = False
    legacy_events: bool = False
    tenant: Text | None = None
    send_txn: bool | None = None
    """Whether `txn` travels along; None: as the profile has it."""

    @property
    def shape(self) -> Shape:
        return Shape(
            subject_format=self.subject_format,
            subject_issuer=self.subject_issuer or "",
            legacy_subject=self.legacy_subject,
            bare_subject=self.bare_subject,
            legacy_events=self.legacy_events,
            tenant=self.tenant or "",
        )

    @property
    def shaped_by(self) -> tuple[str, ...]:
        """The keys that make its SETs look otherwise than the profile has them."""
        return tuple(key for key in _SHAPING if _asked(self, key))

    @model_validator(mode="before")
    @classmethod
    def _aggregate(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        people = str(given.get("profile")) == "okta" or given.get("subject") == "user"
        return {"aggregate": "user", **given} if people else given


_ONLY: Mapping[str, tuple[ProfileName, ...]] = {
    "subject_format": ("ssf", "sse"),
    "legacy_subject": ("ssf",),
    "bare_subject": ("sse",),
    "legacy_events": ("sse",),
    "tenant": ("ssf",),
}
_SHAPING = ("subject", *_ONLY, "send_txn")


def shape_faults(section: Shaped, profile: ProfileName) -> Iterator[tuple[Path, str]]:
    """(key, what is wrong with it) of a section whose SETs are of this profile."""
    misplaced = [key for key, profiles in _ONLY.items() if _asked(section, key) and profile not in profiles]
    for key in misplaced:
        yield (key,), _belongs(key, profile)
    if section.subject == "user" and section.aggregate == "device":
        yield (
            ("aggregate",),
            (
                'must be "user" where subject = "user": a receiver that sees only people would be told that one device '
                "recovered while another one of the same person still fails"
            ),
        )
    if section.tenant is not None and section.subject == "user" and "tenant" not in misplaced:
        yield ("tenant",), 'has a meaning only with subject = "device": a simple subject has no members'
    yield from _issuer(section)


def _asked(section: Shaped, key: str) -> bool:
    return bool(getattr(section, key) != type(section).model_fields[key].default)


def _belongs(key: str, profile: ProfileName) -> str:
    wanted = " or ".join(f'"{name}"' for name in _ONLY[key])
    also = "; an sse SET has its subject twice anyway" if (key, profile) == ("legacy_subject", "sse") else ""
    return f'has a meaning only with profile = {wanted}, this one is "{profile}"{also}'


def _issuer(section: Shaped) -> Iterator[tuple[Path, str]]:
    if section.subject_format == "iss_sub" and section.subject_issuer is None:
        yield (
            ("subject_format",),
            '"iss_sub" needs subject_issuer beside it: whose the logins are, such as https://idp.acme.example',
        )
    if section.subject_format != "iss_sub" and section.subject_issuer is not None:
        yield ("subject_issuer",), 'has a meaning only with subject_format = "iss_sub"'
