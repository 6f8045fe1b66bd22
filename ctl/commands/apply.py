"""`meshctl apply`."""

import click

from ctl import options


@click.command(cls=options.FilesCommand, short_help="Make the mesh what files say.")
@options.files_option()
@options.option("--dry-run", is_flag=True, help="Only say what would change.")
@options.wait_options
@options.option("--if-head", metavar="APPLY", help="Refuse (exit code 3) when the mesh is at another apply.")
@options.option("--adopt", is_flag=True, env=False, help="Take over records that were changed without an apply.")
@options.option("-m", "--message", default="", env=False, help="Why, for the history.")
@options.namespace_option("Of documents that name no namespace.  [default: default]")
@options.output_option("table", "wide", "yaml", "json", "name")
@options.store_options
@click.pass_context
def command(
    ctx: click.Context, files: tuple[str, ...], dry_run: bool, wait: bool, timeout: float, require_all: bool,
    if_head: str | None, adopt: bool, message: str, namespace: str | None, output: str, etcd: str, prefix: str,
) -> None:  # fmt: skip
    """Make the mesh what the files say: all of them in one atomic change, or nothing.

    Applying the same files again changes nothing. With --wait, each live host answers for itself: active, unaffected,
    or rejected with Envoy's words and the line they are about. Ctrl-C stops the waiting, not the change: exit code 5.
    """
    from ctl.changes import Change, carry_out
    from ctl.findings import end_if_refused
    from ctl.inputs import load
    from ctl.store import run
    from ctl.waiting import Patience
    from store.client import Wanted

    options.refuse_waiting_words(ctx)
    if not files and not adopt:
        raise click.UsageError("Missing option '-f' / '--filename': what should be applied?")
    inputs = load(files, namespace=namespace, runnable=True)
    end_if_refused(ctx, inputs, output)
    change = Change(
        [Wanted(each.resource.key, each.resource, each.source) for each in inputs.loaded],
        message=message,
        if_head=if_head,
        adopt=adopt,
        dry_run=dry_run,
        patience=Patience(timeout, require_all) if wait and not dry_run else None,
    )
    ctx.exit(
        run(
            options.StoreFlags(etcd, prefix),
            lambda store, keys: carry_out(store, keys, change, inputs, output=output),
        )
    )
