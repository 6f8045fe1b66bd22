"""`egress[].hosts` of a Sidecar: `namespace/name` of what a workload reaches, `~namespace/name` of what it does not.

Source: Istio's `IstioEgressListener`; taking hosts out again came in 2026 (istio/istio#60581).
"""

from collections.abc import Iterator, Sequence

from store.diagnostic import Diagnostic, error, warning
from store.resources.names import dotted_host_problem, is_dns_label
from store.scalars import describe


def check_egress_hosts(hosts: Sequence[str], *path: str | int) -> Iterator[Diagnostic]:
    """Yield what is wrong with *hosts* at *path*, each for itself."""
    for i, host in enumerate(hosts):
        problem = _problem(host)
        if problem:
            yield error("bad-host", f"{describe(host)} cannot be a host of a listener: {problem}", *path, i,
                        expected="namespace/name, where name is a DNS name with a dot, *.name or *",
                        hint=None if "/" in host else f'write "*/{host}" for any namespace')  # fmt: skip


def check_egress_repeats(hosts: Sequence[str], own: str, *path: str | int) -> Iterator[Diagnostic]:
    """Yield which of *hosts* at *path* say nothing new; `.` is the namespace *own*. Those with a problem are passed by.

    Source: Istio's `ValidateSidecar`, which warns of the same.
    """
    names: dict[str, dict[str, str]] = {}
    for i, host in enumerate(hosts):
        if _problem(host):
            continue
        written, _, name = host.partition("/")
        namespace = written.removesuffix(".") + own if written in (".", "~.") else written
        others = names.setdefault(namespace, {})
        if name in others:
            again = "" if others[name] == host else f", before as {describe(others[name])}"
            yield warning("ignored", f"{describe(host)} is listed twice{again}", *path, i)
        elif name != "*" and "*" in others:
            yield warning("ignored", f"{describe(host)} is in {describe(others['*'])} already", *path, i)
        elif name == "*" and others:
            yield warning("ignored", f"the hosts of {describe(written)} before are in {describe(host)} already",
                          *path, i, hint="leave the others out")  # fmt: skip
        others.setdefault(name, host)
    included = [namespace for namespace in names if not namespace.startswith("~")]
    if "*" in names.get("*", ()) and len(included) > 1:
        yield warning("ignored", '"*/*" is every host: no other has to be listed', *path)


def _problem(host: str) -> str | None:
    namespace, slash, name = host.partition("/")
    if not slash:
        return "there is no namespace"
    plain = namespace.removeprefix("~")
    if plain not in ("*", ".") and not (plain == "" and namespace) and not is_dns_label(plain):
        return f'{describe(namespace)} is not a namespace, "*", "." or one of them after a "~"'
    return dotted_host_problem(name) if name else "there is no name"
