"""What `tests/corpus/sidecar` cannot say of Sidecars: their kind, advice, what survives being written."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.codec import decode, encode
from store.diagnostic import render_path
from store.plan import classes_below, plan_of
from store.reader import read
from store.resources.egress_hosts import check_egress_hosts, check_egress_repeats
from store.resources.kinds import kind_by_word
from store.resources.sidecar import EgressListener, IngressListener, OutboundTrafficPolicy, Sidecar, check
from store.stand_in import placeholder

CORPUS = Path(__file__).parents[2] / "corpus" / "sidecar"


GOOD: list[Any] = [one.value for one in read((CORPUS / "good.yaml").read_bytes(), "good.yaml").documents]


@pytest.mark.parametrize("document", GOOD, ids=lambda document: document["metadata"]["name"])
def test_what_is_written_again_reads_as_the_same(document: Any) -> None:
    """A good document, understood and encoded, is understood as an equal resource."""
    resource, _ = decode(document)
    assert resource is not None

    assert (resource, decode(document)[1]) == decode(encode(resource))


def test_every_field_is_documented() -> None:
    """`meshctl fields` has something to say about each."""
    undocumented = [f"{cls.__name__}.{field.name}" for cls in classes_below(Sidecar) for field in plan_of(cls).fields
                    if not field.doc.meaning]  # fmt: skip

    assert [] == undocumented


def test_it_is_found_by_its_name_and_by_no_short_one() -> None:
    """kubectl has no short name for it, and an empty word names nothing."""
    kind = kind_by_word("Sidecars")

    assert kind is not None
    assert kind is kind_by_word("sidecar")
    assert kind.short == ""
    assert kind_by_word("") is None


def blank(cls: type) -> Any:
    return placeholder(cls)


def test_a_check_takes_what_stands_in_for_refused_values() -> None:
    """After a decode error the rest is judged, with placeholders: no rule fails on them."""
    sidecar = Sidecar(
        ingress=(blank(IngressListener),) * 2,
        egress=(blank(EgressListener), EgressListener(hosts=("\0",))),
        outbound_traffic_policy=blank(OutboundTrafficPolicy),
    )

    assert list(check(sidecar))


def test_files_and_no_secret_are_advised() -> None:
    """A Sidecar takes no secret, so that none is offered where a file is missing."""
    tls = {"mode": "MUTUAL"}
    spec = {"ingress": [{"port": {"number": 1, "protocol": "TLS"}, "tls": tls}]}
    meta = {"apiVersion": "networking.istio.io/v1", "kind": "Sidecar", "metadata": {"name": "x"}}
    said = [(one.expected, one.hint) for one in decode({**meta, "spec": spec})[1] if one.is_error]

    assert [("serverCertificate", None), ("privateKey", None), ("caCertificates", None)] == said


HOSTS = [
    (["*/*"], []),
    (["./*", "shop/*"], []),
    (["*/*", "~shop/*", "~/a.com"], []),
    (["~/*"], []),
    (["shop/a.com", "*/a.com"], []),
    (["shop/*", "shop/a.com"], ["ignored [1]"]),
    (["shop/a.com", "shop/*"], ["ignored [1]"]),
    (["~shop/*", "~shop/a.com"], ["ignored [1]"]),
    (["./*", "./*"], ["ignored [1]"]),
    (["./a.com", "bank/a.com"], ["ignored [1]"]),
    (["bank/*", "~./*", "./a.com"], ["ignored [2]"]),
    (["~bank/a.com", "~./a.com"], ["ignored [1]"]),
    (["*/*", "shop/*"], ["ignored "]),
    (["a.com", "shop/*", "b"], ["bad-host [0]", "bad-host [2]"]),
]


@pytest.mark.parametrize(("hosts", "expected"), HOSTS)
def test_hosts_that_add_nothing_are_told(hosts: list[str], expected: list[str]) -> None:
    """A host is named twice by itself or by `*` of its namespace; what is taken out is another list."""
    said = [*check_egress_hosts(hosts), *check_egress_repeats(hosts, "bank")]

    assert expected == [f"{one.code} {render_path(one.path)}" for one in said]


@given(st.lists(st.text(alphabet="*~./ab-", max_size=8)))
def test_any_text_is_judged(hosts: list[str]) -> None:
    """No text makes the check fail, and no host is refused twice."""
    refused = [one.path for one in (*check_egress_hosts(hosts), *check_egress_repeats(hosts, "a")) if one.is_error]

    assert len(set(refused)) == len(refused)
