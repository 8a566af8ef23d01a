"""`python -m scripts.lint_specs specs/*.yaml`: a line for each finding, and exit code 1 when there is any."""

import argparse
import sys
from pathlib import Path

from paygrant.generate._lint import RULES, lint


def main() -> int:
    """Lints the named specs."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.lint_specs", description="Check that specs are normalized."
    )
    parser.add_argument("specs", nargs="+", type=Path)
    specs: list[Path] = parser.parse_args().specs
    findings = [finding for spec in specs for finding in lint(spec)]
    for finding in findings:
        print(finding)
    if not findings:
        print(f"{len(specs)} specs, {len(RULES)} rules, no findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
