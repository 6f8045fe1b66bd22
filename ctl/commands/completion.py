"""`meshctl completion`."""

import click


@click.command(short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the script that makes a shell complete meshctl's commands, options, kinds, fields and names.

    \b
    bash:  source <(meshctl completion bash)
    zsh:   source <(meshctl completion zsh)
    fish:  meshctl completion fish | source
    """
    from click.shell_completion import get_completion_class

    of_shell = get_completion_class(shell)
    assert of_shell is not None, "click knows these three"
    click.echo(of_shell(ctx.find_root().command, {}, "meshctl", "_MESHCTL_COMPLETE").source())
