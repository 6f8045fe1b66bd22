"""`meshctl version`."""

import click

from ctl import options


@click.command(short_help="Show the version.")
@options.output_option("table", "wide", "yaml", "json", "name")
def command(output: str) -> None:
    """Show the version of meshctl."""
    from importlib.metadata import version

    from ctl.output import print_object

    ours = version("meshctl")
    if output in ("json", "yaml"):
        print_object({"meshctl": ours}, output)
    else:
        click.echo(f"meshctl {ours}")
