"""What the operator of a host tells its agent: agent.yaml, flags and MESH_AGENT_* variables, as one value.

One table, `KEYS`, says what exists; flags, variables and defaults follow from it. What a single value may be
is in `agent/config_values.py`, how the sources are read in `agent/config_sources.py`. Nothing starts here.
"""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click
from attrs import field, frozen

from agent import config_values as values
from agent.config_sources import (
    VARIABLE_PREFIX,
    Chosen,
    Setting,
    Shape,
    Table,
    from_file,
    from_flags,
    from_variables,
    said,
)
from agent.config_values import Wrong
from store.diagnostic import Diagnostic, render_path

DEFAULT_FILE = Path("/etc/mesh/agent.yaml")
FILE_VARIABLE = "MESH_AGENT_CONFIG"
"""The variable of `--config`, which `agent/__main__.py` reads: no key of the file."""


def _read_only(labels: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(labels))


@frozen
class AgentConfig:
    """Everything that an operator decides about one host's agent.

    Attributes:
        host: the host's name in the mesh.
        address: where peers reach this host.
        bind: where inbound, readiness and metrics listeners bind.
        gateway_bind: where gateways bind unless `servers[].bind` says.
        labels: what `Gateway.selector` and `sourceLabels` match.
        namespace: of this host's own proxy (`sourceNamespace`, short names).
        etcd_endpoints: URLs, tried in turn.
        prefix: of all our keys in etcd.
        state_dir: cache and keys, survives a reboot.
        run_dir: sockets and pid files.
        http_proxy: (address, port) of each explicit proxy listener, at least one.
        outbound_policy: ALLOW_ANY or REGISTRY_ONLY.
        dns_upstream: paths of resolv.conf files and `ip[:port]`, in the order to try.
        envoy_path: a path, or a name to look for in PATH.
        envoy_concurrency: Envoy's worker threads.
        drain_seconds: how long Envoy goes on serving what is being taken away.
        stop_with_agent: whether SIGTERM to the agent stops Envoy too.
    """

    host: str
    address: str
    bind: str
    gateway_bind: str
    labels: Mapping[str, str] = field(converter=_read_only, hash=False)
    namespace: str
    etcd_endpoints: tuple[str, ...]
    prefix: str
    state_dir: Path
    run_dir: Path
    http_proxy: tuple[tuple[str, int], ...]
    outbound_policy: str
    dns_upstream: tuple[str, ...]
    envoy_path: str
    envoy_concurrency: int
    drain_seconds: float
    stop_with_agent: bool


