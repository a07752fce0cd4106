"""The tree of errors: a class says who must act.

    BridgeError
    ├── ConfigError          the operator, at start; holds every fault at once        exit 2
    ├── Refused              the caller; never retried                                 4xx
    │   ├── Unauthenticated  the origin is not proved                                  401
    │   ├── Misfit           proved, but not the vendor's shape                        400
    │   ├── Forbidden        proved, and not allowed to                                403
    │   ├── TooMany          more of it, or more often, than is allowed                429
    │   └── TooLarge         over a limit                                              413
    ├── Unavailable          nobody: try again later                                   503 with Retry-After
    ├── StoreProblem         the operator: wrong revision, locked, corrupt, disk full   exit 1 or 2
    ├── NotFound             the caller                                                404, exit 1
    └── Conflict             the caller: something changed meanwhile; read again and retry

Raised deep; caught in `web/errors.py` (→ HTTP), the pipeline's loops (→ reschedule) and `cli/` (→ one line, exit code).
No message holds a secret, an e-mail address or the raw bytes of a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class BridgeError(Exception):
    """Any error of our own. `str()` of it is fit for an operator."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in the configuration: `where` is `config.toml:12` or `environment CAEP_BRIDGE_X`."""

    where: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.path}: {self.message}" if self.path else f"{self.where}: {self.message}"


class ConfigError(BridgeError):
    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("\n".join(str(fault) for fault in faults))
        self.faults = tuple(faults)


class Refused(BridgeError):
    pass


class Unauthenticated(Refused):
    """The request does not prove where it comes from. `code` is a stable word for the counter."""

    def __init__(self, code: str, message: str = "the request is not signed as this connector requires") -> None:
        super().__init__(message)
        self.code = code


class Misfit(Refused):
    """A proved request of the wrong shape. `path` is the field; `device_ids` are those that could still be read."""

    def __init__(self, path: str, message: str, device_ids: Sequence[str] = ()) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message
        self.device_ids = tuple(device_ids)


class Forbidden(Refused):
    pass


class TooMany(Refused):
    def __init__(self, message: str, retry_after: int = 1) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Whole seconds."""


class TooLarge(Refused):
    pass


class Unavailable(BridgeError):
    def __init__(self, message: str, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Whole seconds."""


class Migrating(Unavailable):
    """The schema of the store is being made or changed by another process."""


class StoreProblem(BridgeError):
    pass


class NotFound(BridgeError):
    pass


class Conflict(BridgeError):
    pass
