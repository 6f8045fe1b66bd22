"""`meshctl convert`."""

import click

from ctl import options


@click.command(
    cls=options.FilesCommand,
    short_help="Turn RouteRule, DestinationPolicy, EgressRule and Ingress into the kinds of today.",
)
@options.files_option(required=True)
@options.namespace_option("Of documents that name no namespace.  [default: default]")
@options.option("--strict", is_flag=True, help="Refuse what would lose some of its meaning.")
@options.output_option("table", "wide", "yaml", "json")
@click.pass_context
def command(ctx: click.Context, files: tuple[str, ...], namespace: str | None, strict: bool, output: str) -> None:
    """Turn RouteRule, DestinationPolicy, EgressRule and Ingress into the kinds of today.

    All files together are one configuration: name them all. Prints VirtualServices, DestinationRules, ServiceEntries
    and a Gateway as YAML, each part with the place it came from. Resources of today are passed on, in today's spelling.
    What is said of them goes to stderr, with its line. With -o json everything is one object.

    Defaults are those of today: a rule without a timeout has none, where it once had 15 seconds.

    What has no counterpart, such as an annotation of an Ingress or a policy for calls of one service, is left out with
    the warning not-converted, and what behaves differently today has the warning different: exit code 0. With --strict
    these two are errors.

    Exit code 2, and no YAML, when there is an error: a document is wrong, or would mean more today than it did.
    """
    from ctl.converting import run

    ctx.exit(run(files, namespace=namespace, output=output, strict=strict))
