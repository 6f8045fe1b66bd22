"""The bootstrap: deterministic bytes here; that a real Envoy takes it is in `test_process.py`."""

import json

from agent.envoy.bootstrap import BOOTSTRAP_VERSION, BootstrapInput, bootstrap, render

GIVEN = BootstrapInput(host="vm-1", ads_socket="/run/m/ads.sock", admin_socket="/run/m/admin.sock", concurrency=2)


def test_the_same_input_gives_the_same_bytes() -> None:
    """Rendering is deterministic, and the bytes say what the data says."""
    assert render(GIVEN) == render(GIVEN)
    assert bootstrap(GIVEN) == json.loads(render(GIVEN))


def test_the_node_is_the_host() -> None:
    """The ADS server knows its Envoy by the host's name, and a running Envoy can tell its bootstrap version."""
    node = bootstrap(GIVEN)["node"]

    assert {"id": "vm-1", "cluster": "mesh", "metadata": {"bootstrapVersion": BOOTSTRAP_VERSION}} == node


def test_a_name_that_yaml_would_misread_stays_a_name() -> None:
    """A host called `n` is not the boolean false."""
    given = BootstrapInput(host="n", ads_socket="/a", admin_socket="/b", concurrency=1)

    assert "n" == json.loads(render(given))["node"]["id"]


def test_nothing_listens_on_tcp() -> None:
    """Admin and ADS are unix sockets, admin for the owner only."""
    text = render(GIVEN).decode()

    assert "socket_address" not in text
    assert 0o600 == json.loads(text)["admin"]["address"]["pipe"]["mode"]
