"""What a change adds to the findings is what is found after it and was not before, however few resources are judged."""

from collections import Counter
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from store.analysis.analyze import added, analyze
from store.analysis.mesh import Mesh
from store.analysis.shelf import Shelf
from store.codec import decode, encode
from store.diagnostic import Diagnostic
from store.resources.fields import Key
from tests.meshes import resources
from tests.store.analysis.meshes import REGISTRY

Documents = dict[Key, dict[str, object]]

RULES = """
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: reviews}
spec: {host: reviews, subsets: [{name: v1, labels: {version: v1}}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http: [{route: [{destination: {host: reviews, subset: v1}}]}]
"""


def documents(text: str) -> Documents:
    return {resource.key: encode(resource) for resource in resources(text)}


def mesh(found: Mapping[Key, dict[str, object]], like: Mesh | None = None) -> Mesh:
    return Mesh(Shelf(found), [], documents=found, like=like)


def change(before: Documents, after: Documents) -> tuple[Diagnostic, ...]:
    old = mesh(before)
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    return added(old, mesh(after, old), changed)


def test_who_removes_a_subset_learns_who_uses_it() -> None:
    """The finding is at the VirtualService, which was not touched."""
    before = documents(f"{REGISTRY}---{RULES}")
    after = {key: each for key, each in before.items() if key.kind != "DestinationRule"}
    (said,) = change(before, after)

    assert ("IST0101", "VirtualService default/reviews") == (said.code, said.resource)


def test_what_was_found_before_is_not_found_again() -> None:
    """A resource that had a finding is changed in another place: nothing is said, though the finding has moved."""
    before = documents(RULES)
    text = RULES.replace("http: [", "http: [{match: [{uri: {exact: /}}], redirect: {uri: /home}}, ")

    assert analyze(mesh(before))
    assert () == change(before, documents(text))


def test_few_resources_are_read_for_it() -> None:
    """Of a hundred services, those that names lead to are looked at."""
    many = "\n---\n".join(f"{REGISTRY}---{RULES}".replace("reviews", f"service{n}") for n in range(100))
    before = documents(many)
    after = {key: each for key, each in before.items() if key != Key("default", "service7", "DestinationRule")}
    shelf = Shelf(after)
    old = mesh(before)

    assert added(old, Mesh(shelf, [], documents=after, like=old), {Key("default", "service7", "DestinationRule")})
    assert "<Shelf 299 documents, 2 read>" == repr(shelf)


def test_who_adds_a_service_learns_who_means_it_from_another_namespace() -> None:
    """The rules have a short name, which does not mean the new service; rules for other names are not read."""
    route = RULES.partition("---")[2].replace("host: reviews, subset: v1", "host: ratings.example.com")
    before = documents("\n---\n".join((route, *(route.replace("reviews", f"other{n}") for n in range(9)))))
    entry = REGISTRY.replace("name: reviews", "name: reviews, namespace: shop")
    entry = documents(entry.replace("[reviews]", "[reviews.shop.svc.cluster.local]"))
    old, after = mesh(before), before | entry
    shelf = Shelf(after)
    said = added(old, Mesh(shelf, [], documents=after, like=old), set(entry))

    assert [("short-name", "VirtualService default/reviews")] == [(each.code, each.resource) for each in said]
    assert "<Shelf 11 documents, 2 read>" == repr(shelf)
    assert "short-name" not in {each.code for each in change(after, before)}


# --- whatever the change is ---------------------------------------------------------------------------------

NAMES = ("a", "a.b.svc.cluster.local", "x.a.com", "y.a.com", "*.a.com", "*a.com")
NAMESPACES = ("default", "b")
PORTS = ({"number": 80, "name": "http", "protocol": "HTTP"}, {"number": 81, "name": "grpc", "protocol": "GRPC"})
LABELS = ({"version": "v1"}, {"version": "v2"}, {"app": "a"})


def document(kind: str, spec: Mapping[str, object], namespace: str, name: str) -> dict[str, object]:
    group = "security.istio.io" if kind in ("AuthorizationPolicy", "PeerAuthentication") else "networking.istio.io"
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": f"{group}/v1", "kind": kind, "metadata": metadata, "spec": spec}


