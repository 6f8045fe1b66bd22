"""What the corpus cannot say of PeerAuthentication: how ports are kept, and what is written back."""

import pytest

from store.codec import Record, Source, decode, encode, pack, unpack
from store.diagnostic import render_path
from store.resources.kinds import KINDS
from store.resources.peer_authentication import MutualTLS, MutualTLSMode, PeerAuthentication

SELECTOR = {"matchLabels": {"app": "finance"}}


def document(**spec: object) -> dict[str, object]:
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "default"},
        "spec": spec,
    }


@pytest.mark.parametrize("port", [8080, "8080"])
def test_a_port_is_written_as_a_number_or_as_json_has_it(port: object) -> None:
    """The key of a mapping is a number in YAML and text in JSON; both are the same port, and stored as JSON has it."""
    resource, _ = decode(document(selector=SELECTOR, portLevelMtls={port: {"mode": "STRICT"}}))

    assert resource is not None
    assert isinstance(resource.spec, PeerAuthentication)
    assert {"8080": MutualTLS(MutualTLSMode.STRICT)} == resource.spec.port_level_mtls

    record = Record(encode(resource), Source("a.yaml", 1), 1, "1-0000")

    assert (resource, {"8080": {"mode": "STRICT"}}) == (
        decode(encode(resource))[0],
        unpack(pack(record)).document["spec"]["portLevelMtls"],  # type: ignore[index]
    )


@pytest.mark.parametrize("port", [-1, 2**32, 80.5, "x", "", " 80", True, None])
def test_what_is_no_number_is_no_port(port: object) -> None:
    """Such a key is refused where the mapping stands."""
    resource, said = decode(document(selector=SELECTOR, portLevelMtls={port: {"mode": "STRICT"}}))

    assert resource is None
    assert ["spec.portLevelMtls"] == [render_path(one.path) for one in said if one.is_error]


def test_no_port_said_is_not_an_empty_list_of_ports() -> None:
    """No port named differs from no port said: Istio refuses the first."""
    said = [decode(each)[1] for each in (document(selector=SELECTOR), document(selector=SELECTOR, portLevelMtls={}))]

    assert [[], ["missing-field"]] == [[one.code for one in each if one.is_error] for each in said]


def test_the_first_version_is_what_is_written() -> None:
    """All three versions are one schema."""
    assert "security.istio.io/v1beta1" == KINDS["PeerAuthentication"].api_version
    assert {"v1alpha3", "v1beta1", "v1"} == set(KINDS["PeerAuthentication"].versions)
