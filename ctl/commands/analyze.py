"""`meshctl analyze`."""

import click

from ctl import options


@click.command(cls=options.FilesCommand, short_help="Find what is wrong between resources.")
@options.files_option()
@options.option("--offline", is_flag=True, help="Look at the files only, and not into etcd.")
@options.option(
    "--failure-threshold", type=click.Choice(("error", "warning", "info")), default="error", show_default=True,
    help="The level from which findings end the command with exit code 1.",
)  # fmt: skip
@options.option(
    "--suppress", "suppressed", type=options.CodeType(), env=False, multiple=True, metavar="CODE[=KIND NAMESPACE/NAME]",
    help="What not to say; * stands for any text.",
)  # fmt: skip
@options.option(
    "--explain", type=options.CodeType(), env=False, is_flag=False, flag_value="", default=None, metavar="[CODE]",
    help="Only say what a code means; without a code, list all of them.",
)  # fmt: skip
@options.namespace_option("Show findings of this namespace only; also that of documents that name none.")
@options.all_namespaces_option
@options.output_option("table", "json", "yaml")
@options.store_options
@click.pass_context
def command(
    ctx: click.Context, files: tuple[str, ...], offline: bool, failure_threshold: str, suppressed: tuple[str, ...],
    explain: str | None, namespace: str | None, all_namespaces: bool, output: str, etcd: str, prefix: str,
) -> None:  # fmt: skip
    """Find what is wrong between resources, though each of them is right: references into nothing, conflicts, traps.

    \b
    meshctl analyze                  what is in the mesh
    meshctl analyze -f DIR           what would be in the mesh after applying these files
    meshctl analyze -f DIR --offline these files alone
    meshctl analyze --explain CODE   what a code means, with an example and a remedy

    A resource with the annotation galley.istio.io/analyze-suppress: "IST0101,IST0109" (or "*") is not found to have
    these. Exit code 0 when nothing is found at the failure threshold or above, 1 when something is, 2 when files cannot
    be read.
    """
    if explain is not None:
        from ctl.explaining_codes import explain_code

        ctx.exit(explain_code(explain, output))
    if offline and not files:
        raise click.UsageError("--offline looks at files only: say which with -f")
    from ctl.analyzing import Question, analyze_files, analyze_mesh
    from ctl.explaining_codes import suppressions
    from ctl.inputs import load
    from ctl.store import run
    from store.diagnostic import Level

    try:
        suppress = suppressions(suppressed)
    except ValueError as wrong:
        raise click.BadParameter(str(wrong), param_hint="'--suppress'") from wrong
    question = Question(suppress, None if all_namespaces else namespace, Level(failure_threshold), output)
    inputs = load(files, namespace=namespace, duplicates=Level.WARNING)
    if offline:
        ctx.exit(analyze_files(inputs, question))
    ctx.exit(run(options.StoreFlags(etcd, prefix), lambda store, keys: analyze_mesh(store, keys, inputs, question)))
