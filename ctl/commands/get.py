"""`meshctl get`."""

import click

from ctl import options


@click.command(short_help="Show resources.")
@click.argument("kind", type=options.KindType())
@click.argument("names", nargs=-1, metavar="[NAME]…", type=options.NameType())
@options.namespace_option()
@options.all_namespaces_option
@options.output_option("table", "wide", "yaml", "json", "name")
@options.store_options
@click.pass_context
def command(
    ctx: click.Context, kind: str, names: tuple[str, ...], namespace: str | None, all_namespaces: bool, output: str,
    etcd: str, prefix: str,
) -> None:  # fmt: skip
    """Show the resources of KIND (virtualservices, virtualservice, vs, … or all), or those with the NAMEs.

    KIND may be several, vs,dr; and vs/reviews dr/reviews names one of each.

    What -o yaml and -o json print can be applied again.
    """
    from ctl.getting import Query, get
    from ctl.store import run

    try:
        query = Query.of(kind, names, namespace, all_namespaces=all_namespaces)
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from wrong
    ctx.exit(run(options.StoreFlags(etcd, prefix), lambda store, keys: get(store, keys, query, output)))
