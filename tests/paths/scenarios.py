"""Scenarios: lists of states, each a YAML text. A resource is as old as its first place in the scenario says."""

from collections.abc import Sequence

from store.resources.fields import Key
from store.snapshot import Entry
from tests.meshes import entry, resources


def _service(name: str, host: str, *, ports: str = "80", more: str = "") -> str:
    listed = "".join(f"{{number: {p}, name: p{p}, protocol: HTTP}}, " for p in ports.split(","))
    return f"""
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: {name}, {"namespace: shop" if "shop" in name else "namespace: default"}}}
spec:
  hosts: ["{host}"]
  resolution: STATIC
  ports: [{listed}]
  endpoints: [{{address: 127.0.0.2, labels: {{version: v1}}}}, {{address: 127.0.0.3, labels: {{version: v2}}}}]
{more}
"""


def _route(name: str, host: str, to: str, *, match: str = "", more: str = "") -> str:
    rule = f"match: [{match}], " if match else ""
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}}}
spec:
  hosts: ["{host}"]
  http: [{{{rule}route: [{{destination: {to}}}]}}]
{more}
"""


def _rule(name: str, host: str, labels: str = "version: v1") -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}}}
spec:
  host: "{host}"
  subsets: [{{name: v1, labels: {{{labels}}}}}]
"""


def _gateway(hosts: str, selector: str = "istio: edge") -> str:
    return f"""
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: edge}}
spec:
  selector: {{{selector}}}
  servers: [{{port: {{number: 8080, name: http, protocol: HTTP}}, hosts: [{hosts}]}}]
"""


def _mesh(*suffixes: str) -> str:
    return f"""
apiVersion: meshctl/v1
kind: MeshConfig
metadata: {{name: mesh}}
spec: {{serviceSuffixes: [{", ".join(suffixes)}]}}
"""


_IN = "  gateways: [edge]"
_BOTH = "  gateways: [edge, mesh]"
_REVIEWS = _service("reviews", "reviews", ports="80,9080")
_LONG = _service("long", "reviews.default.svc.cluster.local")
_NEAR = _service("near", "reviews.default.mesh")
_TO_V1 = _route("reviews", "reviews", "{host: reviews, subset: v1}")

SCENARIOS = {
    "a service, its subsets, its routes": [
        [_REVIEWS],
        [_REVIEWS, _TO_V1],
        [_REVIEWS, _TO_V1, _rule("reviews", "reviews")],
        [_REVIEWS, _TO_V1, _rule("reviews", "reviews", "version: v2")],
        [_REVIEWS, _rule("reviews", "reviews")],
    ],
    "a short name finds another service": [
        [_LONG, _TO_V1, _rule("reviews", "reviews")],
        [_LONG, _REVIEWS, _TO_V1, _rule("reviews", "reviews")],
        [_REVIEWS, _TO_V1, _rule("reviews", "reviews")],
        [_TO_V1, _rule("reviews", "reviews")],
    ],
    "an alias is taken by a service of that name": [
        [_LONG],
        [_LONG, _service("taken", "reviews.default")],
        [_service("taken", "reviews.default")],
    ],
    "a host becomes more specific": [
        [_service("any", "*.foo.com"), _route("any", "*.foo.com", "{host: a.foo.com}")],
        [_service("any", "*.foo.com"), _service("a", "a.foo.com"), _route("any", "*.foo.com", "{host: a.foo.com}")],
        [_service("a", "a.foo.com"), _route("any", "*.foo.com", "{host: a.foo.com}"), _rule("part", "*foo.com")],
        [_service("a", "a.foo.com"), _route("a", "a.foo.com", "{host: a.foo.com}"), _rule("a", "*.foo.com")],
    ],
    "an address moves between services": [
        [_service("one", "one", more="  addresses: [10.0.0.1]")],
        [_service(name, name, more="  addresses: [10.0.0.1]") for name in ("one", "two")],
        [_service("one", "one"), _service("two", "two", more="  addresses: [10.0.0.1]")],
        [_service("two", "two", more="  addresses: ['fd00:0::1', 'FD00::1']")],
    ],
    "two namespaces claim a host": [
        [_service("x-shop", "x.com")],
        [_service("x-shop", "x.com"), _service("x", "x.com", ports="80,81")],
        [_service("x", "x.com", ports="81")],
        [_service("x-shop", "x.com").replace("STATIC", "DNS"), _service("x", "x.com", ports="81")],
    ],
    "a gateway opens, widens, moves, closes": [
        [_REVIEWS, _route("in", "bookinfo.com", "{host: reviews}", more=_IN)],
        [_REVIEWS, _route("in", "bookinfo.com", "{host: reviews}", more=_IN), _gateway("bookinfo.com")],
        [_REVIEWS, _route("in", "*.com", "{host: reviews}", more=_BOTH), _gateway("'*'")],
        [_REVIEWS, _route("in", "*.com", "{host: reviews}", more=_BOTH), _gateway("'*'", "a: b")],
    ],
    "short names come to stand for something else": [
        [_LONG, _NEAR, _TO_V1, _rule("reviews", "reviews")],
        [_LONG, _NEAR, _TO_V1, _rule("reviews", "reviews"), _mesh("mesh")],
        [_LONG, _NEAR, _TO_V1, _rule("reviews", "reviews"), _mesh("mesh", "svc.cluster.local"), _gateway("'*'")],
        [_LONG, _TO_V1, _rule("reviews", "reviews"), _mesh("mesh", "svc.cluster.local")],
        [_LONG, _NEAR, _TO_V1, _rule("reviews", "reviews"), _mesh("svc.cluster.local")],
        [_NEAR, _TO_V1, _mesh()],
        [_route("short", "short", "{host: reviews}"), _NEAR, _mesh("mesh", "org")],
    ],
    "a host that only a rule knows is registered": [
        [_route("v", "bookinfo.com", "{host: bookinfo.com}")],
        [_route("v", "bookinfo.com", "{host: bookinfo.com}"), _service("b", "bookinfo.com")],
        [_service("b", "bookinfo.com", ports="81")],
    ],
}


def states_of(scenario: Sequence[Sequence[str]]) -> list[dict[Key, Entry]]:
    """Return the states of *scenario*."""
    created: dict[Key, int] = {}
    states = []
    for texts in scenario:
        found = [r for text in texts for r in resources(text)]
        states.append({r.key: entry(r, created.setdefault(r.key, len(created) + 1)) for r in found})
    return states
