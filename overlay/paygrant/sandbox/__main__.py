"""``python -m paygrant.sandbox``: run the sandbox in a terminal until Ctrl-C."""

import argparse

from paygrant._errors import ConfigurationError
from paygrant.sandbox.terminal import serve


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(
        prog="python -m paygrant.sandbox",
        description="Serve the token endpoints of all providers on this machine, for tests.",
    )
    about = "a spec of your own to serve as well; repeatable"
    parser.add_argument("--spec", action="append", default=[], metavar="FILE", help=about)
    parser.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1); 0.0.0.0 lets others use it"
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free port)")
    parser.add_argument(
        "--tls-port", type=int, metavar="PORT", help="port for TLS with client certificates; 0 is any free port"
    )
    given = parser.parse_args()
    try:
        serve(given.port, given.host, given.spec, given.tls_port)
    except ImportError as error:
        parser.exit(2, f"paygrant: {error}\n")
    except OSError as error:
        parser.error(f"cannot listen on {given.host}, port {given.port}: {error.strerror or type(error).__name__}")
    except ConfigurationError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
