"""``python -m paygrant.sandbox``: the sandbox at the terminal, until Ctrl-C."""

import argparse
import logging
import threading
from contextlib import suppress

from paygrant.sandbox import Sandbox


def main() -> None:
    """Serve until interrupted. Base URLs go to standard output, a line a request to standard error."""
    parser = argparse.ArgumentParser(
        prog="python -m paygrant.sandbox", description="The token endpoints of all providers, on loopback."
    )
    parser.add_argument("--port", type=int, default=0, help="the port to listen on (default: a free one)")
    port = parser.parse_args().port

    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("paygrant.sandbox").setLevel(logging.INFO)
    try:
        with suppress(KeyboardInterrupt), Sandbox(port=port) as sandbox:
            width = max(map(len, sandbox.providers))
            lines = [f"{name:<{width}}  {sandbox.base_url(name)}" for name in sandbox.providers]
            lines.append(f"client id {sandbox.client_id}, client secret {sandbox.client_secret}; Ctrl-C ends it")
            print(*lines, sep="\n", flush=True)  # noqa: T201 - for the person at the terminal
            threading.Event().wait()
    except OSError as error:
        parser.error(f"cannot listen on port {port}: {error.strerror}")


if __name__ == "__main__":
    main()
