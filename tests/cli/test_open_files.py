"""`serve` may open more files than a process begins with; it needs a process of its own, for it cannot be undone."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
soft, hard = int(sys.argv[1]), int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
from bridge.cli.open_files import raise_limit
print(raise_limit(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("soft", "hard", "then"), [(256, 700, 700), (700, 700, 700)])
def test_the_limit_is_raised_to_what_the_system_allows(soft: int, hard: int, then: int) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(soft), str(hard)], capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.split() == [str(then), str(then), str(hard)]
