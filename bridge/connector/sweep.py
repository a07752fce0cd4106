"""Every device of a vendor by its list endpoints: what one sweep yields."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.model import Snapshot


@dataclass(frozen=True, slots=True)
class RowFault:
    """A listed device that gives no snapshot. `device_id` None: the row does not even say which device it is about.

    Nothing follows from it but that the device, if it is known, should be looked at by itself. `detail` holds no value.
    """

    device_id: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class SweepPage:
    """One page of the vendor's devices, each as a look at it would have found it.

    `next` resumes the list behind this page, also in another process and after a restart; None: this was the last page.
    `total` is how many devices the vendor says that there are, None if it does not say.
    """

    snapshots: tuple[Snapshot, ...]
    faults: tuple[RowFault, ...]
    next: str | None
    total: int | None
