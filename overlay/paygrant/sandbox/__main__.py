"""``python -m paygrant.sandbox``: the sandbox at the terminal, until Ctrl-C."""

import argparse
import logging
import threading
from contextlib import suppress


def serve(port: int = 0) -> None:
    """Serve until interrupted. Base URLs go to standard output, a line a request to standard error.

    Args:
        port: The port to listen on; 0 takes a free one.

    Raises:
        ImportError: The extra is not installed.
        OSError: The port cannot be had.
    """
    from paygrant.sandbox import Sandbox

    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("paygrant.sandbox").setLevel(logging.INFO)
    with suppress(KeyboardInterrupt), Sandbox(port=port) as sandbox:
        width = max(map(len, sandbox.providers))
        lines = [f"{name:<{width}}  {sandbox.base_url(name)}" for name in sandbox.providers]
        lines.append(f"{'page':<{width}}  {sandbox.url}/")
        lines.append(f"client id {sandbox.client_id}, client secret {sandbox.client_secret}; Ctrl-C ends it")
        print(*lines, sep="\n", flush=True)  # noqa: T201 - for the person at the terminal
        threading.Event().wait()


def main() -> None:
    """Serve as the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m paygrant.sandbox", description="The token endpoints of all providers, on loopback."
    )
    parser.add_argument("--port", type=int, default=0, help="the port to listen on (default: a free one)")
    port = parser.parse_args().port
    try:
        serve(port)
    except ImportError as error:
        parser.exit(2, f"paygrant: {error}\n")
    except OSError as error:
        parser.error(f"cannot listen on port {port}: {error.strerror}")
    except OverflowError:
        parser.error(f"there is no port {port}: allowed are those from 0 to 65535")


if __name__ == "__main__":
    main()
