"""Endpoints → EDS: at once, or once their names have been looked up."""

import pytest
from envoy.config.endpoint.v3 import endpoint_pb2

from agent.compiler.emit.endpoints import MAX_WEIGHTS, assignment, is_ip, looked_up, names_in
from agent.compiler.envoy_config import Lookup, XdsResource
from agent.compiler.ir import Endpoint


def _found(resource: XdsResource | None) -> list[tuple[str, int, int]]:
    assert resource is not None
    message = endpoint_pb2.ClusterLoadAssignment.FromString(resource.body)
    return [
        (
            e.endpoint.address.socket_address.address,
            e.endpoint.address.socket_address.port_value,
            e.load_balancing_weight.value,
        )
        for locality in message.endpoints
        for e in locality.lb_endpoints
    ]


LOOKUP = Lookup("c", (Endpoint("a.com", 80, 2), Endpoint("10.0.0.1", 81), Endpoint("b.com", 80)))


def test_names_of_a_lookup() -> None:
    """Addresses need no resolver."""
    assert frozenset({"a.com", "b.com"}) == names_in(LOOKUP)


def test_nothing_is_known_before_every_name_was_asked() -> None:
    """None, not an empty set: Envoy would take that for the truth."""
    assert looked_up(LOOKUP, {"a.com": ("10.0.0.2",)}) is None


def test_each_address_of_a_name_is_an_endpoint() -> None:
    """With the name's port and weight; a name without addresses has none."""
    made = looked_up(LOOKUP, {"a.com": ("10.0.0.2", "fd00::2"), "b.com": ()})

    assert [("10.0.0.2", 80, 2), ("fd00::2", 80, 2), ("10.0.0.1", 81, 1)] == _found(made)


def test_a_lookup_of_addresses_alone_is_complete() -> None:
    """Nothing has to be asked."""
    assert [("10.0.0.1", 80, 1)] == _found(looked_up(Lookup("c", (Endpoint("10.0.0.1", 80),)), {}))


def test_an_endpoint_listed_twice_counts_once() -> None:
    """Two names of one address are one endpoint."""
    made = looked_up(
        Lookup("c", (Endpoint("a.com", 80), Endpoint("b.com", 80))), {"a.com": ("::1",), "b.com": ("::1",)}
    )

    assert [("::1", 80, 1)] == _found(made)


def test_no_endpoints_make_an_empty_assignment() -> None:
    """A service without instances answers 503; it does not wait."""
    assert [] == _found(assignment("c", (), ()))


@pytest.mark.parametrize("small", [1, 2**31])
def test_weights_stay_within_what_envoy_adds_up(small: int) -> None:
    """A sum beyond 32 bits is scaled down with its proportions, and nobody is scaled to 0."""
    made = assignment("c", (Endpoint("10.0.0.1", 80, MAX_WEIGHTS), Endpoint("10.0.0.2", 80, small)), ())
    first, second = (weight for _, _, weight in _found(made))

    assert first + second <= MAX_WEIGHTS
    assert second >= 1
    assert small == 1 or abs(first / second - MAX_WEIGHTS / small) < 0.01


@pytest.mark.parametrize(
    ("text", "expected"), [("10.0.0.1", True), ("fd00::1", True), ("a.com", False), ("1a.2", False)]
)
def test_what_is_an_address(text: str, expected: bool) -> None:
    """Addresses have colons, or only digits and dots."""
    assert expected is is_ip(text)
