"""`meshctl validate`."""

import click

from ctl import options


@click.command(cls=options.FilesCommand, short_help="Judge files without a mesh.")
@options.files_option(required=True)
@options.namespace_option("Of documents that name no namespace.  [default: default]")
@options.option("--strict", is_flag=True, help="Take warnings for errors.")
@options.output_option("table", "wide", "yaml", "json")
@click.pass_context
def command(ctx: click.Context, files: tuple[str, ...], namespace: str | None, strict: bool, output: str) -> None:
    """Judge files without a mesh: syntax, types and rules, each finding with its line.

    The API is the judge: what hosts cannot run yet is a warning here, and an error of `apply`. Exit code 2 when any
    finding is an error; warnings alone are 0, but with --strict.
    """
    from ctl.exit_codes import ExitCode
    from ctl.findings import answer
    from ctl.inputs import load
    from store.diagnostic import Level

    inputs = load(files, namespace=namespace, duplicates=Level.WARNING)
    inputs = inputs.strictly() if strict else inputs
    answer(inputs, output)
    ctx.exit(ExitCode.INVALID if inputs.is_refused else ExitCode.YES)
