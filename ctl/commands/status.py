"""`meshctl status`."""

import click

from ctl import options


@click.command(short_help="Show what every host really runs of each resource.")
@options.namespace_option("Of resources.  [default: all]")
@options.output_option("table", "wide", "yaml", "json", "name")
@options.store_options
@click.pass_context
def command(ctx: click.Context, namespace: str | None, output: str, etcd: str, prefix: str) -> None:
    """Show what every host really runs of each resource: active means read back from its Envoy.

    Exit code 0 when everything is active or unaffected on every host, 1 when something is rejected, warming or stale.
    """
    import time

    from ctl.saying_status import status
    from ctl.store import run
    from ctl.survey import look

    ctx.exit(status(run(options.StoreFlags(etcd, prefix), look), namespace, output=output, now=time.time()))
