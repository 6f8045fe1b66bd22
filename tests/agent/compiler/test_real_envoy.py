"""What a real Envoy does with a compiled mesh: request → upstream, path, headers or the proxy's own answer."""

import socket
import struct
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import Any

import attrs
import pytest
from attrs import field, frozen

from agent.compiler.compile import compile as from_scratch
from store.host import HostRecord
from store.snapshot import Snapshot
from tests.agent.compiler.real_envoy import Answer, RealEnvoy, ask, ask_until, real_envoy
from tests.agent.compiler.upstreams import grpc_upstream, http_upstreams
from tests.embedded import free_port
from tests.meshes import snapshot

MESH = Path(__file__).with_name("real_mesh.yaml")


@frozen
class Running:
    """The module's mesh.

    Attributes:
        proxy, edge: ports of the explicit proxy and of the gateway.
        upstreams: instance → port.
    """

    envoy: RealEnvoy
    snapshot: Snapshot
    record: HostRecord
    proxy: int
    edge: int
    upstreams: Mapping[str, int]


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    proxy, edge = free_port(), free_port()
    with http_upstreams("v1", "v2", "echo", "wild") as ports, grpc_upstream("grpc") as grpc_port, real_envoy() as envoy:
        numbers = {name.upper(): port for name, port in ports.items()} | {"GRPC": grpc_port, "EDGE": edge}
        mesh = snapshot(*Template(MESH.read_text()).safe_substitute(numbers).split("\n---\n"))
        record = HostRecord("h1", http_proxy=(f"127.0.0.1:{proxy}",))
        envoy.offer(from_scratch(mesh, record))
        yield Running(envoy, mesh, record, proxy, edge, ports)


def test_envoy_takes_all_of_it(running: Running) -> None:
    """Nothing that the compiler makes of valid resources is refused."""
    assert [] == running.envoy.refusals()


@frozen
class Case:
    """One row: a request, and what has to come of it.

    Attributes:
        target: request target; `authority/path` for the proxy, which asks for it in absolute form.
        instance: upstream that answers; None when the proxy does.
        path: what the upstream sees; None is the path that was asked for.
        location: of a redirect.
        seen: request headers that the upstream sees; None is "not there".
    """

    target: str
    status: int = 200
    instance: str | None = "echo"
    path: str | None = None
    location: str | None = None
    headers: Mapping[str, str] = field(factory=dict)
    seen: Mapping[str, str | None] = field(factory=dict)
    method: str = "GET"


