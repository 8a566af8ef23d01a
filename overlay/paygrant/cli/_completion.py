"""``paygrant completion``: the script by which a shell completes commands, providers, options and their values."""

import click
from click.shell_completion import get_completion_class

from paygrant.cli import _console, _options

_SHELLS = ("bash", "zsh", "fish")

_HELP = """Print a script for completion in a shell.

The shell then completes commands, providers, options and values. To start it in each new shell, add a line to a file:

\b
  bash  ~/.bashrc                   eval "$(paygrant completion bash)"
  zsh   ~/.zshrc                    eval "$(paygrant completion zsh)"
  fish  ~/.config/fish/config.fish  paygrant completion fish | source"""


def build(program: str, variable: str) -> click.Command:
    """The command.

    Args:
        program: The program whose command lines are completed.
        variable: The environment variable that a shell sets to request completions.
    """

    def show(shell: str) -> None:
        kind = get_completion_class(shell)
        if kind:
            root = click.get_current_context().find_root().command
            _console.result(kind(root, {}, program, variable).source().strip())

    return _options.Command(
        "completion",
        show,
        about=_HELP,
        example="paygrant completion bash",
        params=[click.Argument(["shell"], type=click.Choice(_SHELLS))],
    )
