"""What all sections have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, model_validator

from bridge.config.references import as_written


class Section(BaseModel):
    """A table of the configuration. Frozen; an unknown key is an error; `secret_keys` stay `Secret`."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
    secret_keys: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        open_keys = cls.model_config.get("extra") == "allow"
        return {
            key: as_written(value, key in cls.secret_keys or (open_keys and key not in cls.model_fields))
            for key, value in given.items()
        }
