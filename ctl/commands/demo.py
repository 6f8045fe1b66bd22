"""`meshctl demo`: the rooms behind it are in `ctl/demo`."""

import sys

import click


@click.command(short_help="Start a small mesh on this machine and show what it can do.")
@click.option("--keep", is_flag=True, help="Leave it running afterwards, until Ctrl-C; after a failure keep the logs.")
def command(keep: bool) -> None:
    """Start etcd, three hosts and a small book shop on this machine, and show what the mesh does.

    Needs no root, and nothing installed but this package with its extra `embedded`. Each command is printed before it
    runs. Everything is ended and removed again, however the demo ends.

    Exits 0 when every step did what it says, 1 when one did not, 2 when etcd or Envoy is missing.
    """
    from ctl.demo.run import show  # when chosen only: --help needs none of it

    sys.exit(show(keep=keep))
