"""`meshctl delete`."""

import click

from ctl import options


@click.command(short_help="Remove resources.")
@click.argument("kind", type=options.KindType(), required=False)
@click.argument("names", nargs=-1, metavar="[NAME]…", type=options.NameType())
@options.files_option()
@options.option("--all", "everything", is_flag=True, env=False, help="All of KIND; without KIND, everything there is.")
@options.option("--ignore-not-found", is_flag=True, help="What is not there is no mistake.")
@options.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@options.option("-y", "--yes", is_flag=True, env=False, help="Do not ask before everything is removed.")
@options.wait_options
@options.option("--if-head", metavar="APPLY", help="Refuse (exit code 3) when the mesh is at another apply.")
@options.option("-m", "--message", default="", env=False, help="Why, for the history.")
@options.namespace_option("Where the resources are; of documents that name no namespace.  [default: default]")
@options.all_namespaces_option
@options.output_option("table", "wide", "yaml", "json", "name")
@options.store_options
@click.pass_context
def command(
    ctx: click.Context, kind: str | None, names: tuple[str, ...], files: tuple[str, ...], everything: bool,
    ignore_not_found: bool, dry_run: bool, yes: bool, wait: bool, timeout: float, require_all: bool,
    if_head: str | None, message: str, namespace: str | None, all_namespaces: bool, output: str, etcd: str, prefix: str,
) -> None:  # fmt: skip
    """Remove resources, all of them in one atomic change.

    \b
    meshctl delete KIND NAME…     those; also KIND/NAME…, and KIND,KIND for several kinds
    meshctl delete -f FILE        those that the files name
    meshctl delete KIND --all     all of a kind in the namespace (-A: in every namespace)
    meshctl delete --all          everything; asks first, and without a terminal wants --yes
    """
    import sys

    from ctl.changes import Change
    from ctl.deleting import Refused, Selection, delete
    from ctl.store import run
    from ctl.waiting import Patience

    options.refuse_waiting_words(ctx)
    try:
        selection = Selection.of(
            kind, names, files, everything=everything, namespace=namespace, all_namespaces=all_namespaces
        )
    except ValueError as wrong:
        raise click.UsageError(str(wrong)) from wrong
    except Refused as refused:
        ctx.exit(refused.code)
    if selection.is_whole_mesh and not yes and not dry_run:
        if not sys.stdin.isatty():  # nobody is there to be asked, and the end of a pipe is no yes
            raise click.UsageError("this would remove everything in the mesh, and nobody can be asked: say --yes")
        click.confirm("Remove everything in the mesh?", abort=True, err=True)
    change = Change(
        [], message=message, if_head=if_head, dry_run=dry_run,
        patience=Patience(timeout, require_all) if wait and not dry_run else None,
    )  # fmt: skip
    flags = options.StoreFlags(etcd, prefix)
    ctx.exit(run(flags, lambda store, keys: delete(store, keys, selection, change, output, ignore_not_found)))
