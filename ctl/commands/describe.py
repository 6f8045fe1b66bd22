"""`meshctl describe`."""

import click

from ctl import options


@click.command(short_help="Show all that is known of a resource.")
@click.argument("kind", type=options.KindType())
@click.argument("names", nargs=-1, metavar="[NAME]…", type=options.NameType())
@options.namespace_option()
@options.all_namespaces_option
@options.output_option("table", "json", "yaml")
@options.store_options
@click.pass_context
def command(
    ctx: click.Context, kind: str, names: tuple[str, ...], namespace: str | None, all_namespaces: bool, output: str,
    etcd: str, prefix: str,
) -> None:  # fmt: skip
    """Show a page for each resource of KIND, or for those with the NAMEs.

    Who applied it and from where, what every host makes of it, which other resources it has to do with, what `analyze`
    finds at it, and the resource itself.
    """
    from ctl.describing import describe
    from ctl.getting import Query
    from ctl.store import run

    try:
        query = Query.of(kind, names, namespace, all_namespaces=all_namespaces)
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from wrong
    ctx.exit(run(options.StoreFlags(etcd, prefix), lambda store, keys: describe(store, keys, query, output)))
