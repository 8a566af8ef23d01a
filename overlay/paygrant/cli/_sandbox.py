"""``paygrant sandbox``: the token endpoints of all providers, served on loopback."""

import click

from paygrant.cli import _options


def build() -> click.Command:
    """The command."""
    return _options.Command(
        "sandbox",
        _serve,
        about="Serve all token endpoints on loopback. Ctrl-C ends it.",
        example="paygrant sandbox --port 8080",
        params=[
            click.Option(
                ["--port"],
                type=click.IntRange(0, 65535),
                default=0,
                show_default=True,
                help="The port to listen on; 0 is any free port.",
            )
        ],
    )


def _serve(*, port: int) -> None:
    from paygrant.sandbox.terminal import serve

    serve(port=port)
