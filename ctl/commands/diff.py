"""`meshctl diff`."""

import click

from ctl import options


@click.command(cls=options.FilesCommand, short_help="Show what applying files would change.")
@options.files_option(required=True)
@options.namespace_option("Of documents that name no namespace.  [default: default]")
@options.output_option("table", "json", "yaml", "name")
@options.store_options
@click.pass_context
def command(
    ctx: click.Context, files: tuple[str, ...], namespace: str | None, output: str, etcd: str, prefix: str
) -> None:
    """Show what applying the files would change, as a unified diff of stored and given resources.

    Both are shown in one form (today's spellings, defaults left out, fields in order), so that only what they say
    differs. Exit code 0 when nothing would change, 1 when something would, 2 when the files are invalid.
    """
    from ctl.differing import diff
    from ctl.findings import end_if_refused, tell
    from ctl.inputs import load
    from ctl.store import run

    inputs = load(files, namespace=namespace)
    end_if_refused(ctx, inputs, output)
    if output not in ("json", "yaml"):
        tell(inputs.diagnostics, inputs.sources, rest="meshctl validate shows them")
    ctx.exit(run(options.StoreFlags(etcd, prefix), lambda store, keys: diff(store, keys, inputs, output)))