class BadConfig(Exception):  # noqa: N818 - named as what it reports
    """The operator's configuration cannot be used; `diagnostics` has every mistake that was found."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__("\n".join(map(_line, diagnostics)))
        self.diagnostics = diagnostics


def _line(said: Diagnostic) -> str:
    """Return *said* as meshctl writes it: `file:line:column: error: message (expected …); hint`."""
    where = f"{said.place}: " if said.place else ""
    expected = f" (expected {said.expected})" if said.expected and said.expected not in said.message else ""
    return f"{where}{said.level}: {said.message}{expected}" + (f"; {said.hint}" if said.hint else "")


def _row(
    name: str,
    path: str,
    flag: str,
    parse: Callable[[object], Any],
    default: Any,
    help: str,  # noqa: A002 - a column of the table
    *,
    shape: Shape = Shape.ONE,
) -> Setting:
    """Return a setting; *default* is its value, or a function of the fields above it."""
    ask = default if callable(default) else lambda _: default
    return Setting(name, tuple(path.split(".")), flag, parse, ask, help, shape)


# A default may read the fields above it: address before bind, bind before gatewayBind.
KEYS: tuple[Setting, ...] = (
    _row("host", "host", "--host", values.host_name, values.default_host, "Name of this host."),
    _row("address", "address", "--address", values.reachable_ip, values.default_address,
         "Address where peers reach this host."),
    _row("bind", "bind", "--bind", values.ip, values.default_bind,
         "Address that inbound, readiness and metrics listen on."),
    _row("gateway_bind", "gatewayBind", "--gateway-bind", values.ip, lambda chosen: chosen["bind"],
         "Address that gateways listen on."),
    _row("labels", "labels", "--label", values.label_value, MappingProxyType({}),
         "Label k=v that selectors match.", shape=Shape.MAP),
    _row("namespace", "namespace", "--namespace", values.namespace, "default",
         "Namespace of this host's own proxy."),
    _row("etcd_endpoints", "etcd.endpoints", "--etcd", values.etcd_endpoint, ("http://127.0.0.1:2379",),
         "URL of an etcd server.", shape=Shape.LIST),
    _row("prefix", "etcd.prefix", "--prefix", values.etcd_prefix, "/mesh/v1",
         "Prefix of all keys in etcd."),
    _row("state_dir", "stateDir", "--state-dir", values.directory, Path("/var/lib/mesh"),
         "Directory of what survives a reboot."),
    _row("run_dir", "runDir", "--run-dir", values.directory, Path("/run/mesh"),
         "Directory of sockets and pid files."),
    _row("http_proxy", "outbound.httpProxy", "--http-proxy", values.ip_port, (("127.0.0.1", 15080),),
         "ip:port of an explicit proxy listener.", shape=Shape.LIST),
    _row("outbound_policy", "outbound.policy", "--outbound-policy", values.outbound_policy, "ALLOW_ANY",
         "What becomes of requests to unknown hosts: ALLOW_ANY or REGISTRY_ONLY."),
    _row("dns_upstream", "dns.upstream", "--dns-upstream", values.resolver, ("/etc/resolv.conf",),
         "A resolv.conf, or ip[:port] of a resolver.", shape=Shape.LIST),
    _row("envoy_path", "envoy.path", "--envoy-path", values.text, "envoy",
         "Envoy's binary, a name or a path."),
    _row("envoy_concurrency", "envoy.concurrency", "--envoy-concurrency", values.concurrency,
         values.default_concurrency, "Envoy's worker threads: auto or a number."),
    _row("drain_seconds", "envoy.drainTime", "--drain-time", values.duration, 15.0,
         "How long old listeners go on serving, such as 15s."),
    _row("stop_with_agent", "envoy.stopWithAgent", "--stop-with-agent", values.switch, False,
         "Stop Envoy when the agent is stopped."),
)  # fmt: skip

NOT_YET: frozenset[tuple[str, ...]] = frozenset(
    tuple(path.split("."))
    for path in (
        "serviceAccount", "locality", "workloads", "credentials", "capture", "interfaces", "ports",
        "dns.listen", "etcd.ca", "etcd.cert", "etcd.key", "etcd.user", "etcd.password-file",
    )
)  # fmt: skip
"""Keys that the design has and this version does not do. They are refused rather than left without effect."""

_TABLE = Table(KEYS, NOT_YET)


def load(file: Path | None, flags: Mapping[str, str], environ: Mapping[str, str]) -> AgentConfig:
    """Return the configuration of this host's agent: a flag beats a variable, which beats the file.

    A flag or variable of a list or a mapping takes the place of the whole list or mapping.

    Args:
        file: agent.yaml; None means `DEFAULT_FILE` where there is one, else defaults.
        flags: flag → value, `{"--host": "vm-1"}`, as `options` collects them; only those that were given.
        environ: the process's environment; variables without our prefix, and empty ones, are passed over.

    Raises:
        BadConfig: anything is wrong in any of them, also in a value that another one beats.
    """
    found: list[Diagnostic] = []
    chosen: dict[str, Any] = {}
    chosen |= _by_name(from_file(_TABLE, file or DEFAULT_FILE, found, required=file is not None))
    ours = {k: v for k, v in environ.items() if k.startswith(VARIABLE_PREFIX) and v and k != FILE_VARIABLE}
    chosen |= _by_name(from_variables(_TABLE, ours, found))
    chosen |= _by_name(from_flags(_TABLE, flags, found))
    if not found:
        chosen = _completed(chosen, found)
    if found:
        raise BadConfig(tuple(found))
    return AgentConfig(**chosen)


def _by_name(pairs: Chosen) -> dict[str, Any]:
    return {setting.name: value for setting, value in pairs}


def _completed(chosen: Mapping[str, Any], found: list[Diagnostic]) -> dict[str, Any]:
    """Return *chosen* with a default for what is missing; one that cannot be had goes to *found*."""
    complete: dict[str, Any] = {}
    for setting in KEYS:
        try:
            complete[setting.name] = (
                chosen[setting.name] if setting.name in chosen else setting.default(complete)
            )
        except Wrong as wrong:
            found.append(said(wrong, f"{render_path(setting.path)}: {wrong.message}"))
    return complete


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command one flag a key. The command receives `flags`, what `load` takes."""

    @functools.wraps(command)
    def with_flags(**parameters: Any) -> Any:
        given = ((setting, parameters.pop(_parameter(setting))) for setting in KEYS)
        flags = {setting.flag: _joined(value) for setting, value in given if value not in (None, ())}
        return command(flags=flags, **parameters)

    decorated: Callable[..., Any] = with_flags
    for setting in reversed(KEYS):
        decorated = _option(setting)(decorated)
    return decorated


def _option(setting: Setting) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    text = f"{setting.help}  [{setting.variable}]"
    if setting.parse is values.switch:
        both = f"{setting.flag}/--no-{setting.flag.removeprefix('--')}"
        return click.option(both, _parameter(setting), default=None, help=text)
    multiple = setting.shape is not Shape.ONE
    return click.option(setting.flag, _parameter(setting), type=str, multiple=multiple, help=text)


def _parameter(setting: Setting) -> str:
    return f"setting_{setting.name}"


def _joined(value: str | bool | tuple[str, ...]) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return str(value).lower() if isinstance(value, bool) else value
