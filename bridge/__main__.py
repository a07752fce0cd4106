"""`python -m bridge`."""

from __future__ import annotations

import sys

try:
    from bridge.cli import main
except ModuleNotFoundError as missing:
    sys.exit(f"caep-bridge: the package {missing.name} is not installed; `./run --help` in the checkout installs it")

if __name__ == "__main__":
    main()
