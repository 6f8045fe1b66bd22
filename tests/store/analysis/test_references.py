"""References into nothing are found, and nothing else is."""

import pytest

from store.analysis.analyze import added, analyze
from store.analysis.mesh import Mesh
from store.diagnostic import render_path
from store.keys import MESH_CONFIG
from store.resources.fields import Key
from tests.meshes import resources
from tests.store.analysis.meshes import found, mesh

REGISTRY = """
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews, long.shop.svc.cluster.local, "*.wild.com"]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: STATIC
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec: {host: reviews, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: wild}
spec: {host: "*.wild.com", subsets: [{name: w1, labels: {version: w1}}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: ingress}
spec:
  servers: [{port: {number: 8080, name: http, protocol: HTTP}, hosts: ["*"]}]
"""

SETTINGS = """
apiVersion: meshctl/v1
kind: MeshConfig
metadata: {name: mesh}
spec: {serviceSuffixes: [%s]}
"""

RULE = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: r, namespace: %s}
spec:
  hosts: [any.example]
  gateways: [%s]
  http: [{route: [{destination: {%s}}]}]
"""

AT = "spec.http[0].route[0].destination"


def findings(namespace: str, gateway: str, destination: str) -> list[tuple[str, str, str | None]]:
    found = {each.key: each for each in resources(f"{REGISTRY}---{RULE % (namespace, gateway, destination)}")}
    said = analyze(Mesh(found), [Key(namespace, "r", "VirtualService")])
    assert all(("IST0101", "error") == (each.code, each.level) for each in said)
    return [(render_path(each.path), each.message, each.hint) for each in said]


@pytest.mark.parametrize(
    ("namespace", "gateway", "destination"),
    [
        ("default", "mesh", "host: reviews"),
        ("default", "mesh", "host: Reviews."),
        ("other", "mesh", "host: reviews, subset: v1, port: {number: 9080}"),
        ("shop", "mesh", "host: long"),
        ("other", "mesh", "host: long.shop.svc.cluster.local"),
        ("default", "mesh", "host: x.wild.com, subset: w1"),
        ("ingress", "edge", "host: reviews"),
        ("default", "ingress/edge", "host: reviews"),
    ],
)
def test_what_exists_is_no_finding(namespace: str, gateway: str, destination: str) -> None:
    """Short names, long names, wildcard services, subsets and gateways mean what they mean to the compiler."""
    assert [] == findings(namespace, gateway, destination)


@pytest.mark.parametrize(
    ("destination", "path", "words", "hint"),
    [
        ("host: review", f"{AT}.host", 'no ServiceEntry has the host "review"', 'did you mean "reviews"?'),
        (
            "host: long",
            f"{AT}.host",
            'no ServiceEntry has the host "long"',
            "write long.shop.svc.cluster.local, the name of another namespace",
        ),
        *(
            (
                f"host: reviews.default{rest}",
                f"{AT}.host",
                f'no ServiceEntry has the host "reviews.default{rest}"',
                "the service is called reviews here: write host: reviews,"
                " or add the long name to the hosts of ServiceEntry default/reviews",
            )
            for rest in (".svc.cluster.local", "")
        ),
        ("host: wild.com", f"{AT}.host", 'no ServiceEntry has the host "wild.com"', 'did you mean "*.wild.com"?'),
        ("host: reviews, subset: v2", f"{AT}.subset", 'the subset "v2" of "reviews"', "there are v1"),
        ("host: reviews, subset: blue", f"{AT}.subset", 'the subset "blue" of "reviews"', "there are v1"),
        ("host: x.wild.com, subset: v1", f"{AT}.subset", 'the subset "v1" of "*.wild.com"', "there are w1"),
        ("host: reviews, port: {number: 80}", f"{AT}.port.number", "no port 80, its ports are 9080", None),
    ],
)
def test_a_destination_that_does_not_exist_is_told(destination: str, path: str, words: str, hint: str | None) -> None:
    """The finding stands at the field that is wrong, and names the nearest thing that exists."""
    ((at, message, near),) = findings("default", "mesh", destination)

    assert (path, hint) == (at, near)
    assert words in message


def test_a_gateway_that_does_not_exist_is_told() -> None:
    """A gateway of another namespace needs its namespace written."""
    ((at, message, hint),) = findings("default", "edge", "host: reviews")

    assert "spec.gateways[0]" == at
    assert 'no Gateway "default/edge"' in message
    assert 'did you mean "ingress/edge"?' == hint


@pytest.mark.parametrize(
    ("written", "there", "hint"),
    [
        ("tcp-echo-gateway", ["httpbin-gateway"], "there are default/httpbin-gateway"),
        ("httpbin-gatway", ["httpbin-gateway", "tcp-echo-gateway"], 'did you mean "default/httpbin-gateway"?'),
        ("edge", [f"g{n}-gateway" for n in range(6)], None),
        ("edge", [], None),
    ],
)
def test_a_gateway_is_proposed_only_when_it_is_really_like(written: str, there: list[str], hint: str | None) -> None:
    """Else the few that there are; nothing when they are many or none."""
    template = REGISTRY.rpartition("---")[2].replace("name: edge, namespace: ingress", "name: %s")
    texts = [template % name for name in there]
    said = found(mesh(*texts, RULE % ("default", written, "host: x")), "IST0101")

    assert [hint] == [each.hint for each in said if each.path[1] == "gateways"]


def test_only_what_is_judged_is_looked_at() -> None:
    """Findings of other resources are not this apply's business."""
    found = {each.key: each for each in resources(RULE % ("default", "mesh", "host: nowhere"))}

    assert () == analyze(Mesh(found), [])


