"""`meshctl help`."""

import click


def _verbs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    root = ctx.find_root()
    assert isinstance(root.command, click.Group), "meshctl has verbs"
    return [verb for verb in root.command.list_commands(root) if verb.startswith(incomplete)]


@click.command(short_help="Show the help of a command.")
@click.argument("verb", required=False, shell_complete=_verbs)
@click.pass_context
def command(ctx: click.Context, verb: str | None) -> None:
    """Show the help of VERB, as meshctl VERB --help does; without VERB, which there are."""
    root = ctx.find_root()
    assert isinstance(root.command, click.Group), "meshctl has verbs"
    if verb is None:
        click.echo(root.get_help())
        return
    name, chosen, _ = root.command.resolve_command(root, [verb])
    assert chosen is not None, "refused when there is none"
    with click.Context(chosen, info_name=name, parent=root) as inside:
        click.echo(chosen.get_help(inside))
