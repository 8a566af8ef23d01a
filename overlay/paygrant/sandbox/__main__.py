"""``python -m paygrant.sandbox``: run the sandbox in a terminal until Ctrl-C."""

import argparse

from paygrant._errors import ConfigurationError
from paygrant.sandbox.terminal import serve


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m paygrant.sandbox",
        description="Serve the token endpoints of all providers on loopback, for tests.",
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free port)")
    port = parser.parse_args().port
    try:
        serve(port)
    except ImportError as error:
        parser.exit(2, f"paygrant: {error}\n")
    except OSError as error:
        parser.error(f"cannot listen on port {port}: {error.strerror or type(error).__name__}")
    except ConfigurationError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