_H = {"x-exact": "a", "x-prefix": "bc", "x-present": ""}
PROXY = {
    "exact uri, whole path rewritten": Case("echo/exact?q=1", path="/whole?q=1"),
    "exact uri is not a prefix": Case("echo/exact/more", 404, None),
    "prefix rewritten to the root": Case("echo/foo/bar?q=1", path="/bar?q=1"),
    "prefix with its slash does not match without": Case("echo/foo", 404, None),
    "regex of the whole path, rewritten": Case("echo/items/12", path="/item?id=12"),
    "regex does not match a part": Case("echo/items/12/x", 404, None),
    "authority rewritten": Case("echo/host", seen={"host": "other.example"}),
    "all header conditions hold": Case("echo/h", headers=_H),
    "a header is absent": Case("echo/h", 404, None, headers={k: v for k, v in _H.items() if k != "x-present"}),
    "a header has another value": Case("echo/h", 404, None, headers={**_H, "x-exact": "A"}),
    "redirect of the path": Case("echo/r/moved?q=1", 308, None, location="http://echo/new?q=1"),
    "redirect of the authority": Case("echo/r/host?q=1", 302, None, location="http://other.example/r/host?q=1"),
    "redirect of the port": Case("echo/r/port", 307, None, location="http://echo:8443/r/port"),
    "redirect of the scheme": Case("echo/r/scheme", 303, None, location="https://echo/r/scheme"),
    "redirect of the scheme keeps the port": Case(
        "echo:8080/r/scheme", 303, None, location="https://echo:8080/r/scheme"
    ),
    "redirect to the request's port": Case(
        "echo:8080/r/request", 301, None, location="http://other.example:8080/r/request"
    ),
    "redirect to the protocol's port": Case(
        "echo:8080/r/protocol", 301, None, location="http://other.example/r/protocol"
    ),
    "no rule": Case("echo/none", 404, None),
    "slower than the rule's timeout": Case("echo/slow", 504, None),
    "missing service": Case("echo/gone", 503, None),
    "missing subset": Case("echo/subset", 503, None),
    "several missing services": Case("echo/half", 503, None),
    "port 80 as written": Case("echo:80/kept"),
    "another port": Case("echo:8080/kept"),
    "a port that the service has not": Case("echo:81/kept", 503, None),
    "upper case": Case("ECHO/kept", seen={"host": "ECHO"}),
    "trailing dot": Case("echo.:80/kept", seen={"host": "echo.:80"}),
    "upper case, trailing dot, port": Case("Echo.DEFAULT.svc.cluster.local.:8080/kept"),
    "long name": Case("echo.default.svc.cluster.local/kept"),
    "name with namespace": Case("echo.default/kept"),
    "address": Case("10.99.0.1/kept"),
    "IPv6 address in its short form": Case("[fd00::1]:8080/kept"),
    "IPv6 address in upper case": Case("[FD00::1]/kept"),
    "userinfo is dropped": Case("reviews:9080@echo/kept"),
    "seed rule, cookie alone": Case("reviews:9080/", instance="v2", headers={"cookie": "user=jason"}),
    "seed rule, cookie among others": Case("reviews:9080/", instance="v2", headers={"cookie": "a=b;user=jason;c=d"}),
    "seed rule, another user": Case("reviews:9080/", instance="v1", headers={"cookie": "user=jasonx"}),
    "seed rule, no cookie": Case("reviews:9080/", instance="v1"),
    "wildcard service": Case("x.wild.org/any", instance="wild"),
    "wildcard service, upper case, deep": Case("A.B.WILD.org:80/any", instance="wild"),
    "wildcard service, another port": Case("x.wild.org:8080/any"),
    "host of a rule alone, any port": Case("bookinfo.com:1234/reviews/1", instance="v1"),
    "host of a rule alone, upper case": Case("BOOKINFO.com/a/b"),
    "host of a rule alone, no rule": Case("bookinfo.com/none", 404, None),
    "host of a rule below a wildcard service": Case("one.wild.org/wild", instance="wild"),
    "host of a rule below a wildcard service, its other port": Case("one.wild.org:8080/wild"),
    "wildcard of a rule": Case("any.rules.org/reviews", instance="v1"),
    "short host of a rule alone": Case("shortname:7/reviews", instance="v1"),
    "short host of a rule alone, long form": Case("shortname.default.svc.cluster.local/reviews", instance="v1"),
    "IPv6 address of a rule alone": Case("[fd00::2]:77/reviews", instance="v1"),
    "two entries agree": Case("torn/any"),
    "two entries disagree": Case("torn:81/any", 503, None),
    "weights beyond 32 bits together": Case("heavy/any", instance=None),
    "the client chooses no scope": Case(
        "echo/kept", headers={"x-mesh-scope": "reviews:9080"}, seen={"x-mesh-scope": None}
    ),
    "the scope is not forwarded from the fallback": Case("x.wild.org/a", instance="wild", seen={"x-mesh-scope": None}),
    "the proxy's own credentials stay with it": Case(
        "echo/kept", headers={"proxy-authorization": "Basic eA=="}, seen={"proxy-authorization": None}
    ),
    "so they do on the way out of the fallback": Case(
        "x.wild.org/", instance="wild", headers={"proxy-authorization": "x"}, seen={"proxy-authorization": None}
    ),
    "Host of the absolute form wins": Case("echo/kept", headers={"host": "reviews:9080"}, seen={"host": "echo"}),
    "escaped slashes are somebody else's API": Case("echo/kept%2Fx", path="/kept%2Fx"),
    "dot segments are resolved before matching": Case("echo/none/../kept", path="/kept"),
    "slashes are merged before matching": Case("echo//kept", path="/kept"),
    "a query without path": Case("echo?x=1", 404, None),
    "headers with underscores pass": Case("echo/kept", headers={"x_y": "1"}, seen={"x_y": "1"}),
}


@pytest.mark.parametrize("name", PROXY)
def test_the_explicit_proxy(running: Running, name: str) -> None:
    """Each row of the table is what an application gets that uses the host's HTTP proxy."""
    case = PROXY[name]

    judge(case, ask(running.proxy, f"http://{case.target}", method=case.method, headers=case.headers))


EDGE = {
    "by path": Case("/reviews/1", instance="v1", headers={"host": "bookinfo.com"}),
    "port of the Host header is ignored": Case("/reviews/1", instance="v1", headers={"host": "BookInfo.com:1234"}),
    "wildcard": Case("/reviews", instance="v1", headers={"host": "any.rules.org"}),
    "IPv6 address": Case("/reviews", instance="v1", headers={"host": "[fd00::2]:80"}),
    "host that the server has not": Case("/wild", 404, None, headers={"host": "one.wild.org"}),
    "unknown host": Case("/reviews", 404, None, headers={"host": "elsewhere.org"}),
    "no rule": Case("/none", 404, None, headers={"host": "bookinfo.com"}),
    "slashes are merged": Case("//a//b", path="/a/b", headers={"host": "bookinfo.com"}),
    "escaped slash": Case("/a%2Fb", 400, None, headers={"host": "bookinfo.com"}),
    "header with underscore": Case("/a/b", 400, None, headers={"host": "bookinfo.com", "x_y": "1"}),
    "internal header": Case("/a/b", headers={"host": "bookinfo.com", "x-mesh-scope": "x"}, seen={"x-mesh-scope": None}),
}


