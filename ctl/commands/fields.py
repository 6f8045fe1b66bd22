"""`meshctl fields`."""

import click

from ctl import options


@click.command(short_help="Show the documentation of any field.")
@click.argument("field", required=False, type=options.FieldType())
@options.option("--recursive", is_flag=True, env=False, help="Show the fields inside the fields, too.")
@options.output_option("table", "json", "yaml")
@click.pass_context
def command(ctx: click.Context, field: str | None, recursive: bool, output: str) -> None:
    """Show what a kind or a field means: type, default, since when, an example. Without FIELD: the kinds.

    \b
    meshctl fields virtualservice
    meshctl fields vs.http.match.uri
    meshctl fields dr.trafficPolicy --recursive
    """
    from ctl import explaining_fields as explaining
    from ctl.exit_codes import ExitCode
    from ctl.output import print_object, show, talk

    if field is None:
        show(explaining.kinds())
        ctx.exit(ExitCode.YES)
    try:
        subject = explaining.subject_of(field)
    except explaining.UnknownKind as wrong:
        raise click.UsageError(str(wrong)) from wrong
    except explaining.UnknownField as wrong:
        talk([f"meshctl: {wrong}"])
        ctx.exit(ExitCode.NO)
    if output == "table":
        show(explaining.describe_subject(subject, recursive=recursive))
    else:
        print_object(explaining.as_json(subject), output)
