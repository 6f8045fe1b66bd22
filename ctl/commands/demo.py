"""`meshctl demo`: the rooms behind it are in `ctl/demo`."""

import sys

import click


@click.command(short_help="Show a whole mesh on this machine, in half a minute.")
@click.option("--keep", is_flag=True, help="Leave it running afterwards, until Ctrl-C; after a failure keep the logs.")
def command(keep: bool) -> None:
    """Start etcd, three hosts and a small book shop on this machine, and show what the mesh does.

    Needs no root, and nothing installed but this package with its extra `embedded`. Each command is printed before it
    runs. Everything is ended and removed again, however the demo ends.

    Exits 0 when every step did what it says, 1 when one did not, 2 when etcd or Envoy is missing.
    """
    # Read when wanted only: --help needs none of it.
    from ctl.demo.processes import ProgramMissing
    from ctl.demo.run import show

    try:
        sys.exit(show(keep=keep))
    except ProgramMissing as missing:
        click.echo(f"meshctl demo: {missing}", err=True)
        sys.exit(2)
