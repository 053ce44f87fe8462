"""apilens completion: the script that teaches a shell to complete commands, options and names."""

from __future__ import annotations

import click

_INSTALL = {
    "bash": 'eval "$(apilens completion bash)"   in ~/.bashrc',
    "zsh": 'eval "$(apilens completion zsh)"   in ~/.zshrc',
    "fish": "apilens completion fish > ~/.config/fish/completions/apilens.fish",
}


@click.command(epilog="\b\nTo have it in every shell:\n" + "\n".join(f"  {words}" for words in _INSTALL.values()))
@click.argument("shell", type=click.Choice(list(_INSTALL)))
def completion(shell: str) -> None:
    """Print the script that makes SHELL complete commands, options, accounts and endpoints."""
    from click.shell_completion import ShellComplete, get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    program = click.get_current_context().find_root().command
    # Not the class's own source(): for bash it starts a shell to ask for its version.
    click.echo(ShellComplete.source(kind(program, {}, "apilens", "_APILENS_COMPLETE")))
