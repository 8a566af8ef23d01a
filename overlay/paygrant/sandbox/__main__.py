"""``python -m paygrant.sandbox``: run the sandbox in a terminal until Ctrl-C."""

import argparse
import logging
import threading
from contextlib import suppress

from paygrant._text import os_error_words


def serve(port: int = 0) -> None:
    """Serve until interrupted. Prints base URLs to standard output, and one line for each request to standard error.

    Args:
        port: The port to listen on; 0 chooses a free port.

    Raises:
        ImportError: The extra is not installed.
        OSError: The port is not available.
    """
    from paygrant.sandbox import Sandbox

    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("paygrant.sandbox").setLevel(logging.INFO)
    with suppress(KeyboardInterrupt), Sandbox(port=port) as sandbox:
        width = max(map(len, sandbox.providers))
        lines = [f"{name:<{width}}  {sandbox.base_url(name)}" for name in sandbox.providers]
        lines.append(f"{'page':<{width}}  {sandbox.url}/")
        lines.append(f"client id {sandbox.client_id}, client secret {sandbox.client_secret}; stop with Ctrl-C")
        print(*lines, sep="\n", flush=True)  # noqa: T201 - for the person at the terminal
        threading.Event().wait()


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
        parser.error(f"cannot listen on port {port}: {os_error_words(error)}")
    except OverflowError:
        parser.error(f"invalid port {port}: expected a number from 0 to 65535")


if __name__ == "__main__":
    main()
