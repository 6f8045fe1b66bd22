"""A small mesh in which everything collides: few names, all kinds, two namespaces. For hypothesis."""

from typing import Any

from hypothesis import strategies as st

from store.codec import Record, Source
from store.resources.fields import Key
from store.resources.kinds import KINDS
from store.snapshot import Entry

NAMESPACES = ("default", "shop")
SERVICES = (
    "reviews", "reviews.default", "reviews.default.svc.cluster.local", "reviews.shop.svc.cluster.local",
    "foo.com", "a.foo.com", "A.foo.com.", "x-b.foo.com", "*.foo.com", "*-b.foo.com",
)  # fmt: skip
ROUTED = (*SERVICES, "bar.org", "*.org", "*.svc.cluster.local", "10.0.0.1", "fd00::1", "reviews.shop.svc")
ADDRESSES = ("10.0.0.1", "10.0.0.2", "fd00::1", "FD00:0::1")
GATEWAYS = ("edge", "shop/edge", "mesh")


def _some(strategy: st.SearchStrategy[Any], least: int, most: int) -> st.SearchStrategy[list[Any]]:
    return st.lists(strategy, min_size=least, max_size=most, unique_by=str)


_port = st.fixed_dictionaries(
    {"number": st.sampled_from((80, 9080)), "protocol": st.sampled_from(("HTTP", "GRPC"))},
    optional={"targetPort": st.just(8000)},
)


def _named(ports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"name": f"p{p['number']}", **p} for p in {p["number"]: p for p in ports}.values()]


_endpoint = st.fixed_dictionaries(
    {"address": st.sampled_from(("127.0.0.2", "127.0.0.3", "::1"))},
    optional={
        "labels": st.sampled_from(({"version": "v1"}, {"version": "v2"})),
        "weight": st.sampled_from((0, 5, 2**32 - 1)),
    },
)
_service_entry = st.fixed_dictionaries(
    {
        "hosts": _some(st.sampled_from(SERVICES), 1, 2),
        "ports": st.lists(_port, max_size=2).map(_named),
        "resolution": st.sampled_from(("STATIC", "STATIC", "DNS")),
        "endpoints": st.lists(_endpoint, max_size=2),
    },
    optional={"addresses": _some(st.sampled_from(ADDRESSES), 1, 2)},
)
_destination = st.fixed_dictionaries(
    {"host": st.sampled_from(SERVICES[:-2])},
    optional={"subset": st.sampled_from(("v1", "v2")), "port": st.just({"number": 80})},
)
_match = st.sampled_from(
    ({"uri": {"prefix": "/"}}, {"uri": {"exact": "/a"}}, {"headers": {"x": {}}}, {"uri": {}}, {"uri": {"regex": ".*"}})
)
_rule = st.one_of(
    st.fixed_dictionaries({"redirect": st.just({"uri": "/moved"})}, optional={"match": st.lists(_match, max_size=2)}),
    st.fixed_dictionaries(
        {
            "route": st.lists(
                st.fixed_dictionaries({"destination": _destination, "weight": st.sampled_from((1, 2))}),
                min_size=1,
                max_size=2,
            )
        },
        optional={"match": st.lists(_match, max_size=2), "timeout": st.just("1s")},
    ),
)
_virtual_service = st.fixed_dictionaries(
    {"hosts": _some(st.sampled_from(ROUTED), 1, 2), "http": st.lists(_rule, min_size=1, max_size=2)},
    optional={"gateways": _some(st.sampled_from(GATEWAYS), 1, 2)},
)
_policy: st.SearchStrategy[Any] = st.sampled_from(("RANDOM", "ROUND_ROBIN")).map(
    lambda simple: {"loadBalancer": {"simple": simple}}
)
_subset: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"name": st.sampled_from(("v1", "v2")), "labels": st.sampled_from(({"version": "v1"}, {"version": "v2"}))},
    optional={"trafficPolicy": _policy},
)
_destination_rule: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {
        "host": st.sampled_from((*ROUTED[:-3], "*")),
        "subsets": st.lists(_subset, max_size=2, unique_by=lambda s: s["name"]),
    },
    optional={"trafficPolicy": _policy},
)
_server: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"hosts": _some(st.sampled_from(("*", "*.foo.com", "A.foo.com", "shop/*.org", "./bar.org", "fd00::1")), 1, 2)},
    optional={"bind": st.just("127.0.0.9")},
)
_gateway: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {"servers": st.lists(_server, min_size=1, max_size=2)},
    optional={"selector": st.sampled_from(({"istio": "edge"}, {"istio": "other"}))},
).map(
    lambda spec: {
        **spec,
        "servers": [
            {"port": {"number": 8080, "name": f"p{i}", "protocol": "HTTP"}, **s} for i, s in enumerate(spec["servers"])
        ],
    }
)
_settings: st.SearchStrategy[Any] = st.fixed_dictionaries(
    {}, optional={"serviceSuffixes": _some(st.sampled_from(("svc.cluster.local", "com", "default", "svc.org")), 0, 3)}
)
_KINDS = {
    "ServiceEntry": (_service_entry, ("s1", "s2", "s3")),
    "VirtualService": (_virtual_service, ("v1", "v2")),
    "DestinationRule": (_destination_rule, ("d1", "d2")),
    "Gateway": (_gateway, ("edge",)),
    "MeshConfig": (_settings, ("mesh",)),
}


@st.composite
def edits(draw: st.DrawFn) -> tuple[Key, Entry | None]:
    """Draw one change: what stands under a Key from now on, None for nothing."""
    kind = draw(st.sampled_from(("ServiceEntry", *_KINDS)))
    specs, names = _KINDS[kind]
    own = KINDS[kind]
    key = Key(draw(st.sampled_from(NAMESPACES)) if own.namespaced else "default", draw(st.sampled_from(names)), kind)
    if draw(st.integers(0, 5)) == 0:
        return key, None
    document = {
        "apiVersion": own.api_version,
        "kind": kind,
        "metadata": {"name": key.name, "namespace": key.namespace},
        "spec": draw(specs),
    }
    return key, Entry(Record(document, Source("test.yaml", 1), draw(st.integers(1, 3)), "1-0000"))
