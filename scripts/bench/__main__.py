"""The command line."""

import sys

if __name__ == "__main__":  # not in the processes that a benchmark starts
    from scripts.bench.command import main

    sys.exit(main())
