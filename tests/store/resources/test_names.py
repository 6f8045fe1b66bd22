"""What single values may look like."""

import pytest

from store.resources.names import (
    control_problem,
    duration_problem,
    header_name_problem,
    host_problem,
    hosts_overlap,
    is_cidr,
    is_ip,
    is_subdomain,
    regex_problem,
    unix_socket_problem,
)

LONG = ".".join(["a" * 63] * 4)  # 255 characters


@pytest.mark.parametrize(
    "host", ["a", "A-1.b", "a.", "*", "*.a", "*a.b", "*-a.b", "1.a", "1", "1.", "*" + "a" * 62, LONG]
)
def test_hosts_that_istio_takes_are_taken(host: str) -> None:
    """Short names, final dots, upper case and partial wildcards are hosts."""
    assert host_problem(host) is None


@pytest.mark.parametrize(
    "host",
    [
        "",
        ".",
        "a..b",
        "a_b",
        "-a",
        "a-",
        "a.*",
        "a*",
        "**",
        "*.*.a",
        "*.",
        "*-",
        "*--a",
        "*" + "a" * 63,
        "*.1",
        "*." + LONG[2:] + "a",
        "1.2.3.4",
        "a" * 64,
        LONG + "a",
        "é.com",
        "a b",
    ],
)
def test_hosts_that_istio_refuses_are_refused(host: str) -> None:
    """Empty labels, wildcards elsewhere than in front, numbers as last label, and what is no DNS name."""
    assert host_problem(host) is not None


def test_a_wildcard_may_have_to_stand_alone() -> None:
    """Gateways take `*.a` and not `*a`."""
    assert host_problem("*.a.com", partial=False) is None
    assert host_problem("*a.com", partial=False) is not None


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("a.com", "A.com", True), ("*.com", "a.com", True), ("*.com", "com", False), ("*.a.com", "*.com", True),
        ("*.a.com", "*.b.com", False), ("*", "x", True), ("*", "*.x", True), ("*a.com", "*.a.com", True),
        ("a", "b", False),
    ],
)  # fmt: skip
def test_hosts_overlap_when_a_name_could_be_for_both(one: str, other: str, overlap: bool) -> None:
    """In both directions."""
    assert overlap == hosts_overlap(one, other)
    assert overlap == hosts_overlap(other, one)


def test_addresses_and_ranges() -> None:
    """No zones, no leading zeros, and a range has a length."""
    assert ["1.2.3.4", "::1"] == [
        text for text in ("1.2.3.4", "::1", "fe80::1%e", "01.2.3.4", "a", "") if is_ip(text)
    ]
    assert ["1.2.3.4/8", "::/0"] == [
        text for text in ("1.2.3.4/8", "::/0", "1.2.3.4", "1.2.3.4/33", "a/8", "1.2.3.4/255.0.0.0") if is_cidr(text)
    ]


def test_names_of_resources() -> None:
    """DNS-1123 subdomains of up to 253 characters."""
    assert ["a.b-c"] == [text for text in ("a.b-c", "A", "a_b", "", "a.", "a" * 254) if is_subdomain(text)]


def test_header_names_and_values() -> None:
    """Tokens and request pseudo-headers; values without control characters but tab."""
    names = ("x-a", ":path", "a b", "", ":status", "a\r", "a:", "é")

    assert ["x-a", ":path"] == [name for name in names if header_name_problem(name) is None]
    assert ["a\tb", "é"] == [text for text in ("a\tb", "é", "a\nb", "a\0", "\x7f") if control_problem(text) is None]


def test_patterns_are_those_of_re2() -> None:
    """What Python takes and RE2 refuses is refused."""
    patterns = ("^(.*?;)?(user=jason)(;.*)?$", "a" * 1024, "(?=a)", "(a)\\1", "a" * 1025, "", "((a{100}){100}){100}")

    assert list(patterns[:2]) == [pattern for pattern in patterns if regex_problem(pattern) is None]


def test_timeouts_are_whole_milliseconds() -> None:
    """From 1 ms on, however long."""
    seconds = (0.001, 0.1, 5.0, 1e9 + 0.123, 0.0, -1.0, 0.0005, 0.0015)

    assert list(seconds[:4]) == [one for one in seconds if duration_problem(one) is None]


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("unix:///run/a.sock", True),
        ("unix://@abstract", True),
        ("unix://", False),
        ("unix://run/a.sock", False),
        ("unix:///run/", False),
        ("unix://@abstract/", False),
    ],
)
def test_unix_sockets(address: str, good: bool) -> None:
    """A socket is an absolute path or an abstract name, and no directory."""
    assert good is (unix_socket_problem(address) is None)
