"""The spelling of xDS names, which statistics, logs and Envoy's memory depend on."""

from agent.compiler import names


def test_clusters_are_named_as_istio_names_them() -> None:
    """`outbound|<port>|<subset>|<host>`."""
    assert "outbound|9080|v1|reviews" == names.cluster("reviews", 9080, "v1")
    assert "outbound|9080||reviews" == names.cluster("reviews", 9080, None)


def test_authorities_have_the_port_and_leave_out_80() -> None:
    """Port 80 may be left out, no other; every name comes with its port."""
    assert ("a:80", "b:80", "a", "b") == names.authorities(("a", "b"), 80)
    assert ("a:9080",) == names.authorities(("a",), 9080)


def test_ipv6_addresses_stand_in_brackets() -> None:
    """As RFC 3986 wants them, with and without a port."""
    assert "[fd00::1]:80" == names.authority("fd00::1", 80)
    assert ("[fd00::1]:80", "[fd00::1]") == names.authorities(("fd00::1",), 80)
    assert "10.0.0.1" == names.in_authority("10.0.0.1")