def test_the_settings_of_the_mesh_say_what_a_short_name_means() -> None:
    """Taking a suffix away leaves rules without the services they meant, and that is found at the rules."""
    rule = RULE % ("shop", "mesh", "host: long")
    meshes = {
        suffix: Mesh({each.key: each for each in resources(f"{REGISTRY}---{rule}---{SETTINGS % suffix}")})
        for suffix in ("svc.cluster.local", "mesh, svc.cluster.local", "mesh")
    }

    assert {"svc.cluster.local": 0, "mesh, svc.cluster.local": 0, "mesh": 1} == {
        suffix: sum(said.code == "IST0101" for said in analyze(mesh)) for suffix, mesh in meshes.items()
    }
    assert ["VirtualService shop/r"] == [
        said.resource for said in added(meshes["svc.cluster.local"], meshes["mesh"], [MESH_CONFIG])
    ]


RULES = """
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: r}
spec:
  hosts: [any.example]
  gateways: [mesh, ingress/edge]
  %s
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: delegate}
spec: {http: [{route: [{destination: {host: reviews}}]}]}
"""


@pytest.mark.parametrize(
    ("rules", "path", "words"),
    [
        ("http: [{route: [{destination: {host: reviews}}], mirror: {host: x}}]", "http[0].mirror.host", "copied there"),
        (
            "http: [{route: [{destination: {host: reviews}}], mirrors: [{destination: {host: reviews, subset: v9}}]}]",
            "http[0].mirrors[0].destination.subset",
            "nothing is copied",
        ),
        (
            "tls: [{match: [{sniHosts: [any.example]}], route: [{destination: {host: x}}]}]",
            "tls[0].route[0].destination.host",
            "connections are closed",
        ),
        ("tcp: [{route: [{destination: {host: x}}]}]", "tcp[0].route[0].destination.host", "connections are closed"),
        (
            "http: [{match: [{gateways: [mesh, other]}], route: [{destination: {host: reviews}}]}]",
            "http[0].match[0].gateways[1]",
            'no Gateway "default/other"',
        ),
        ("http: [{delegate: {name: delegat}}]", "http[0].delegate.name", 'no VirtualService "default/delegat"'),
        ("http: [{delegate: {name: r}}]", "http[0].delegate.name", "has hosts of its own"),
        ("http: [{delegate: {name: delegate}}]", None, ""),
    ],
)
def test_every_place_that_names_something_is_looked_at(rules: str, path: str | None, words: str) -> None:
    """Mirrors, TLS and TCP routes, gateways of single blocks, delegates."""
    there = mesh(REGISTRY, RULES % rules)
    said = found(there, "IST0101")

    assert ([f"spec.{path}"] if path else []) == [render_path(each.path) for each in said]
    assert all(words in each.message for each in said)


def test_a_service_that_is_kept_from_the_namespace_is_told() -> None:
    """The host is there, and clients beside the rule do not see it."""
    private = REGISTRY.replace("  resolution: STATIC\n", "  resolution: STATIC\n  exportTo: [shop]\n", 1)
    (said,) = found(mesh(private, RULE % ("default", "mesh", "host: reviews")), "IST0101")

    assert "is not exported to namespace default" in said.message
    assert "ServiceEntry default/reviews" == said.related[0].resource
    assert [] == found(mesh(private, RULE % ("shop", "mesh", "host: reviews")), "IST0101")


def test_only_so_many_names_are_looked_for() -> None:
    """A thousand dangling references at once do not take minutes: the first ones have hints."""
    many = [RULE.replace("name: r,", f"name: r{n},") % ("default", "mesh", f"host: reviewz{n}") for n in range(30)]
    hints = [said.hint for said in found(mesh(REGISTRY, *many), "IST0101")]

    assert 30 == len(hints)
    assert 20 == len([hint for hint in hints if hint])
