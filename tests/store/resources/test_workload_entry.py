"""What a workload may say of itself beside `tests/corpus/workloadentry`: the limits of Istio's schema."""

import pytest

from store.diagnostic import render_path
from store.resources.fields import Uint32
from store.resources.workload_entry import WorkloadEntry, check


def judge(entry: WorkloadEntry) -> list[str]:
    return [f"{said.code} {render_path(said.path)}" for said in check(entry) if said.is_error]


def ports(count: int) -> dict[str, Uint32]:
    return {f"p{i}": Uint32(80) for i in range(count)}


def labels(count: int) -> dict[str, str]:
    return {f"l{i}": "x" for i in range(count)}


LONGEST_NAME = ".".join(["a" * 63] * 3 + ["a" * 62])


def test_what_is_as_long_as_it_may_be_is_fine() -> None:
    """Every limit itself is allowed; a name in DNS ends before an address does."""
    full = WorkloadEntry(
        address=LONGEST_NAME,
        ports={**ports(127), "a" * 63: Uint32(65535)},
        labels=labels(256),
        network="n" * 2048,
        locality="l" * 2048,
        weight=Uint32(2**32 - 1),
        service_account="s" * 253,
    )

    assert [] == judge(full)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (WorkloadEntry("unix:///" + "a" * 249), "limit address"),
        (WorkloadEntry("10.0.0.1", ports=ports(129)), "limit ports"),
        (WorkloadEntry("10.0.0.1", labels=labels(257)), "limit labels"),
        (WorkloadEntry("10.0.0.1", network="n" * 2049), "limit network"),
        (WorkloadEntry("10.0.0.1", locality="l" * 2049), "limit locality"),
        (WorkloadEntry("10.0.0.1", service_account="s" * 254), "limit serviceAccount"),
        (WorkloadEntry("10.0.0.1", ports={"a" * 64: Uint32(80)}), f"bad-value ports.{'a' * 64}"),
    ],
)
def test_one_more_is_refused_where_it_stands(entry: WorkloadEntry, expected: str) -> None:
    """And it is said once."""
    assert [expected] == judge(entry)


@pytest.mark.parametrize(
    ("address", "hint"),
    [
        ("10.0.0.1:80", 'write address: "10.0.0.1"; the port belongs into "ports"'),
        ("[fd00::1]:80", 'write address: "fd00::1"; the port belongs into "ports"'),
        ("a.com:80", 'write address: "a.com"; the port belongs into "ports"'),
        ("a_b:80", None),
        ("http://a.com", None),
    ],
)
def test_a_port_in_the_address_is_shown_its_place(address: str, hint: str | None) -> None:
    """It is what people write who come from other proxies."""
    (refused,) = check(WorkloadEntry(address))

    assert ("bad-host", hint) == (refused.code, refused.hint)
