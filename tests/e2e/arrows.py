"""Which of the places where `serve` may die are tried."""

from __future__ import annotations

import os

import pytest


def arrows(*places: str) -> pytest.MarkDecorator:
    """Where it dies: at the first of these, and with CRASH_EVERYWHERE in the environment at each. All take minutes."""
    return pytest.mark.parametrize("where", places if os.environ.get("CRASH_EVERYWHERE") else places[:1])
