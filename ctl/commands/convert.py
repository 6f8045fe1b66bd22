"""`meshctl convert`."""

import click

from ctl import options


@click.command(short_help="Turn RouteRule, DestinationPolicy, EgressRule and Ingress into the kinds of today.")
@options.files_option(required=True)
@options.namespace_option("Of documents that name no namespace.  [default: default]")
@options.output_option("table", "wide", "yaml", "json")
@click.pass_context
def command(ctx: click.Context, files: tuple[str, ...], namespace: str | None, output: str) -> None:
    """Turn RouteRule, DestinationPolicy, EgressRule and Ingress into the kinds of today.

    All files together are one configuration: name them all. Prints VirtualServices, DestinationRules, ServiceEntries
    and a Gateway as YAML, each part with the place it came from; resources of today are passed on as they are. What
    has no counterpart is told on stderr, with its line. With -o json everything is one object.

    Defaults are those of today: a rule without a timeout has none, where it once had 15 seconds.

    Exit code 2, and no YAML, when anything is wrong, or cannot be said today without meaning more than it did.
    """
    from ctl.converting import run

    ctx.exit(run(files, namespace=namespace, output=output))
