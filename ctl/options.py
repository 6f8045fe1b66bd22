"""Command-line options that several commands share. Only click is imported here: `--help` and completion need it.

Every option can also be given in the environment, as `MESHCTL_` and its long name, and the shared ones stand before the
verb as well as after it: after it wins, then before it, then the environment.
"""

import contextlib
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_ETCD = "http://127.0.0.1:2379"
DEFAULT_PREFIX = "/mesh/v1"
FORMATS = ("table", "wide", "yaml", "json", "name")

KIND_WORDS: Mapping[str, str] = {
    "gateways": "gw",
    "virtualservices": "vs",
    "destinationrules": "dr",
    "serviceentries": "se",
    "workloadentries": "we",
    "workloadgroups": "wg",
    "sidecars": "",
    "peerauthentications": "pa",
    "authorizationpolicies": "ap",
    "meshconfigs": "mc",
    "grants": "gr",
}
"""Plural → short form of each kind, for completion; `store/resources/kinds.py` cannot be imported for it (law 11)."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)", re.ASCII)


class StoreFlags(NamedTuple):
    """Where the mesh is kept.

    Attributes:
        etcd: URLs, separated by commas.
        prefix: of all keys.
    """

    etcd: str
    prefix: str

    @property
    def endpoints(self) -> list[str]:
        return [url.strip() for url in self.etcd.split(",") if url.strip()]


class SharedOption(click.Option):
    """An option that may also stand before the verb."""

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> tuple[Any, Any]:
        value, source = super().consume_value(ctx, opts)
        typed = click.core.ParameterSource.COMMANDLINE
        name = self.name or ""
        if source is not typed and ctx.parent and ctx.parent.get_parameter_source(name) is typed:
            return ctx.parent.params[name], typed
        return value, source


class FilesCommand(click.Command):
    """A command that takes files by `-f` and nothing else: says so to who names them without it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, list(args))
        except click.NoSuchOption:
            raise
        except click.UsageError as wrong:
            words: list[str] = []
            with contextlib.suppress(click.UsageError):  # the one there is says it better
                words = self.make_parser(ctx).parse_args(list(args))[1]
            if words:
                written = " ".join(f"-f {shlex.quote(word)}" for word in words)
                raise click.UsageError(f"files are named by -f: write {written}", ctx) from wrong
            raise


class DurationType(click.ParamType):  # type: ignore[type-arg, unused-ignore]  # generic since click 8.2
    """`30s`, `2m`, `1h30m`, `250ms` → seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        parts = _DURATION.findall(value)
        if not parts or "".join(number + unit for number, unit in parts) != value:
            self.fail(f'"{value}" is not a duration such as 30s, 2m or 1h30m', param, ctx)
        return float(sum(float(number) * _UNITS[unit] for number, unit in parts))


class KindType(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """The word for a kind, completed by the plural names of all kinds; `KIND/NAME` by the names in etcd."""

    name = "kind"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:  # noqa: ARG002
        from click.shell_completion import CompletionItem

        if "/" in incomplete:
            from ctl.completing import names

            return [CompletionItem(name) for name in names(ctx, incomplete)]
        words = (*KIND_WORDS, *(KIND_WORDS.values() if len(incomplete) == 2 else ()))
        return [CompletionItem(word) for word in words if word.startswith(incomplete.lower())]


class NameType(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """The name of a resource, completed by what etcd holds of the kind before it."""

    name = "name"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:  # noqa: ARG002
        from click.shell_completion import CompletionItem

        from ctl.completing import names

        return [CompletionItem(name) for name in names(ctx, incomplete)]


class CodeType(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """The code of a finding, `IST0101`."""

    name = "code"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:  # noqa: ARG002
        from click.shell_completion import CompletionItem

        from ctl.completing import codes

        return [CompletionItem(code) for code in codes(incomplete)]


class FieldType(click.ParamType):  # type: ignore[type-arg, unused-ignore]
    """The path of a field, `vs.http.match.uri`, completed step by step."""

    name = "field"

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> Any:  # noqa: ARG002
        from click.shell_completion import CompletionItem

        if "." not in incomplete:
            return [CompletionItem(word) for word in KIND_WORDS if word.startswith(incomplete.lower())]
        from ctl.completing import paths

        return [CompletionItem(path) for path in paths(incomplete)]


def option(*names: str, env: bool = True, shared: bool = False, **settings: Any) -> Callable[[F], F]:
    """Return a click option with its environment twin.

    Args:
        env: whether there is a twin; not for what must be meant at the moment it is typed.
        shared: whether it may stand before the verb.
        settings: as of `click.option`.
    """
    if env:
        long = next(name for name in names if name.startswith("--")).partition("/")[0]
        settings.setdefault("envvar", "MESHCTL_" + long[2:].upper().replace("-", "_"))
        settings.setdefault("show_envvar", True)
    return click.option(*names, cls=SharedOption if shared else click.Option, **settings)


def store_options(function: F) -> F:
    """Add `--etcd` and `--prefix`."""
    shown: dict[str, Any] = {"shared": True, "show_default": True}
    etcd = option("--etcd", default=DEFAULT_ETCD, metavar="URL[,URL…]", help="Where etcd answers.", **shown)
    prefix = option("--prefix", default=DEFAULT_PREFIX, help="Of the mesh's keys in etcd.", **shown)
    return etcd(prefix(function))


def output_option(*formats: str) -> Callable[[F], F]:
    """Return the option `-o` with these *formats*; none are all. The first is the default."""
    choices = formats or FORMATS
    shown: dict[str, Any] = {"shared": True, "show_default": True, "help": "What to print."}
    return option("-o", "--output", type=click.Choice(choices), default=choices[0], **shown)


def namespace_option(text: str = "The namespace to look in.  [default: default]") -> Callable[[F], F]:
    """Return the option `-n`; None when it is not given."""
    return option("-n", "--namespace", shared=True, default=None, help=text)


def all_namespaces_option(function: F) -> F:
    """Add `-A`."""
    return option("-A", "--all-namespaces", shared=True, is_flag=True, help="Look in every namespace.")(function)


def files_option(*, required: bool = False) -> Callable[[F], F]:
    """Return the option `-f`, as often as wanted."""
    return option(
        "-f", "--filename", "files", env=False, multiple=True, required=required, metavar="FILE|DIR|-",
        type=click.Path(allow_dash=True), help="A file, a directory (with all below it), or - for standard input.",
    )  # fmt: skip


def wait_options(function: F) -> F:
    """Add `--wait`, `--timeout` and `--require-all`."""
    wait = option("--wait", is_flag=True, help="Wait until every live host runs it or has refused it.")
    timeout = option("--timeout", type=DurationType(), default="30s", show_default=True, help="How long to wait.")
    everyone = option("--require-all", is_flag=True, help="Wait for hosts that are offline, too.")
    return wait(timeout(everyone(function)))


def refuse_waiting_words(ctx: click.Context) -> None:
    """Refuse `--timeout` and `--require-all` that were typed without `--wait`; from the environment they may stand.

    Raises:
        click.UsageError: one was.
    """
    if ctx.params["wait"]:
        return
    for name in ("timeout", "require_all"):
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--{name.replace('_', '-')} is about waiting: add --wait")
