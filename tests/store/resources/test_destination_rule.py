"""What the documents of `tests/corpus/destinationrule` cannot say of DestinationRules: values, hints, odd instances."""

import typing
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.codec import decode, encode
from store.diagnostic import NOT_SUPPORTED, Diagnostic
from store.plan import plan_of
from store.reader import read
from store.resources.client_tls import ClientTLSSettings
from store.resources.connection_pool import ConnectionPoolSettings, TCPSettings
from store.resources.destination_rule import DestinationRule, Subset, TrafficPolicy, check
from store.resources.fields import Double, Duration, Int32, Uint32, Uint64
from store.resources.load_balancer import (
    ConsistentHashLB,
    LoadBalancerSettings,
    MagLev,
    RingHash,
    SimpleLB,
    WarmupConfiguration,
    check_load_balancer,
)
from store.resources.locality import Distribute, LocalityLoadBalancerSetting, check_locality
from store.resources.outlier_detection import OutlierDetection

CORPUS = Path(__file__).parents[2] / "corpus" / "destinationrule"


def decoded(spec: object) -> tuple[DestinationRule, tuple[Diagnostic, ...]]:
    metadata = {"name": "r"}
    document = {"apiVersion": "networking.istio.io/v1", "kind": "DestinationRule", "metadata": metadata, "spec": spec}
    resource, diagnostics = decode(document)
    assert resource is not None, diagnostics
    assert isinstance(resource.spec, DestinationRule)
    return resource.spec, tuple(diagnostics)


def policy(**blocks: object) -> TrafficPolicy:
    """Return the trafficPolicy of a document with *blocks*, in JSON spelling."""
    found = decoded({"host": "a", "trafficPolicy": blocks})[0].traffic_policy
    assert found is not None
    return found


@pytest.mark.parametrize("file", ["good.yaml", "old.yaml"])
def test_a_rule_that_is_written_reads_back_as_itself(file: str) -> None:
    """decode(encode(r)) == r for every document that has no error, and then nothing is old any more."""
    documents = read((CORPUS / file).read_bytes(), file).documents
    resources = [resource for document in documents if (resource := decode(document.value)[0]) is not None]

    assert len(resources) >= 9
    for resource in resources:
        again, diagnostics = decode(encode(resource))

        assert resource == again
        assert {said.code for said in diagnostics} <= {NOT_SUPPORTED, "old-spelling"}
        assert not [said for said in diagnostics if said.code == "old-spelling" and "LEAST_CONN" not in said.message]


def test_what_is_not_written_has_the_defaults_of_the_api() -> None:
    """Unset differs from zero where the API has wrappers and messages, and nowhere else."""
    assert TrafficPolicy(connection_pool=ConnectionPoolSettings(tcp=TCPSettings())) == policy(
        connectionPool={"tcp": {}}
    )
    assert TrafficPolicy(outlier_detection=OutlierDetection()) == policy(outlierDetection={})
    assert TrafficPolicy(tls=ClientTLSSettings()) == policy(tls={"mode": 0, "sni": "", "subjectAltNames": []})
    assert OutlierDetection() != policy(outlierDetection={"consecutive5xxErrors": 0}).outlier_detection


def test_errors_counted_in_2018_under_http_are_all_5xx() -> None:
    """`outlierDetection.http.consecutiveErrors` is consecutive5xxErrors, the flat one gateway errors."""
    nested = {"http": {"consecutiveErrors": 7, "interval": "5m"}}

    assert (
        OutlierDetection(consecutive_5xx_errors=Uint32(7), interval=Duration(300))
        == policy(outlierDetection=nested).outlier_detection
    )
    assert (
        OutlierDetection(consecutive_gateway_errors=Uint32(7))
        == policy(outlierDetection={"consecutiveErrors": 7}).outlier_detection
    )


def test_old_ways_of_the_load_balancer_become_todays() -> None:
    """httpHeader, minimumRingSize and warmupDurationSecs are read as what took their place."""
    expected = LoadBalancerSettings(
        consistent_hash=ConsistentHashLB(http_header_name="x-user", ring_hash=RingHash(Uint64(9))),
        warmup=WarmupConfiguration(Duration(60)),
    )
    given = {"consistentHash": {"httpHeader": "x-user", "minimumRingSize": 9}, "warmupDurationSecs": "1m"}

    assert expected == policy(loadBalancer=given).load_balancer


def test_a_number_names_a_load_balancer_by_its_place_in_the_api() -> None:
    """0 to 5 are UNSPECIFIED, LEAST_CONN, RANDOM, PASSTHROUGH, ROUND_ROBIN, LEAST_REQUEST."""
    found = [policy(loadBalancer={"simple": n}).load_balancer for n in range(6)]

    assert list(SimpleLB) == [each.simple for each in found if each is not None]


def maglev(size: int) -> list[Diagnostic]:
    hashed = ConsistentHashLB(use_source_ip=True, maglev=MagLev(Uint64(size)))
    return list(check_load_balancer(LoadBalancerSettings(consistent_hash=hashed)))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 65537, 4999999])
def test_a_prime_number_below_the_limit_is_the_size_of_a_table(size: int) -> None:
    """Primes are taken, and 1, which Envoy counts among them."""
    assert [] == maglev(size)


