"""The command `mesh-agent`."""

import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

import click

from agent.config import options

EXIT_USAGE = 2
EXIT_CONFLICT = 3
EXIT_FAILED = 1


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="meshctl", prog_name="mesh-agent")
@click.option("--config", "file", type=click.Path(path_type=Path), help="Configuration file  [/etc/mesh/agent.yaml]")
@click.option(
    "--log-level", default="info", type=click.Choice(["debug", "info", "warning", "error"]), show_default=True
)
@options
@click.pass_context
def main(context: click.Context, flags: dict[str, str], file: Path | None, log_level: str) -> None:
    """Join this host to the mesh: follow etcd, feed the host's Envoy, report back.

    SIGTERM ends the agent and leaves Envoy serving. SIGINT (Ctrl-C) leaves the mesh and ends both.
    """
    logging.basicConfig(level=log_level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    context.obj = _load(file, flags)
    if context.invoked_subcommand is None:
        _run(_serve, context.obj)


@main.command()
@click.pass_obj
def leave(config: Any) -> None:
    """Take this host out of the mesh: connections drained, Envoy ended, the host's name given back."""
    _run(_leave, config)


def _load(file: Path | None, flags: dict[str, str]) -> Any:
    from agent.config import BadConfig, load

    try:
        return load(file, flags, os.environ)
    except BadConfig as e:
        click.echo(str(e), err=True)
        sys.exit(EXIT_USAGE)


def _run(function: Any, config: Any) -> None:
    """Call *function*; a failing world ends in one line and an exit code, a bug of ours in its traceback."""
    from store.errors import Conflict, MeshError

    try:
        function(config)
    except (MeshError, BaseExceptionGroup) as raised:
        error = _only(raised)
        if not isinstance(error, MeshError):
            raise
        click.echo(f"mesh-agent: {error}", err=True)
        sys.exit(EXIT_CONFLICT if isinstance(error, Conflict) else EXIT_FAILED)


def _only(raised: BaseException) -> BaseException:
    """Return the one exception in a group of groups of one, else the group."""
    while isinstance(raised, BaseExceptionGroup) and len(raised.exceptions) == 1:
        raised = raised.exceptions[0]
    return raised


def _serve(config: Any) -> None:
    import trio

    from agent.run import serve

    trio.run(serve, config)


def _leave(config: Any) -> None:
    import trio

    from agent.run import running_agent, stop_without_agent
    from store.errors import ProcessFailed

    pid = running_agent(config)
    if pid is None:
        trio.run(stop_without_agent, config)
        return
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:  # it ended just now
        trio.run(stop_without_agent, config)
        return
    try:
        signal.pidfd_send_signal(handle, signal.SIGINT)
        trio.run(_wait_exit, handle, config.drain_seconds + 15)
    except PermissionError as e:
        raise ProcessFailed(f"the agent with pid {pid} is another user's") from e
    finally:
        os.close(handle)


async def _wait_exit(handle: int, seconds: float) -> None:
    import trio

    with trio.move_on_after(seconds) as scope:
        await trio.lowlevel.wait_readable(handle)
    if scope.cancelled_caught:
        from store.errors import ProcessFailed

        raise ProcessFailed(f"the agent did not end within {seconds:g} s")


if __name__ == "__main__":
    main()
