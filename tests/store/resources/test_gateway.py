"""What `tests/corpus/gateway` cannot say of Gateways: advice, what is not said twice, what survives being written."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.codec import decode, encode
from store.diagnostic import Diagnostic
from store.plan import classes_below, plan_of
from store.reader import read
from store.resources.gateway import Gateway, Server, ServerPort, check
from store.resources.names import dotted_host_problem
from store.resources.ports import KNOWN_PROTOCOLS, check_protocol, is_http, is_protocol, is_tls
from store.resources.server_tls import ServerTLSSettings, TLSCertificate, TLSMode, TLSProtocol
from store.stand_in import placeholder

CORPUS = Path(__file__).parents[2] / "corpus" / "gateway"
HTTPS = {"number": 443, "name": "https", "protocol": "HTTPS"}


def judge(server: dict[str, object]) -> tuple[Diagnostic, ...]:
    spec = {"servers": [{"hosts": ["a.com"], **server}]}
    meta = {"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": {"name": "x"}}
    return decode({**meta, "spec": spec})[1]


GOOD: list[Any] = [one.value for one in read((CORPUS / "good.yaml").read_bytes(), "good.yaml").documents]


@pytest.mark.parametrize("document", GOOD, ids=lambda document: document["metadata"]["name"])
def test_what_is_written_again_reads_as_the_same(document: Any) -> None:
    """A good document, understood and encoded, is understood as an equal resource."""
    resource, _ = decode(document)
    assert resource is not None

    assert (resource, decode(document)[1]) == decode(encode(resource))


def test_the_good_documents_write_every_field() -> None:
    """No field is missing from `good.yaml`: a field that the decoder forgets would be noticed."""
    text = (CORPUS / "good.yaml").read_text()
    names = {field.name: snake for cls in classes_below(Gateway) for field in plan_of(cls).fields
             for snake in [field.attribute]}  # fmt: skip

    assert [] == [name for name, snake in names.items() if f"{name}:" not in text and f"{snake}:" not in text]


def test_every_field_is_documented() -> None:
    """`meshctl fields` has something to say about each."""
    undocumented = [f"{cls.__name__}.{field.name}" for cls in classes_below(Gateway) for field in plan_of(cls).fields
                    if not field.doc.meaning]  # fmt: skip

    assert [] == undocumented


def blank(cls: type) -> Any:
    return placeholder(cls)


def test_a_check_takes_what_stands_in_for_refused_values() -> None:
    """After a decode error the rest is judged, with placeholders: no rule fails on them."""
    server = Server(port=blank(ServerPort), hosts=("\0",), bind="\0", tls=blank(ServerTLSSettings))

    assert list(check(Gateway(servers=(server, blank(Server)))))


TLS = st.builds(
    ServerTLSSettings,
    https_redirect=st.booleans(),
    mode=st.sampled_from(TLSMode),
    server_certificate=st.sampled_from(["", "/a"]),
    private_key=st.sampled_from(["", "/a"]),
    ca_certificates=st.sampled_from(["", "/a"]),
    ca_crl=st.sampled_from(["", "/a"]),
    credential_name=st.sampled_from(["", "a"]),
    credential_names=st.sampled_from([(), ("a",)]),
    ca_cert_credential_name=st.sampled_from(["", "a"]),
    tls_certificates=st.sampled_from([(), (TLSCertificate(),), (TLSCertificate("/a", "/a"),)]),
    min_protocol_version=st.sampled_from(TLSProtocol),
    max_protocol_version=st.sampled_from(TLSProtocol),
)


@given(TLS, st.sampled_from(sorted(KNOWN_PROTOCOLS)))
def test_no_finding_is_told_twice(tls: ServerTLSSettings, protocol: str) -> None:
    """Whatever TLS settings say, each finding has its own place or its own words."""
    gateway = Gateway(servers=(Server(port=ServerPort(443, protocol, "a"), hosts=("*",), tls=tls),))  # type: ignore[arg-type]
    said = [(one.code, one.path, one.message) for one in check(gateway)]

    assert len(set(said)) == len(said)


def test_a_missing_file_is_answered_with_both_ways_to_give_it() -> None:
    """Who has no file may have a secret."""
    said = {(one.expected, one.hint) for one in judge({"port": HTTPS, "tls": {"mode": "SIMPLE"}}) if one.is_error}

    hint = "or name a secret as credentialName"
    assert {("serverCertificate", hint), ("privateKey", hint)} == said


def test_a_certificate_on_a_plain_port_is_not_also_called_unused() -> None:
    """What is refused is not warned of."""
    port = {"number": 80, "name": "http", "protocol": "HTTP"}
    said = [one.code for one in judge({"port": port, "tls": {"privateKey": "/a"}})]

    assert ["conflict", "not-supported"] == sorted(said)


def test_a_protocol_that_nobody_knows_says_nothing_about_tls() -> None:
    """One mistake is one finding: whether TLS belongs there is not known."""
    said = [one.code for one in judge({"port": {**HTTPS, "protocol": "HTPS"}, "tls": {}}) if one.is_error]

    assert ["bad-value"] == said


def test_protocols_are_taken_in_any_case() -> None:
    """Istio reads them so."""
    assert is_http("grpc-Web")
    assert is_tls("Https")
    assert is_protocol("mongo")
    assert not is_tls("http")
    assert not is_http("https")
    assert not is_protocol("")


@pytest.mark.parametrize("protocol", ["HTTP", "http2", "gRPC"])
def test_what_hosts_serve_is_accepted_in_silence(protocol: str) -> None:
    """HTTP and its kin run."""
    assert [] == list(check_protocol(protocol))


@pytest.mark.parametrize("protocol", sorted(KNOWN_PROTOCOLS - {"HTTP", "HTTP2", "GRPC"}))
def test_what_hosts_do_not_serve_yet_is_said_and_not_refused(protocol: str) -> None:
    """The API knows it; that it does not run is a warning for who judges, an error for who applies."""
    assert ["not-supported"] == [one.code for one in check_protocol(protocol)]


@pytest.mark.parametrize("host", ["*", "a.com", "*.a.com", "A.com.", "a."])
def test_whole_names_may_be_listed(host: str) -> None:
    """A name with a dot, `*.name` and `*`; a final dot is one."""
    assert dotted_host_problem(host) is None


@pytest.mark.parametrize("host", ["", "a", "*a.com", "*-a.com", "a.*", "10.0.0.1", "a/b"])
def test_short_and_partial_names_may_not_be_listed(host: str) -> None:
    """Nobody says in which namespace a short name is; a partial wildcard is refused by Istio too."""
    assert dotted_host_problem(host)