@pytest.mark.parametrize("size", [0, 4, 9, 65536, 2237 * 2237 - 2, 5000011, 2**64 - 1])
def test_no_other_number_is_the_size_of_a_table(size: int) -> None:
    """Everything else is refused, at once however large it is."""
    assert ["bad-value"] == [said.code for said in maglev(size)]


@pytest.mark.parametrize(("size", "hint"), [(65536, "65537"), (4, "5"), (4999998, "4999999")])
def test_the_next_prime_number_is_named(size: int, hint: str) -> None:
    """Whoever wrote a power of two can paste the prime after it."""
    (said,) = maglev(size)

    assert f"the next prime number is {hint}" == said.hint


def test_a_name_of_a_subset_that_is_no_label_comes_with_one_that_is() -> None:
    """`1.0` is what people write first; `1-0` is what they can."""
    names = ("v1.0", "a_b.", "é", "x" * 70)
    hints = [said.hint for said in check(DestinationRule("a", subsets=tuple(Subset(name) for name in names)))]

    assert ['write "v1-0", here and in routes', 'write "a-b", here and in routes', None,
            f'write "{"x" * 63}", here and in routes'] == hints  # fmt: skip


ORIGINS = [
    (["eu/west", "eu/*"], []),
    (["eu/west/a", "eu/west/*", "eu/*", "*"], []),
    (["eu/a", "us/a", "as"], []),
    (["eu", "eu"], [1]),
    (["eu", "eu/*"], [1]),
    (["eu/*", "eu/west/a"], [1]),
    (["eu/west", "eu"], [1]),
    (["eu/west/a", "eu/west"], [1]),
    (["*", "eu", "eu/*"], [1, 2]),
    (["eu/west/a/b", "eu/west/a/c"], []),
]


@pytest.mark.parametrize(("origins", "refused"), ORIGINS)
def test_an_origin_that_an_earlier_one_takes_is_refused(origins: list[str], refused: list[int]) -> None:
    """A wildcard after what is inside it is the rest; what comes after its wildcard is never reached."""
    distribute = tuple(Distribute(origin, {"eu": Uint32(100)}) for origin in origins)
    said = list(check_locality(LocalityLoadBalancerSetting(distribute=distribute)))

    assert [("distribute", i, "from") for i in refused] == [one.path for one in said]


def test_ten_thousand_origins_are_judged_at_once() -> None:
    """Overlaps are looked up, not compared each with each."""
    distribute = tuple(Distribute(f"r{n}/z/s", {"*": Uint32(100)}) for n in range(10_000))

    assert [] == list(check_locality(LocalityLoadBalancerSetting(distribute=distribute)))


# --- odd instances: what a check sees after a decode error can be anything of the right types ----------------

_texts = st.sampled_from(["", "\0", "*", "a", "a.b", "/", "*/*", "é", "10.0.0.1", "CONNECT", "eu/*"])
_SCALARS: Mapping[object, st.SearchStrategy[Any]] = {
    str: _texts,
    bool: st.booleans(),
    Int32: st.integers(-(2**31), 2**31 - 1).map(Int32),
    Uint32: st.integers(0, 2**32 - 1).map(Uint32),
    Uint64: st.integers(0, 2**64 - 1).map(Uint64),
    Duration: st.sampled_from([-1.0, 0.0, 1e-9, 0.001, 1.0, 9e9]).map(Duration),
    Double: st.floats(-1e9, 1e9).map(Double),
}


def anything(of: Any) -> st.SearchStrategy[Any]:
    """Return instances of *of*, a type of a field: right in its types and wrong in everything else."""
    origin = typing.get_origin(of)
    if origin is tuple:
        return st.lists(anything(typing.get_args(of)[0]), max_size=2).map(tuple)
    if origin is not None:
        return st.dictionaries(_texts, anything(typing.get_args(of)[1]), max_size=2)
    if attrs.has(of):
        build: Callable[..., Any] = of
        fields = plan_of(of).fields
        return st.deferred(
            lambda: st.builds(
                build, **{f.attribute: st.none() | anything(f.type) if f.optional else anything(f.type) for f in fields}
            )
        )
    return st.sampled_from(of) if issubclass(of, StrEnum) else _SCALARS[of]


def stands(path: tuple[str | int, ...], of: Any) -> bool:
    """Whether *path* leads through fields of *of* in their JSON names."""
    if not path:
        return True
    step, *rest = path
    if typing.get_origin(of) is tuple:
        return isinstance(step, int) and stands(tuple(rest), typing.get_args(of)[0])
    if typing.get_origin(of) is not None:
        return isinstance(step, str) and stands(tuple(rest), typing.get_args(of)[1])
    field = plan_of(of).by_name.get(str(step)) if attrs.has(of) else None
    return field is not None and stands(tuple(rest), field.type)


@given(anything(DestinationRule))
def test_a_check_says_something_of_fields_that_exist_whatever_it_sees(rule: DestinationRule) -> None:
    """It raises never, and its paths are those of documents, in today's spelling."""
    said = list(check(rule))

    assert [] == [one.path for one in said if not stands(tuple(one.path), DestinationRule)]
