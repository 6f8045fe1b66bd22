"""Which workloads a namespace is known to have: those that resources describe, not those that register themselves."""

from collections.abc import Iterator, Mapping

from store.analysis.mesh import Mesh
from store.resources.service_entry import ServiceEntry
from store.resources.workload_entry import WorkloadEntry
from store.resources.workload_group import WorkloadGroup


def workloads(mesh: Mesh, namespace: str) -> Iterator[Mapping[str, str]]:
    """Yield the labels of each workload: WorkloadEntries, templates of WorkloadGroups, endpoints of ServiceEntries."""
    there = mesh.in_namespace(namespace)
    for _, entry in mesh.of(WorkloadEntry, there):
        yield entry.labels
    for _, group in mesh.of(WorkloadGroup, there):
        yield {**(group.metadata.labels if group.metadata else {}), **group.template.labels}
    for _, service in mesh.of(ServiceEntry, there):
        yield from (endpoint.labels for endpoint in service.endpoints)
