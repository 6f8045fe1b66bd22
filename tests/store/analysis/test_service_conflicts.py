"""ServiceEntries of one host that disagree are told, at both; those that add up are not."""

from tests.store.analysis.meshes import at, found, mesh

ENTRY = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: %s, namespace: %s}
spec:
  hosts: [reviews.example.com]
  ports: [{number: %d, name: http, protocol: HTTP}]
  resolution: %s
  endpoints: [{address: 10.0.0.%d}]
"""
CODE = "service-conflict"


def entry(name: str, namespace: str = "shop", port: int = 80, resolution: str = "STATIC", more: str = "") -> str:
    return ENTRY % (name, namespace, port, resolution, len(name)) + "".join(f"  {more}\n" if more else "")


def test_entries_that_add_up_are_no_finding() -> None:
    """One namespace and one resolution: ports and endpoints of all count."""
    assert [] == found(mesh(entry("a"), entry("bb"), entry("ccc", port=81)), CODE)


def test_another_resolution_is_told_at_both() -> None:
    """The younger entry gets nothing, and its own port answers 503; each finding points to the other."""
    said = found(mesh(entry("a"), entry("bb", port=81, resolution="DNS")), CODE)
    older, younger = said

    assert [("ServiceEntry shop/a", "spec.resolution"), ("ServiceEntry shop/bb", "spec.resolution")] == at(said)
    assert ["ServiceEntry shop/bb", "ServiceEntry shop/a"] == [each.related[0].resource for each in (older, younger)]
    assert "resolution STATIC by ServiceEntry shop/a" in younger.message
    assert "port 81 answers 503" in younger.message


def test_many_losers_are_one_finding_of_the_winner() -> None:
    """The winner is not told of each."""
    texts = [entry(f"e{n}", resolution="DNS") for n in range(9)]

    assert 1 == len([said for said in found(mesh(entry("a"), *texts), CODE) if said.resource == "ServiceEntry shop/a"])


def test_another_location_is_told_at_both() -> None:
    """Entries that add up have one location."""
    said = found(mesh(entry("a"), entry("bb", more="location: MESH_INTERNAL")), CODE)

    assert [("ServiceEntry shop/a", "spec.location"), ("ServiceEntry shop/bb", "spec.location")] == at(said)


def test_another_namespace_is_told_at_both() -> None:
    """Clients of third namespaces take the oldest."""
    older, younger = found(mesh(entry("a"), entry("bb", "blog")), CODE)

    assert [("ServiceEntry shop/a", "spec.hosts[0]"), ("ServiceEntry blog/bb", "spec.hosts[0]")] == at([older, younger])
    assert "clients outside namespace blog" in younger.message


def test_namespaces_that_say_the_same_do_not_disagree() -> None:
    """Whichever is taken, requests go the same way."""
    assert [] == found(mesh(entry("a"), entry("b", "blog")), CODE)


def test_a_service_kept_to_its_namespace_is_no_finding() -> None:
    """Nobody sees both but who takes the own one first."""
    assert [] == found(mesh(entry("a"), entry("bb", "blog", more="exportTo: ['.']")), CODE)


def test_without_clients_elsewhere_namespaces_do_not_conflict() -> None:
    """All live hosts are of a namespace with an entry of its own, else there is somebody to whom it matters."""
    one, other = mesh(entry("a"), entry("bb", "blog"), hosts=[]), mesh(entry("a"), entry("bb", "blog"), hosts=[{}])

    assert [] == found(one, CODE)
    assert 2 == len(found(other, CODE))
