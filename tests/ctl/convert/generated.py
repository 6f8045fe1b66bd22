"""Old documents drawn at random, right by the rules of their time: few names, so that they meet."""

from typing import Any

from hypothesis import strategies as st

NAMES = st.sampled_from(["reviews", "ratings", "cart"])
NAMESPACES = st.sampled_from(["default", "shop"])
DOMAINS = st.sampled_from(["foo.com", "*.foo.com", "*-bar.foo.com", "mail.example.com", "10.1.2.3"])
LABELS = st.dictionaries(
    st.sampled_from(["version", "app", "example.com/role", "x" * 63]),
    st.sampled_from(["v1", "1.0", "1-0", "1_0", "-" * 0, "V1", "a" * 63, "on", "1e5", "08"]),
    max_size=3,
)
DURATIONS = st.sampled_from(["1s", "250ms", "1m30s", "1h"])
TEXTS = st.one_of(
    st.fixed_dictionaries({"exact": st.sampled_from(["a", "1e5", "on", "x: y", "# z", "é"])}),
    st.fixed_dictionaries({"prefix": st.sampled_from(["/", "/a", "a b"])}),
    st.fixed_dictionaries({"regex": st.sampled_from([".*", "^(.*?;)?(user=jason)(;.*)?$", "[a-z]+"])}),
)
PERCENTS = st.sampled_from([0, 0.1, 10, 100])


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return mappings with any of *fields*."""
    return st.fixed_dictionaries({}, optional=fields)


@st.composite
def services(draw: st.DrawFn, *, labels: bool = False) -> dict[str, Any]:
    """Return references, by name or by full name."""
    named = some(namespace=NAMESPACES, domain=st.just("svc.cluster.local")).map(dict)
    service = {"name": draw(NAMES), **draw(named)} if draw(st.booleans()) else {"service": draw(DOMAINS)}
    return {**service, **({"labels": draw(LABELS)} if labels else {})}


@st.composite
def routes(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return shares that add up to 100; a single one may say nothing of it."""
    count = draw(st.integers(0, 3))
    cuts = sorted(draw(st.lists(st.integers(0, 100), min_size=max(count - 1, 0), max_size=max(count - 1, 0))))
    weights = [high - low for low, high in zip([0, *cuts], [*cuts, 100], strict=True)]
    shares = [{**draw(some(labels=LABELS, destination=services())), "weight": weight} for weight in weights[:count]]
    if count == 1 and draw(st.booleans()):
        del shares[0]["weight"]
    return [{k: _no_address(v) if k == "destination" else v for k, v in share.items()} for share in shares]


def _no_address(service: dict[str, Any]) -> dict[str, Any]:
    """Requests cannot be sent on to an address that no EgressRule has."""
    return {"service": "foo.com"} if service.get("service", "").startswith("10.") else service


MATCHES = some(
    source=st.fixed_dictionaries(
        {"name": NAMES, "labels": LABELS.filter(bool)}, optional={"namespace": NAMESPACES}
    ),
    request=st.fixed_dictionaries(
        {"headers": st.dictionaries(st.sampled_from(["uri", "cookie", "x-a", "authority"]), TEXTS, max_size=3)}
    ),
    tcp=some(
        sourceSubnet=st.lists(st.sampled_from(["10.0.0.0/8", "10.1.2.3"]), max_size=2),
        destinationSubnet=st.lists(st.sampled_from(["10.9.0.0/16"]), max_size=1),
    ),
    udp=some(sourceSubnet=st.just(["10.0.0.0/8"])),
)
FAULTS = some(
    delay=st.fixed_dictionaries({"fixedDelay": DURATIONS}, optional={"percent": PERCENTS})
    | st.fixed_dictionaries({"exponentialDelay": DURATIONS}, optional={"percent": PERCENTS}),
    abort=st.fixed_dictionaries({"httpStatus": st.sampled_from([400, 503])}, optional={"percent": PERCENTS}),
).filter(bool)
RETRIES = some(
    simpleRetry=some(attempts=st.integers(0, 3), perTryTimeout=DURATIONS, overrideHeaderName=st.just("x-y"))
) | st.just({"custom": {"a": 1}})
CORS = some(
    allowOrigin=st.lists(st.sampled_from(["*", "example.com"]), max_size=2),
    allowMethods=st.lists(st.sampled_from(["GET", "POST"]), max_size=2),
    allowHeaders=st.just(["x-a"]),
    maxAge=st.sampled_from(["24h", "1m"]),
    allowCredentials=st.booleans(),
)


