"""The command line, ``paygrant``. Needs the extra: ``pip install "paygrant[cli]"``.

``_app`` puts the commands together and says how each ends; ``_options`` makes options out of the provider classes;
``_console`` is where a command writes. The other modules hold a command each.
"""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: What follows ``paygrant``; taken from this process's command line otherwise.

    Returns:
        The exit code.
    """
    try:
        from paygrant.cli._app import run  # noqa: PLC0415 - part of an extra

        return run(sys.argv[1:] if arguments is None else arguments)
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.startswith("paygrant"):
            raise
        print(f'paygrant: needs {missing.name}; to get it: pip install "paygrant[cli]"', file=sys.stderr)  # noqa: T201
        return 2
    except KeyboardInterrupt:  # also while modules are being loaded
        return 130
