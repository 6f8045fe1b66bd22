"""All questions put to a mesh: everything that is found, and what a change adds to it.

A question is a line in ANALYZERS. Which of the findings somebody wants to hear is `suppression.py`'s.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator

from attrs import frozen

from store.analysis import (
    certificates,
    chosen_ports,
    client_labels,
    covered_rules,
    gateway_conflicts,
    gateway_hosts,
    gateway_selectors,
    hidden_subsets,
    http_rules,
    ingress_subsets,
    mtls_conflicts,
    port_protocols,
    references,
    rule_hosts,
    rule_merging,
    selected_workloads,
    server_verification,
    service_conflicts,
    shared_hosts,
    short_names,
    sidecar_selectors,
    split_certificates,
    tls_ports,
    unserved_hosts,
)
from store.analysis.code import Code
from store.analysis.mesh import Mesh
from store.analysis.reach import reach
from store.analysis.suppression import Suppression, hear
from store.diagnostic import Diagnostic, FieldPath
from store.resources.fields import Key


@frozen
class Analyzer:
    """One question.

    Attributes:
        codes: those of its findings.
        findings: yields what is found at resources of the keys it is given, oldest first; paths from the document's
            root, `resource` filled in.
    """

    codes: tuple[Code, ...]
    findings: Callable[[Mesh, Collection[Key]], Iterator[Diagnostic]]


ANALYZERS: tuple[Analyzer, ...] = (
    Analyzer(references.CODES, references.findings),
    Analyzer(shared_hosts.CODES, shared_hosts.findings),
    Analyzer(chosen_ports.CODES, chosen_ports.findings),
    Analyzer(gateway_hosts.CODES, gateway_hosts.findings),
    Analyzer(ingress_subsets.CODES, ingress_subsets.findings),
    Analyzer(rule_hosts.CODES, rule_hosts.findings),
    Analyzer(server_verification.CODES, server_verification.findings),
    Analyzer(mtls_conflicts.CODES, mtls_conflicts.findings),
    Analyzer(port_protocols.CODES, port_protocols.findings),
    Analyzer(gateway_conflicts.CODES, gateway_conflicts.findings),
    Analyzer(certificates.CODES, certificates.findings),
    Analyzer(sidecar_selectors.CODES, sidecar_selectors.findings),
    Analyzer(selected_workloads.CODES, selected_workloads.findings),
    Analyzer(service_conflicts.CODES, service_conflicts.findings),
    Analyzer(rule_merging.CODES, rule_merging.findings),
    Analyzer(hidden_subsets.CODES, hidden_subsets.findings),
    Analyzer(tls_ports.CODES, tls_ports.findings),
    Analyzer(split_certificates.CODES, split_certificates.findings),
    Analyzer(gateway_selectors.CODES, gateway_selectors.findings),
    Analyzer(client_labels.CODES, client_labels.findings),
    Analyzer(http_rules.CODES, http_rules.findings),
    Analyzer(unserved_hosts.CODES, unserved_hosts.findings),
    Analyzer(short_names.CODES, short_names.findings),
    Analyzer(covered_rules.CODES, covered_rules.findings),
)


def analyze(
    mesh: Mesh, keys: Iterable[Key] | None = None, *, suppress: Iterable[Suppression] = ()
) -> tuple[Diagnostic, ...]:
    """Return what is to be heard of `everything` that is found at the resources of *keys*.

    Args:
        keys: None is all of the mesh.
        suppress: see `Suppression`; annotations of the resources are heeded in any case.
    """
    return tuple(hear(everything(mesh, keys), mesh.resources, suppress).said)


def everything(mesh: Mesh, keys: Iterable[Key] | None = None) -> tuple[Diagnostic, ...]:
    """Return all that is found at the resources of *keys*, by age of the resource, path and code.

    Args:
        keys: None is all of the mesh; others are looked at as far as they matter for these.
    """
    judged = list(mesh.resources) if keys is None else mesh.oldest_first(keys)
    order = {str(key): n for n, key in enumerate(judged)}
    found = (said for analyzer in ANALYZERS for said in analyzer.findings(mesh, judged))
    return tuple(sorted(found, key=lambda said: (order[said.resource or ""], _sortable(said.path), said.code)))


def _sortable(path: FieldPath) -> tuple[tuple[int, str], ...]:
    return tuple((step, "") if isinstance(step, int) else (-1, step) for step in path)


def added(before: Mesh, after: Mesh, changed: Collection[Key]) -> tuple[Diagnostic, ...]:
    """Return what is found in *after* and not in *before*: what the change of *changed* is to blame for.

    Only resources that names lead to from the changed ones are judged (`reach`), so that it costs what the change is
    worth. A finding that only moved within its document is not new.
    """
    near: Collection[Key] = reach(before.outlines, after.outlines, changed)
    if before.suffixes != after.suffixes:  # names mean something else everywhere
        near = after.resources.keys() | changed
    found = analyze(after, near)
    if not found:
        return ()
    known = Counter(map(_identity, analyze(before, near)))
    new = []
    for said in found:
        if known[_identity(said)] > 0:
            known[_identity(said)] -= 1
        else:
            new.append(said)
    return tuple(new)


def _identity(said: Diagnostic) -> tuple[str | None, str, str]:
    return said.resource, said.code, said.message
