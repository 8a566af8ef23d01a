"""Runs the sandbox in a terminal, for ``python -m paygrant.sandbox`` and ``paygrant sandbox``."""

import logging
import threading
from collections.abc import Sequence
from contextlib import suppress


def serve(port: int = 0, host: str = "127.0.0.1", specs: Sequence[str] = (), tls_port: int | None = None) -> None:
    """Serve until interrupted. Prints base URLs to standard output, and one line for each request to standard error.

    Args:
        port: The port to listen on; 0 chooses a free port.
        host: The address to listen on.
        specs: The paths of further specs.
        tls_port: The port for TLS; 0 chooses a free port. None: it opens when a provider needs it.

    Raises:
        ConfigurationError: The address is bad, or a spec cannot be used.
        ImportError: The extra is not installed.
        OSError: The address or the port is not available.
    """
    from paygrant.sandbox import Sandbox

    logging.basicConfig(format="%(asctime)s %(message)s")
    logging.getLogger("paygrant.sandbox").setLevel(logging.INFO)
    with suppress(KeyboardInterrupt), Sandbox(specs=specs, host=host, port=port, tls_port=tls_port) as sandbox:
        width = max(map(len, sandbox.providers))
        lines = [f"{name:<{width}}  {sandbox.base_url(name)}" for name in sandbox.providers]
        lines.append(f"{'page':<{width}}  {sandbox.url}/")
        if tls_port is not None:
            lines.append(f"{'TLS':<{width}}  {sandbox.tls_url}/")
            lines.append(f"authority {sandbox.ca_file}, client certificate and key {sandbox.certificate_file}")
        lines.append(f"client id {sandbox.client_id}, client secret {sandbox.client_secret}; stop with Ctrl-C")
        print(*lines, sep="\n", flush=True)  # noqa: T201 - for the person at the terminal
        threading.Event().wait()