entries = st.fixed_dictionaries(
    {
        "hosts": st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True),
        "ports": st.lists(st.sampled_from(PORTS), min_size=1, max_size=2, unique_by=str),
        "resolution": st.just("STATIC"),
        "endpoints": st.lists(
            st.fixed_dictionaries({"address": st.just("10.0.0.1"), "labels": st.sampled_from(LABELS)}), max_size=2
        ),
        "location": st.sampled_from(["MESH_INTERNAL", "MESH_EXTERNAL"]),
    }
)
destinations = st.fixed_dictionaries(
    {"host": st.sampled_from([name for name in NAMES if "*" not in name])},
    optional={"subset": st.sampled_from(["v1", "v2"]), "port": st.sampled_from([{"number": 80}, {"number": 81}])},
)
routes = st.fixed_dictionaries(
    {"route": destinations.map(lambda chosen: [{"destination": chosen}])},
    optional={"match": st.just([{"uri": {"prefix": "/p"}}]), "mirror": destinations},
)
services = st.fixed_dictionaries(
    {
        "hosts": st.lists(st.sampled_from(NAMES), min_size=1, max_size=1),
        "http": st.lists(routes, min_size=1, max_size=2),
    },
    optional={"gateways": st.lists(st.sampled_from(["mesh", "g", "b/g"]), min_size=1, max_size=2, unique=True)},
)
rules = st.fixed_dictionaries(
    {"host": st.sampled_from(NAMES)},
    optional={
        "subsets": st.lists(
            st.fixed_dictionaries({"name": st.sampled_from(["v1", "v2"]), "labels": st.sampled_from(LABELS)}),
            max_size=2,
            unique_by=lambda subset: subset["name"],
        ),
        "trafficPolicy": st.sampled_from([{"loadBalancer": {"simple": "RANDOM"}}, {"tls": {"mode": "DISABLE"}}]),
    },
)
servers = st.fixed_dictionaries(
    {
        "port": st.sampled_from([{**PORTS[0]}, {"number": 80, "name": "tcp", "protocol": "TCP"}]),
        "hosts": st.lists(st.sampled_from(["*", "x.a.com", "b/y.a.com"]), min_size=1, max_size=2, unique=True),
    }
)
gateways = st.fixed_dictionaries(
    {"servers": st.lists(servers, min_size=1, max_size=1)}, optional={"selector": st.sampled_from(LABELS)}
)
policies = st.fixed_dictionaries({"selector": st.sampled_from(LABELS).map(lambda labels: {"matchLabels": labels})})
peers = st.sampled_from(["STRICT", "PERMISSIVE"]).map(lambda mode: {"mtls": {"mode": mode}})
SPECS = {
    "ServiceEntry": entries, "VirtualService": services, "DestinationRule": rules, "Gateway": gateways,
    "AuthorizationPolicy": policies, "PeerAuthentication": peers,
}  # fmt: skip


@st.composite
def some_documents(draw: st.DrawFn) -> Documents:
    found: Documents = {}
    for _ in range(draw(st.integers(1, 7))):
        kind = draw(st.sampled_from(sorted(SPECS)))
        key = Key(draw(st.sampled_from(NAMESPACES)), draw(st.sampled_from(["g", "h", "i"])), kind)
        written = document(kind, draw(SPECS[kind]), key.namespace, key.name)
        resource = decode(written)[0]
        if resource is not None:
            found[key] = encode(resource)
    return found


def identities(said: tuple[Diagnostic, ...]) -> Counter[tuple[str | None, str, str]]:
    return Counter((each.resource, each.code, each.message) for each in said)


@settings(max_examples=200)
@given(some_documents(), some_documents())
def test_what_is_added_is_the_difference_of_two_whole_analyses(one: Documents, other: Documents) -> None:
    """Nothing that a change brings about is out of its reach, whatever the resources and the change."""
    keys = sorted(one, key=str)
    kept = {key: one[key] for key in keys[: len(keys) // 2]}
    age_kept = {key: kept.get(key, other.get(key, {})) for key in one if key in kept or key in other}
    after = age_kept | {key: each for key, each in other.items() if key not in one}

    assert identities(analyze(mesh(after))) - identities(analyze(mesh(one))) == identities(change(one, after))
