"""`python -m scripts.lint_specs specs/*.yaml`: prints a line for each finding. The exit status is 1 if there are any."""

import argparse
import sys
from pathlib import Path

from paygrant._spec.lint import RULES, lint


def main() -> int:
    """Lint the named specs."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.lint_specs", description="Check that specs are normalized."
    )
    parser.add_argument("specs", nargs="+", type=Path)
    specs: list[Path] = parser.parse_args().specs
    findings = [finding for spec in specs for finding in lint(spec, strict=True)]
    for finding in findings:
        print(finding)
    if not findings:
        print(f"{len(specs)} specs, {len(RULES)} rules, no findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
