"""Every resource that can be written reads back as itself: resources of all kinds, generated."""

import string

import msgpack
import yaml
from hypothesis import given
from hypothesis import strategies as st

from store.codec import decode, encode
from store.resources.destination_rule import DestinationRule, LoadBalancerSettings, SimpleLB, Subset, TrafficPolicy
from store.resources.fields import Duration, Int32, Metadata, PortSelector, StringMatch, Uint32
from store.resources.gateway import Gateway, Server, ServerPort
from store.resources.http_route import (
    Destination,
    HTTPMatchRequest,
    HTTPRedirect,
    HTTPRewrite,
    HTTPRoute,
    HTTPRouteDestination,
    RedirectPortSelection,
    RegexRewrite,
)
from store.resources.kinds import Resource
from store.resources.resolution import Resolution
from store.resources.service_entry import Location, ServiceEntry, ServicePort
from store.resources.virtual_service import VirtualService
from store.resources.workload_entry import WorkloadEntry

labels = st.from_regex(r"[a-z]([-a-z0-9]{0,8}[a-z0-9])?", fullmatch=True)
hosts = st.lists(labels, min_size=1, max_size=3).map(".".join)
plain_text = st.text(string.ascii_letters + string.digits + " /;=é", min_size=1, max_size=12)
ports = st.integers(1, 65535).map(Uint32)
label_maps = st.dictionaries(labels, labels, max_size=3)
addresses = st.ip_addresses().map(str).filter(lambda text: "%" not in text)
metadata = st.builds(
    Metadata,
    name=labels,
    namespace=st.just("default") | labels,
    labels=label_maps,
    annotations=st.dictionaries(labels, plain_text, max_size=2),
    creation_timestamp=st.none() | st.just("2018-04-25T00:00:00Z"),
)
policies = st.builds(
    TrafficPolicy,
    load_balancer=st.builds(
        LoadBalancerSettings, simple=st.none() | st.sampled_from(sorted(set(SimpleLB) - {SimpleLB.PASSTHROUGH}))
    ),
)
subsets = st.builds(Subset, name=labels, labels=label_maps, traffic_policy=st.none() | policies)
rules = st.builds(
    DestinationRule,
    host=hosts,
    traffic_policy=st.none() | policies,
    subsets=st.lists(subsets, max_size=3, unique_by=lambda one: one.name).map(tuple),
)
gateways = st.builds(
    Gateway,
    selector=label_maps,
    servers=st.builds(
        Server,
        port=st.builds(ServerPort, number=ports, name=plain_text, protocol=st.sampled_from(["HTTP", "grpc", "HTTP2"])),
        hosts=st.lists(hosts.map("*.".__add__), min_size=1, max_size=3).map(tuple),
        bind=st.none() | addresses,
        name=st.none() | labels,
    ).map(lambda server: (server,)),
)
service_ports = st.builds(
    ServicePort, number=ports, name=labels, protocol=st.sampled_from(["HTTP", "GRPC"]), target_port=st.none() | ports
)


@st.composite
def entries(draw: st.DrawFn) -> ServiceEntry:
    given_ports = draw(st.lists(service_ports, max_size=3, unique_by=(lambda p: p.name, lambda p: p.number)))
    names = [port.name for port in given_ports]
    endpoint_ports = st.dictionaries(st.sampled_from(names), ports, max_size=2) if names else st.just({})
    endpoint = st.builds(
        WorkloadEntry,
        address=addresses,
        ports=endpoint_ports,
        labels=label_maps,
        weight=st.none() | st.integers(0, 2**32 - 1).map(Uint32),
    )
    return ServiceEntry(
        hosts=tuple(draw(st.lists(hosts, min_size=1, max_size=3))),
        addresses=tuple(draw(st.lists(addresses, max_size=2))),
        ports=tuple(given_ports),
        location=draw(st.sampled_from(Location)),
        resolution=draw(st.sampled_from([Resolution.STATIC, Resolution.DNS])),
        endpoints=tuple(draw(st.lists(endpoint, max_size=2))),
    )


matches = (
    st.builds(StringMatch, exact=plain_text)
    | st.builds(StringMatch, prefix=plain_text)
    | st.just(StringMatch(regex="a.*"))
    | st.just(StringMatch())
)
destinations = st.builds(
    HTTPRouteDestination,
    destination=st.builds(
        Destination, host=hosts, subset=st.none() | labels, port=st.none() | st.builds(PortSelector, number=ports)
    ),
    weight=st.integers(1, 2**31 - 1).map(Int32),
)
rewrites = st.builds(HTTPRewrite, uri=plain_text, authority=st.none() | plain_text) | st.just(
    HTTPRewrite(uri_regex_rewrite=RegexRewrite("(a)", r"\1"))
)
redirects = st.builds(
    HTTPRedirect,
    uri=plain_text,
    authority=st.none() | plain_text,
    derive_port=st.none() | st.sampled_from(RedirectPortSelection),
    scheme=st.none() | st.sampled_from(["http", "https"]),
    redirect_code=st.none() | st.sampled_from([301, 308]).map(Uint32),
)
route_common = {
    "name": st.none() | plain_text,
    "match": st.lists(
        st.builds(
            HTTPMatchRequest,
            uri=st.none() | matches,
            headers=st.dictionaries(labels, matches, max_size=2),
            name=st.none() | plain_text,
        ),
        max_size=2,
    ).map(tuple),
    "timeout": st.none() | st.integers(1, 10**12).map(lambda ms: Duration(ms / 1000)),
}
routes = st.builds(
    HTTPRoute,
    route=st.lists(destinations, min_size=1, max_size=2).map(tuple),
    rewrite=st.none() | rewrites,
    **route_common,
) | st.builds(HTTPRoute, redirect=redirects, **route_common)
services = st.builds(
    VirtualService,
    hosts=hosts.map(lambda host: (host,)),
    gateways=st.lists(labels, max_size=2).map(tuple),
    http=st.lists(routes, min_size=1, max_size=3).map(tuple),
)
resources = st.sampled_from(["v1alpha3", "v1beta1", "v1"]).flatmap(
    lambda version: (
        st.builds(Resource, st.just(f"networking.istio.io/{version}"), st.just("DestinationRule"), metadata, rules)
        | st.builds(Resource, st.just(f"networking.istio.io/{version}"), st.just("Gateway"), metadata, gateways)
        | st.builds(Resource, st.just(f"networking.istio.io/{version}"), st.just("ServiceEntry"), metadata, entries())
        | st.builds(Resource, st.just(f"networking.istio.io/{version}"), st.just("VirtualService"), metadata, services)
    )
)


@given(resources)
def test_a_resource_that_is_written_reads_back_as_itself(resource: Resource) -> None:
    """decode(encode(r)) == r, with no error; the document is plain, for YAML too, and survives msgpack."""
    document = encode(resource)
    read_back, diagnostics = decode(msgpack.unpackb(msgpack.packb(document)))

    assert not [one for one in diagnostics if one.is_error]
    assert resource == read_back
    assert ["apiVersion", "kind", "metadata", "spec"] == list(document)
    assert yaml.safe_dump(document)  # which takes no member of an enum