@st.composite
def route_rules(draw: st.DrawFn) -> dict[str, Any]:
    """Return the spec of a RouteRule."""
    destination = _no_address(draw(services()))
    common = some(precedence=st.integers(0, 3), match=MATCHES)
    if draw(st.integers(0, 4)) == 0:
        redirect = {"redirect": {"uri": "/new", **draw(some(authority=st.just("foo.com")))}}
        return {"destination": destination, **draw(common), **redirect}
    rest = some(
        route=routes(),
        rewrite=st.just({"uri": "/v2"}),
        websocketUpgrade=st.booleans(),
        httpReqTimeout=some(simpleTimeout=some(timeout=DURATIONS)),
        httpReqRetries=RETRIES,
        httpFault=FAULTS,
        l4Fault=st.just({"throttle": {"percent": 1}}),
        mirror=services(labels=True).map(_no_address),
        corsPolicy=CORS,
        appendHeaders=st.just({"x-added": "1"}),
    )
    return {"destination": destination, **draw(common), **draw(rest)}


POLICIES = st.fixed_dictionaries(
    {"destination": services(labels=True).map(_no_address)},
    optional={
        "loadBalancing": st.sampled_from([{"name": "RANDOM"}, {"name": "LEAST_CONN"}, {"ringHash": {"ringSize": 1}}]),
        "circuitBreaker": some(
            simpleCb=some(
                maxConnections=st.integers(0, 5),
                httpMaxRequests=st.integers(0, 5),
                httpConsecutiveErrors=st.integers(0, 5),
                sleepWindow=DURATIONS,
                httpMaxEjectionPercent=st.integers(0, 100),
            )
        ),
        "source": st.fixed_dictionaries({"name": NAMES}),
    },
)
EGRESS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "destination": st.fixed_dictionaries({"service": DOMAINS | st.sampled_from(["*", "bar.com"])}),
        "ports": st.lists(
            st.fixed_dictionaries(
                {"port": st.sampled_from([80, 443, 8080]), "protocol": st.sampled_from(["http", "HTTPS", "tcp"])}
            ),
            min_size=1,
            max_size=3,
            unique_by=lambda port: port["port"],
        ),
    },
    optional={"useEgressProxy": st.booleans()},
)


@st.composite
def backends(draw: st.DrawFn) -> dict[str, Any]:
    """Return a backend, as v1 writes it or as it was written before."""
    if draw(st.booleans()):
        return {"serviceName": draw(NAMES), "servicePort": draw(st.sampled_from([80, "80", "http"]))}
    return {"service": {"name": draw(NAMES), **draw(some(port=st.sampled_from([{"number": 80}, {"name": "http"}])))}}


PATHS = st.fixed_dictionaries(
    {"backend": backends(), "path": st.sampled_from(["/", "/a", "/a/", "/a/.*", "/b/*", "/[ab]"])},
    optional={"pathType": st.sampled_from(["Exact", "Prefix", "ImplementationSpecific"])},
)
HOSTS = st.sampled_from(["a.test", "b.test", "*.test", "*.a.test", "localhost"])
CERTIFICATES = some(
    hosts=st.lists(HOSTS.filter(lambda host: "." in host), max_size=2), secretName=st.sampled_from(["s", "t"])
)
INGRESSES = some(
    tls=st.lists(CERTIFICATES, max_size=2),
    rules=st.lists(
        some(host=HOSTS, http=st.fixed_dictionaries({"paths": st.lists(PATHS, min_size=1, max_size=3)})), max_size=3
    ),
    defaultBackend=backends(),
)
KINDS: dict[str, tuple[str, st.SearchStrategy[dict[str, Any]]]] = {
    "RouteRule": ("config.istio.io/v1alpha2", route_rules()),
    "DestinationPolicy": ("config.istio.io/v1alpha2", POLICIES),
    "EgressRule": ("config.istio.io/v1alpha2", EGRESS),
    "Ingress": ("networking.k8s.io/v1", INGRESSES),
}


@st.composite
def old_documents(draw: st.DrawFn) -> dict[str, Any]:
    """Return one document of any old kind; its name is given later."""
    kind = draw(st.sampled_from(sorted(KINDS)))
    version, specs = KINDS[kind]
    metadata = draw(some(namespace=NAMESPACES, labels=LABELS))
    return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": draw(specs)}


@st.composite
def inputs(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return a few documents of different names."""
    found = draw(st.lists(old_documents(), min_size=1, max_size=6))
    for number, document in enumerate(found):
        document["metadata"] = {"name": f"d{number}", **document["metadata"]}
    return found
