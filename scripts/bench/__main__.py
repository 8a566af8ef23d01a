"""The command line."""

import sys

if __name__ == "__main__":  # and not in the processes that a benchmark starts: these import what they need
    from scripts.bench.command import main

    sys.exit(main())
