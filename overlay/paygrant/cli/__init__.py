"""The command line, ``paygrant``. Needs the extra: ``pip install "paygrant[cli]"``.

``_app`` puts the commands together and says how each ends; ``_options`` makes options out of the provider classes;
``_console`` is where a command writes. The other modules hold a command each.
"""

import sys
from collections.abc import Sequence

from paygrant.cli import _console


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: What follows ``paygrant``; taken from this process's command line otherwise.

    Returns:
        The exit code.
    """
    _console.mend()
    try:
        from paygrant.cli._app import run

        return run(sys.argv[1:] if arguments is None else arguments)
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.startswith("paygrant"):
            raise
        _console.note(f'needs {missing.name.partition(".")[0]}; to get it: pip install "paygrant[cli]"')
        return 2
    except KeyboardInterrupt:  # also while modules are being loaded
        return 130