@pytest.mark.parametrize("name", EDGE)
def test_the_gateway(running: Running, name: str) -> None:
    """Each row of the table is what a client outside the mesh gets."""
    case = EDGE[name]

    judge(case, ask(running.edge, case.target, headers=case.headers))


def judge(case: Case, answer: Answer) -> None:
    assert case.status == answer.status, answer
    if case.instance is not None:
        asked = case.target[case.target.index("/") :]
        assert (case.instance, case.path or asked) == (answer.seen["instance"], answer.seen["path"])
        assert dict(case.seen) == {name: answer.seen["headers"].get(name) for name in case.seen}
    if case.location is not None:
        assert case.location == answer.headers["location"]


def test_shares_follow_weights(running: Running) -> None:
    """Weights 3 and 1 share 200 requests about so, and weight 0 gets none."""
    found: Counter[Any] = Counter()
    for _ in range(200):
        answer = ask(running.proxy, "http://echo/split")
        found[answer.seen.get("instance", answer.status)] += 1

    assert {"v1", "v2"} == set(found)
    assert 115 <= found["v1"] <= 185


@pytest.mark.parametrize("whole", [{}, {"x-whole": "1"}])
def test_http2_is_spoken_to_grpc_ports(running: Running, whole: dict[str, str]) -> None:
    """A port declared GRPC is reached by HTTP/2, through the whole service's cluster and through a subset's."""
    headers = {"content-type": "application/grpc", "te": "trailers", **whole}
    message = b'{"a": 1}'
    framed = b"\0" + struct.pack("!I", len(message)) + message

    answer = ask(running.proxy, "http://say:9000/echo/Say", method="POST", headers=headers, body=framed)

    assert 200 == answer.status
    assert b'{"instance": "grpc", "path": "/echo/Say"}' == answer.body[5:]


def test_websocket_upgrade(running: Running) -> None:
    """A WebSocket handshake through the proxy in absolute form opens a stream in both directions."""
    handshake = b"GET http://echo/kept HTTP/1.1\r\nHost: echo\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
    with socket.create_connection(("127.0.0.1", running.proxy), timeout=5) as connection:
        connection.sendall(handshake)
        stream = connection.makefile("rb")
        status = stream.readline()
        while stream.readline().strip():
            pass
        connection.sendall(b"hello\n")

        assert b"HTTP/1.1 101 Switching Protocols\r\n" == status
        assert b"echo hello\n" == stream.readline()


@pytest.mark.parametrize("authority", ["127.0.0.1:{}", "localhost:{}", "[::1]:{}", "H1:{}"])
def test_own_address_is_a_circle(running: Running, authority: str) -> None:
    """Asking the proxy for itself is answered 508 at once."""
    assert 508 == ask(running.proxy, f"http://{authority.format(running.proxy)}/").status


def test_unknown_host_under_allow_any(running: Running) -> None:
    """A host outside the registry is dialled, as an address here, without our internal headers."""
    target = f"http://127.0.0.1:{running.upstreams['echo']}/kept"
    answer = ask(running.proxy, target, headers={"proxy-authorization": "x"})

    assert ("echo", "/kept") == (answer.seen["instance"], answer.seen["path"])
    assert set() == {"x-mesh-scope", "proxy-authorization"} & answer.seen["headers"].keys()


def test_options_of_the_whole_server_meet_no_rule(running: Running) -> None:
    """`OPTIONS *` has no path that a rule could match: it is answered here, and never falls through to the outside."""
    for host in ("echo", "x.wild.org", f"127.0.0.1:{running.upstreams['echo']}"):
        answer = ask(running.proxy, "*", method="OPTIONS", headers={"host": host})

        assert 404 == answer.status, host


def test_unknown_host_under_registry_only(running: Running) -> None:
    """With REGISTRY_ONLY the same request gets 502, and services are served as before."""
    strict = attrs.evolve(running.record, outbound_policy="REGISTRY_ONLY")
    running.envoy.offer(from_scratch(running.snapshot, strict))
    try:
        ask_until(running.proxy, f"http://127.0.0.1:{running.upstreams['echo']}/kept", 502)
        assert 200 == ask(running.proxy, "http://echo/kept").status
    finally:
        running.envoy.offer(from_scratch(running.snapshot, running.record))
