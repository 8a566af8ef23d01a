"""The command line, ``paygrant``. It needs the extra: ``pip install "paygrant[cli]"``.

``_app`` joins the commands; ``_failures`` says how a failed command ends; ``_console`` writes. ``_catalog`` reads the
provider classes, ``_options`` builds click's options from that, ``_given`` holds their values. The other modules hold
one command each. A command's modules are loaded when it is named, to keep ``paygrant token`` fast.
"""

import sys
from collections.abc import Sequence
from itertools import pairwise

from paygrant._errors import missing_extra
from paygrant.cli import _console


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: The words after ``paygrant``; by default those of this process's command line.

    Returns:
        The exit code.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in arguments or "--format=json" in arguments or ("--format", "json") in pairwise(arguments)
    _console.begin(as_json=as_json)
    try:
        from paygrant.cli._app import run

        return run(arguments)
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.startswith("paygrant"):
            raise
        error = missing_extra("the command line", missing, "cli")
        _console.failure(str(error), (), {"type": "ImportError", "exit_code": 2})
        return 2
    except KeyboardInterrupt:  # while modules are loaded, too
        return 130
