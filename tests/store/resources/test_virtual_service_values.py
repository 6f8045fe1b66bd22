"""What single values of a VirtualService may be, where a table or every combination says more than a document."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.codec import decode, encode
from store.diagnostic import Diagnostic, render_path
from store.reader import read
from store.resources.direct_response import HTTPBody, HTTPDirectResponse, check_direct_response
from store.resources.fields import Bytes, Double, Int32, Uint32
from store.resources.header_operations import HeaderOperations, Headers, check_headers
from store.resources.http_fault import GRPC_STATUSES, Abort, HTTPFaultInjection, Percent, check_fault
from store.resources.http_retry import RETRY_POLICIES, HTTPRetry, check_retry
from store.resources.http_route import Destination, HTTPRoute, HTTPRouteDestination
from store.resources.names import hosts_overlap
from store.resources.sni import HostSet, is_outbound_sni
from store.resources.virtual_service import VirtualService, check

CORPUS = Path(__file__).parents[2] / "corpus" / "virtualservice"


def shown(said: Iterable[Diagnostic]) -> list[str]:
    return [f"{one.level} {one.code} {render_path(one.path)}" for one in said]


VALUES = [
    "",
    "x",
    "100%%",
    "%A%",
    "a %A% b%%",
    "%REQ(x-a)%",
    "%A( x )%",
    "%A(x) %",
    '%A(["a", "b\\"c"])%',
    "%%%A%",
    "é",
]
NO_VALUES = ["%", "a%", "%%%", "%A", "%A(", "%A(x", "%A(x)", "%A(x)y%", '%A(["a" "b"])%', '%A(["a"]%', "%A%%", "a\nb"]


@pytest.mark.parametrize("value", VALUES)
def test_header_values_may_have_variables(value: str) -> None:
    """Text, doubled percent signs and closed variables are values."""
    assert [] == shown(check_headers(Headers(request=HeaderOperations(set={"a": value}))))


@pytest.mark.parametrize("value", NO_VALUES)
def test_variables_in_header_values_are_closed(value: str) -> None:
    """A percent sign that begins nothing, a variable that does not end and control characters are refused."""
    assert ["error bad-value response.add.a"] == shown(
        check_headers(Headers(response=HeaderOperations(add={"a": value})))
    )


@given(st.text('%()[]"\\, aX', max_size=12))
def test_header_values_are_judged_in_no_time(value: str) -> None:
    """Whatever is written, a hundred times over too."""
    list(check_headers(Headers(request=HeaderOperations(set={"a": value * 100}))))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (HTTPBody(string="x" * 102_400), []),
        (HTTPBody(string="x" * 102_401), ["warning limit body"]),
        (HTTPBody(string="é" * 60_000), ["warning limit body"]),
        (HTTPBody(bytes=Bytes(b"x" * 1_048_576)), ["warning limit body"]),
        (HTTPBody(bytes=Bytes(b"x" * 1_048_577)), ["error limit body"]),
        (HTTPBody(), []),
    ],
)
def test_bodies_have_a_size(body: HTTPBody, expected: list[str]) -> None:
    """More than 100 kB is warned of, more than 1 MB refused; bytes count, not characters."""
    assert expected == shown(check_direct_response(HTTPDirectResponse(Uint32(200), body)))


@pytest.mark.parametrize("name", GRPC_STATUSES)
def test_grpc_statuses_have_names(name: str) -> None:
    """All seventeen, by name; their numbers are refused with the name as hint."""
    good, number = Abort(grpc_status=name, percentage=Percent(Double(1))), str(GRPC_STATUSES.index(name))
    (said,) = check_fault(HTTPFaultInjection(abort=Abort(grpc_status=number, percentage=Percent(Double(1)))))

    assert [] == shown(check_fault(HTTPFaultInjection(abort=good)))
    assert f'write "{name}"' == said.hint


def test_every_policy_of_retries_is_known() -> None:
    """All of them together, and codes that are registered."""
    every = ",".join([*sorted(RETRY_POLICIES), "100", "226", "308", "418", "425", "451", "511"])

    assert [] == shown(check_retry(HTTPRetry(Int32(1), retry_on=every)))
    for word in ("419", "427", "499", "509", "5XX", "600", "٥٠٣"):
        assert ["error bad-value retryOn"] == shown(check_retry(HTTPRetry(Int32(1), retry_on=word)))


LABEL = st.sampled_from(("a", "b", "A", "bb"))
NAME = st.lists(LABEL, min_size=1, max_size=3).map(".".join)
HOST = st.builds(lambda star, name: f"{star}{name}", st.sampled_from(("", "*.", "*", "*-")), NAME)
HOSTS = st.lists(HOST | st.just("*"), max_size=6)


@given(HOSTS)
def test_hosts_overlap_as_each_with_each(hosts: list[str]) -> None:
    """Exactly the hosts that overlap one before them are named, as if each had been compared with each."""
    rule = HTTPRoute(route=(HTTPRouteDestination(Destination("a")),))
    said = [one.path[1] for one in check(VirtualService(tuple(hosts), ("edge",), (rule,))) if one.code == "duplicate"]

    assert [i for i in range(len(hosts)) if any(hosts_overlap(hosts[i], each) for each in hosts[:i])] == said


@given(HOSTS, HOST)
def test_what_lies_inside_hosts(hosts: list[str], name: str) -> None:
    """A name lies inside when one host is it, or a wildcard that ends what it ends with."""
    lower = [host.lower() for host in hosts]
    text = name.lower().removeprefix("*")
    inside = name.lower() in lower or any(host[0] == "*" and text.endswith(host[1:]) for host in lower)

    assert inside == HostSet(hosts).covers(name)


def test_names_between_networks() -> None:
    """`outbound_.<port>_.<subset>_.<host>`, the subset may be empty."""
    good = ["outbound_.80_._.a.com", "outbound_.80_.v1_.a", "outbound_.9080_._.*.a.com"]
    bad = ["outbound_.80_.a.com", "outbound_.x_._.a", "outbound_.80_._.", "outbound_.80_._.a_b", "inbound_.80_._.a"]

    assert good == [name for name in good + bad if is_outbound_sni(name)]


@pytest.mark.parametrize("file", sorted(CORPUS.glob("*.yaml")), ids=lambda file: file.name)
def test_what_is_accepted_reads_back_as_itself(file: Path) -> None:
    """decode(encode(r)) == r for every document of the corpus without error, whatever its spelling."""
    for document in read(file.read_bytes(), file.name).documents:
        resource, _ = decode(document.value)
        if resource is not None:
            again, said = decode(encode(resource))

            assert resource == again
            assert "old-spelling" not in {one.code for one in said if one.path[-2:-1] != ("gateways",)}
