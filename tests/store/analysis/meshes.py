"""Meshes from YAML, and what is found in them, for tests of single questions."""

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from store.analysis.analyze import analyze
from store.analysis.mesh import Mesh
from store.diagnostic import Diagnostic, render_path
from store.host import HostRecord
from store.resources.fields import Key
from tests.meshes import resources

REGISTRY = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 10.0.0.1, labels: {version: v1}}, {address: 10.0.0.2, labels: {version: v2}}]
"""


def mesh(*texts: str, hosts: Iterable[Mapping[str, str]] | None = None) -> Mesh:
    """Return a mesh of the documents in *texts*, in that order of age.

    Args:
        hosts: labels of each live host; None when hosts are not known.
    """
    found = {resource.key: resource for resource in resources("\n---\n".join(texts))}
    return Mesh(found, None if hosts is None else [HostRecord(f"h{n}", labels=dict(h)) for n, h in enumerate(hosts)])


def found(there: Mesh, *codes: str) -> list[Diagnostic]:
    """Return what is found in a mesh, only *codes* when any are named."""
    return [said for said in analyze(there) if not codes or said.code in codes]


def at(said: Iterable[Diagnostic]) -> list[tuple[str, str]]:
    """Return (resource, path) of each."""
    return [(each.resource or "", render_path(each.path)) for each in said]


def calls(findings: Callable[[Mesh, Collection[Key]], Iterator[Diagnostic]], there: Mesh) -> int:
    """Return how many calls, of whatever function, one question about all of a mesh takes: its work, without a clock.

    What the mesh knows of its own, outlines and index, is there before.
    """
    assert there.outlines
    assert not there.exists("")
    count = 0

    def counted(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event.endswith("call")

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        for _ in findings(there, list(there.resources)):
            pass
    finally:
        sys.setprofile(before)
    return count
