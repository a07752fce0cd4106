"""Early pytest plugin: lets respx, which patches httpx, see what httpx2 sends."""

from __future__ import annotations

import httpx2

httpx2.alias_httpx()
