"""From a vendor's owner to the login that receivers know: `[identity]` of the configuration."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.errors import ConfigError, Fault
from bridge.model import Owner
from bridge.posture.reasons import FOREIGN_OWNER, NO_OWNER, OWNER_WITHOUT_EMAIL

_COLUMNS = ("connector", "device", "person", "login")


@dataclass(frozen=True, slots=True)
class Overrides:
    """The admin's own table: a device or a vendor's person → login."""

    by_device: Mapping[tuple[str, str], str] = field(default_factory=dict)
    by_person: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Keyed by (connector, vendor's person id or e-mail in lower case)."""


@dataclass(frozen=True, slots=True)
class Identity:
    """`login()` is total: a login, or None and the reason.

    Order: the override of the device, the override of the person, the e-mail. Then lower-casing, the
    rewriting of the domain, and last the domains that are allowed.
    """

    lowercase: bool = True
    rewrite_domains: Mapping[str, str] = field(default_factory=dict)
    allowed_domains: frozenset[str] = frozenset()
    overrides: Overrides = field(default_factory=Overrides)

    def login(self, connector: str, device_id: str, owner: Owner | None) -> tuple[str | None, str]:
        """(login, "") or (None, `no_owner` | `owner_without_email` | `foreign_owner`)."""
        address = self._overridden(connector, device_id, owner)
        if address is None:
            if owner is None:
                return None, NO_OWNER
            address = (owner.email or "").strip()
            if not is_address(address):
                return None, OWNER_WITHOUT_EMAIL
        return self._checked(address.strip())

    def _overridden(self, connector: str, device_id: str, owner: Owner | None) -> str | None:
        found = self.overrides.by_device.get((connector, device_id))
        if found is None and owner is not None:
            for name in (owner.id, owner.email):
                if name and found is None:
                    found = self.overrides.by_person.get((connector, name.lower()))
        return found

    def _checked(self, address: str) -> tuple[str | None, str]:
        if self.lowercase:
            address = address.lower()
        local, _, domain = address.rpartition("@")
        domain = self.rewrite_domains.get(domain.lower(), domain)
        if self.allowed_domains and domain.lower() not in self.allowed_domains:
            return None, FOREIGN_OWNER
        return f"{local}@{domain}", ""


def is_address(text: str) -> bool:
    """Something before one @ and something after it, and nothing that no address has: spaces, control characters."""
    local, _, domain = text.partition("@")
    return bool(local and domain) and "@" not in domain and text.isprintable() and not any(map(str.isspace, text))


def read_overrides(raw: bytes | str, where: str) -> Overrides:
    """The CSV of `identity.overrides`, in UTF-8: a head line `connector,device,person,login`, then device or person.

    Raises ConfigError with every faulty line; a second line about the same device or person is one.
    """
    by_device: dict[tuple[str, str], str] = {}
    by_person: dict[tuple[str, str], str] = {}
    faults: list[Fault] = []
    text = _text(raw, where) if isinstance(raw, bytes) else raw
    rows = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""))
    try:
        if sorted(rows.fieldnames or ()) != sorted(_COLUMNS):
            raise ConfigError([Fault(f"{where}:1", "", f"the head line must be {','.join(_COLUMNS)}")])
        for row in rows:
            values = {name: (row.get(name) or "").strip() for name in _COLUMNS}
            table, key = by_device, (values["connector"], values["device"])
            if not values["device"]:
                table, key = by_person, (values["connector"], values["person"].lower())
            problem = "too many cells" if None in row else _row_problem(values, key in table)
            if problem:
                faults.append(Fault(f"{where}:{rows.line_num}", "", problem))
            else:
                table[key] = values["login"]
    except csv.Error:
        faults.append(Fault(f"{where}:{rows.line_num + 1}", "", "this line is not CSV"))
    if faults:
        raise ConfigError(faults)
    return Overrides(by_device, by_person)


def _text(raw: bytes, where: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        raise ConfigError([Fault(f"{where}:{line}", "", "is not UTF-8 text")]) from None


def _row_problem(values: Mapping[str, str], repeated: bool) -> str:
    if not values["connector"]:
        return "connector is empty"
    if bool(values["device"]) == bool(values["person"]):
        return "fill exactly one of device and person"
    if not is_address(values["login"]):
        return "login is not an e-mail address"
    return "an earlier line is about the same one" if repeated else ""
