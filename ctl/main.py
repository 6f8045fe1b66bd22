"""The command `meshctl`: which verbs there are, and how a command ends. What a verb does is in `ctl/commands/`.

Nothing but click is imported before a verb is chosen: `--help` and completion have to be quick.
"""

import difflib
import importlib
import importlib.util
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import click

from ctl import exit_codes, options
from store.errors import MeshError

VERBS: Mapping[str, str] = MappingProxyType(
    {
        "apply": "Make the mesh what files say, in one atomic change.",
        "get": "Show resources.",
        "describe": "Show all that is known of a resource.",
        "delete": "Remove resources, in one atomic change.",
        "diff": "Show what applying files would change.",
        "validate": "Judge files without a mesh: syntax, types and rules.",
        "convert": "Turn RouteRule, DestinationPolicy, EgressRule and Ingress into the kinds of today.",
        "analyze": "Find what is wrong between resources.",
        "status": "Show what every host really runs of each resource.",
        "hosts": "Show the hosts of the mesh.",
        "fields": "Show the documentation of any field.",
        "demo": "Start a small mesh on this machine and show what it can do.",
        "completion": "Print the completion script of a shell.",
        "help": "Show the help of a command.",
        "version": "Show the version.",
    }
)
"""Verb → its first line of help. A verb is the click command `command` of `ctl/commands/<verb>.py`."""


ELSEWHERE: Mapping[str, str] = MappingProxyType(
    {"explain": "What a field means: meshctl fields vs.http; what a finding means: meshctl analyze --explain CODE."}
)
"""What people of other tools type → what to type here."""

INTERRUPTED = 130
"""How a command ends at Ctrl-C, as shells have it: 128 and the number of the signal."""


class Verbs(click.Group):
    """A group whose commands are imported when they are chosen."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb. Ctrl-C ends it with INTERRUPTED, and not with 1, which is an answer."""
        try:
            return super().invoke(ctx)
        except BaseException as ended:
            if not _is_ctrl_c(ended):
                raise
            click.echo(err=True)  # what the terminal shows of the keys stands on a line of its own
            raise click.exceptions.Exit(INTERRUPTED) from ended

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return [verb for verb in VERBS if _exists(verb)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS or not _exists(cmd_name):
            return None
        command = importlib.import_module(f"ctl.commands.{cmd_name}").command
        assert isinstance(command, click.Command), f"ctl.commands.{cmd_name} has no click command"
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        verb = args[0]
        if not verb.startswith("-") and self.get_command(ctx, verb) is None:
            near = difflib.get_close_matches(verb, self.list_commands(ctx), n=1)
            hint = f'Did you mean "{near[0]}"?' if near else ""
            ctx.fail(f'No such command "{verb}". {ELSEWHERE.get(verb, hint)}'.rstrip())
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of verbs from the table: no command is imported for it."""
        with formatter.section("Commands"):
            formatter.write_dl([(verb, VERBS[verb]) for verb in self.list_commands(ctx)])


def _is_ctrl_c(ended: BaseException) -> bool:
    """Say whether it was Ctrl-C: as it is, at a question (`click.Abort`), or out of the tasks that it stopped."""
    if isinstance(ended, BaseExceptionGroup):
        return ended.split(KeyboardInterrupt)[1] is None
    return isinstance(ended, KeyboardInterrupt) or (
        isinstance(ended, click.Abort) and isinstance(ended.__context__, KeyboardInterrupt)
    )


def _exists(verb: str) -> bool:
    return importlib.util.find_spec(f"ctl.commands.{verb}") is not None


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="meshctl", prog_name="meshctl")
@options.store_options
@options.output_option(*options.FORMATS)
@options.namespace_option()
@options.all_namespaces_option
def cli(**_: object) -> None:
    """A service mesh for VMs that needs nothing but etcd, spoken to in Istio's routing API.

    Exit codes: 0 yes, 1 no, 2 invalid input, 3 conflict, 4 rejected by a host, 5 timeout, 6 etcd unavailable,
    130 Ctrl-C.
    """


def main() -> None:
    """Run `meshctl`, and end the process with the command's exit code."""
    try:
        cli(prog_name="meshctl")
    except MeshError as error:
        click.echo(f"meshctl: {error}", err=True)
        sys.exit(exit_codes.of_error(error))


if __name__ == "__main__":
    main()
