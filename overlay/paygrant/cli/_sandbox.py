"""``paygrant sandbox``: the token endpoints of all providers, served on this machine."""

import click

from paygrant.cli import _options


def build() -> click.Command:
    """The command."""
    return _options.Command(
        "sandbox",
        _serve,
        about="Serve all token endpoints on this machine. Ctrl-C ends it.",
        example="paygrant sandbox --port 8080 --spec acme.yaml",
        params=[
            click.Option(
                ["--spec", "specs"],
                type=click.Path(),
                multiple=True,
                metavar="FILE",
                help="A spec of your own to serve as well. Repeatable.",
            ),
            click.Option(
                ["--host"],
                default="127.0.0.1",
                show_default=True,
                metavar="ADDRESS",
                help="The address to listen on. With 0.0.0.0, everybody on the network can use the sandbox.",
            ),
            click.Option(
                ["--port"],
                type=click.IntRange(0, 65535),
                default=0,
                show_default=True,
                metavar="PORT",
                help="The port to listen on; 0 is any free port.",
            ),
            click.Option(
                ["--tls-port"],
                type=click.IntRange(0, 65535),
                metavar="PORT",
                help="The port for TLS with client certificates; 0 is any free port.",
            ),
        ],
    )


def _serve(*, specs: tuple[str, ...], host: str, port: int, tls_port: int | None) -> None:
    from paygrant.sandbox.terminal import serve

    serve(port, host, specs, tls_port)
