"""The agent's configuration: three sources, one table, every mistake with its place."""

import socket
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from agent import config
from agent.config import KEYS, AgentConfig, BadConfig, load, options

FULL = """\
host: vm-1
address: 10.0.0.11
bind: 127.0.0.1
gatewayBind: 0.0.0.0
labels: {istio: ingressgateway, example.org/tier: "1", empty: ""}
namespace: shop
etcd:
  endpoints: [http://10.0.0.1:2379, "http://[::1]:2379/"]
  prefix: /mesh/test
stateDir: /tmp/state
runDir: /tmp/run
outbound: {httpProxy: [127.0.0.1:15080, "[::1]:15080"], policy: REGISTRY_ONLY}
dns: {upstream: [/etc/resolv.conf, 10.0.0.2, 10.0.0.3:5353, "[::1]:53", "::1"]}
envoy: {path: /opt/envoy, concurrency: 4, drainTime: 1m30s, stopWithAgent: true}
"""


def load_text(tmp_path: Path, text: str, flags: dict[str, str] | None = None, **environ: str) -> AgentConfig:
    file = tmp_path / "agent.yaml"
    file.write_text(text)
    return load(file, flags or {}, environ)


def mistakes(tmp_path: Path, text: str, flags: dict[str, str] | None = None, **environ: str) -> list[str]:
    """Return `line:column message (expected) -> hint` of each mistake, in order."""
    with pytest.raises(BadConfig) as caught:
        load_text(tmp_path, text, flags, **environ)
    return [
        (f"{said.place.line}:{said.place.column} " if said.place else "")
        + said.message
        + (f" -> {said.hint}" if said.hint else "")
        for said in caught.value.diagnostics
    ]


def test_every_key_is_read(tmp_path: Path) -> None:
    """A file may say everything that the first version knows."""
    expected = AgentConfig(
        host="vm-1",
        address="10.0.0.11",
        bind="127.0.0.1",
        gateway_bind="0.0.0.0",
        labels={"istio": "ingressgateway", "example.org/tier": "1", "empty": ""},
        namespace="shop",
        etcd_endpoints=("http://10.0.0.1:2379", "http://[::1]:2379"),
        prefix="/mesh/test",
        state_dir=Path("/tmp/state"),
        run_dir=Path("/tmp/run"),
        http_proxy=(("127.0.0.1", 15080), ("::1", 15080)),
        outbound_policy="REGISTRY_ONLY",
        dns_upstream=("/etc/resolv.conf", "10.0.0.2", "10.0.0.3:5353", "[::1]:53", "::1"),
        envoy_path="/opt/envoy",
        envoy_concurrency=4,
        drain_seconds=90.0,
        stop_with_agent=True,
    )

    assert expected == load_text(tmp_path, FULL)


@pytest.mark.parametrize("text", ["", "# nothing\n", "labels:\netcd:\n", "{}"])
def test_nothing_said_means_defaults(tmp_path: Path, text: str) -> None:
    """An empty file, and keys without values, leave every default."""
    found = load_text(tmp_path, text, MESH_AGENT_HOST="vm-1", MESH_AGENT_ADDRESS="127.0.0.1")

    assert ("127.0.0.1", "127.0.0.1", {}) == (found.bind, found.gateway_bind, dict(found.labels))
    assert (("http://127.0.0.1:2379",), "/mesh/v1") == (found.etcd_endpoints, found.prefix)
    assert (Path("/var/lib/mesh"), Path("/run/mesh")) == (found.state_dir, found.run_dir)
    assert ((("127.0.0.1", 15080),), "ALLOW_ANY") == (found.http_proxy, found.outbound_policy)
    assert (("/etc/resolv.conf",), "default") == (found.dns_upstream, found.namespace)
    assert ("envoy", 15.0, False) == (found.envoy_path, found.drain_seconds, found.stop_with_agent)
    assert found.envoy_concurrency in (1, 2)


def test_no_file_means_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file at the usual place is read when it is there, and need not be."""
    monkeypatch.setattr(config, "DEFAULT_FILE", tmp_path / "agent.yaml")

    assert "default" == load(None, {"--host": "vm-1"}, {}).namespace

    (tmp_path / "agent.yaml").write_text("namespace: shop\n")

    assert "shop" == load(None, {"--host": "vm-1"}, {}).namespace


def test_a_file_that_was_asked_for_has_to_be_there(tmp_path: Path) -> None:
    """`--config` with a file that cannot be read is an error that names it."""
    with pytest.raises(BadConfig) as caught:
        load(tmp_path / "none.yaml", {}, {})

    assert f"error: {tmp_path}/none.yaml: cannot be read: No such file or directory" == str(caught.value)


def test_a_flag_beats_a_variable_which_beats_the_file(tmp_path: Path) -> None:
    """The nearer source wins, key by key, and takes the place of a whole list or mapping."""
    found = load_text(
        tmp_path,
        FULL,
        {"--host": "flag", "--label": "a=b,c="},
        MESH_AGENT_HOST="variable",
        MESH_AGENT_NAMESPACE="variable",
        MESH_AGENT_ETCD="http://a:1,http://b:2",
        MESH_AGENT_STATE_DIR="",
        MESH_AGENT_CONFIG="/elsewhere.yaml",
        PATH="/bin",
    )

    assert ("flag", "variable") == (found.host, found.namespace)
    assert {"a": "b", "c": ""} == dict(found.labels)
    assert ("http://a:1", "http://b:2") == found.etcd_endpoints
    assert Path("/tmp/state") == found.state_dir


def test_all_mistakes_are_named_with_their_lines(tmp_path: Path) -> None:
    """Nothing stops at the first mistake; each has its line and column, and a near name where there is one."""
    text = """\
host: VM_1
adress: 10.0.0.1
labels: {ok: true, "-x": a}
namespace: a.b
etcd:
  endpoints: [127.0.0.1:2379, "ftp://x:1", "http://x", "https://x:2379"]
  prefix: /mesh/
  httpProxy: [127.0.0.1:1]
outbound:
  httpProxy: [localhost:1, "127.0.0.1:0", "::1:15080"]
  policy: allow_all
stateDir: lib
dns: {upstream: []}
envoy: {concurrency: 0, drainTime: 15, stopWithAgent: "yes"}
"""
    expected = [
        "1:7 host: `VM_1` is not a host name",
        "2:1 adress: there is no such key -> did you mean `address`?",
        "3:14 labels.ok: `true` is not a string -> write it in quotes",
        "3:20 labels.-x: `-x` is not a label's name",
        "4:12 namespace: `a.b` is not a namespace",
        "6:15 etcd.endpoints[0]: `127.0.0.1:2379` is not a URL -> did you mean `http://127.0.0.1:2379`?",
        "6:31 etcd.endpoints[1]: `ftp://x:1` is not the URL of an etcd server",
        "6:44 etcd.endpoints[2]: `http://x` has no port",
        "6:56 etcd.endpoints[3]: TLS to etcd (`https://`) is not supported yet -> leave it out",
        "7:11 etcd.prefix: `/mesh/` is not a prefix",
        "8:3 etcd.httpProxy: there is no such key -> did you mean `outbound.httpProxy`?",
        "10:15 outbound.httpProxy[0]: `localhost:1` is not an address and a port",
        "10:28 outbound.httpProxy[1]: `127.0.0.1:0` has no port",
        "10:43 outbound.httpProxy[2]: `::1:15080` is not an address and a port",
        "11:11 outbound.policy: `allow_all` is not a policy -> did you mean `ALLOW_ANY`?",
        "12:11 stateDir: `lib` is a relative path -> " + f"did you mean `{Path.cwd() / 'lib'}`?",
        "13:17 dns.upstream: is empty",
        "14:22 envoy.concurrency: `0` is not a number of threads",
        "14:36 envoy.drainTime: `15` is not a duration -> did you mean `15s`?",
        "14:55 envoy.stopWithAgent: `yes` is neither true nor false",
    ]

    assert expected == mistakes(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("serviceAccount: a\n", "1:1 serviceAccount: not supported yet -> leave it out"),
        ("locality: a/b\n", "1:1 locality: not supported yet -> leave it out"),
        ("capture: nftables\n", "1:1 capture: not supported yet -> leave it out"),
        ("ports: {metrics: 1}\n", "1:1 ports: not supported yet -> leave it out"),
        ("dns: {listen: [127.0.0.1:53]}\n", "1:7 dns.listen: not supported yet -> leave it out"),
        ("dns: off\n", "1:6 dns: `off` is not supported yet -> leave it out"),
        ("outbound: {httpProxy: off}\n", "1:23 outbound.httpProxy: `off` is not supported yet -> leave it out"),
        ("etcd: {password-file: /x}\n", "1:8 etcd.password-file: not supported yet -> leave it out"),
        ("etcd: {user: x}\n", "1:8 etcd.user: not supported yet -> leave it out"),
    ],
)
def test_what_does_not_work_yet_is_refused_by_name(tmp_path: Path, text: str, expected: str) -> None:
    """A key of the design that this version does not do is not passed over in silence."""
    assert [expected] == mistakes(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- a\n", "1:1 is not a mapping"),
        ("etcd: 5\n", "1:7 etcd: is not a mapping"),
        ("labels: [a]\n", "1:9 labels: is not a mapping"),
        ("outbound: {httpProxy: 127.0.0.1:1}\n", "1:23 outbound.httpProxy: is not a list -> write [\"127.0.0.1:1\"]"),
        ("dns: {upstream: [1.1.1.1, 1.1.1.1]}\n", "1:17 dns.upstream: `1.1.1.1` is there twice"),
        ("host: vm-1\n---\nhost: vm-2\n", "3:1 one document too many -> leave it out"),
        ("host: [a]\n", "1:7 host: a list is not a string"),
        ("host: 12\n", "1:7 host: `12` is not a string -> write it in quotes"),
        ("host: VM-1\n", "1:7 host: `VM-1` is not a host name -> did you mean `vm-1`?"),
        ("address: 0.0.0.0\n", "1:10 address: `0.0.0.0` is no address that peers could reach"),
        ("1: a\n", "1:1 1: there is no such key"),
    ],
)
def test_wrong_shapes(tmp_path: Path, text: str, expected: str) -> None:
    """A value of the wrong kind is refused where it stands."""
    assert [expected] == mistakes(tmp_path, text)


def test_broken_yaml_is_one_of_the_mistakes(tmp_path: Path) -> None:
    """A file that is no YAML is reported with its line, beside what is wrong elsewhere."""
    first, second = mistakes(tmp_path, "host: vm-1\netcd: {prefix: [\n", {"--host": "A b"})

    assert first.split(" ")[0].count(":") == 1
    assert "--host: `A b` is not a host name" == second


def test_flags_and_variables_are_named_in_their_mistakes(tmp_path: Path) -> None:
    """What is wrong on the command line or in the environment names the flag or the variable."""
    expected = [
        "MESH_AGENT_ADDRES: there is no such setting -> did you mean `MESH_AGENT_ADDRESS`?",
        "MESH_AGENT_CAPTURE: not supported yet -> leave it out",
        "MESH_AGENT_ETCD_CA: not supported yet -> leave it out",
        "MESH_AGENT_DRAIN_TIME: `soon` is not a duration",
        "--label: `a` has no `=`",
        "--http-proxy: `off` is not supported yet -> leave it out",
        "--outbound-policy: `any` is not a policy",
        "--stop-with-agent: `maybe` is neither true nor false",
        "--dns-upstream: `resolv.conf` is not a resolver",
    ]
    flags = {
        "--label": "a",
        "--http-proxy": "off",
        "--outbound-policy": "any",
        "--stop-with-agent": "maybe",
        "--dns-upstream": "resolv.conf",
    }
    environ = {
        "MESH_AGENT_ADDRES": "10.0.0.1",
        "MESH_AGENT_CAPTURE": "none",
        "MESH_AGENT_ETCD_CA": "/ca",
        "MESH_AGENT_DRAIN_TIME": "soon",
    }

    assert expected == mistakes(tmp_path, "", flags, **environ)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("15s", 15.0), ("500ms", 0.5), ("1m30s", 90.0), ("1.5h", 5400.0), ("0s", 0.0)],
)
def test_durations(tmp_path: Path, text: str, expected: float) -> None:
    """Durations are written with units and read as seconds."""
    assert expected == load_text(tmp_path, f"host: a\nenvoy: {{drainTime: {text}}}\n").drain_seconds


@pytest.mark.parametrize("text", ["''", "-1s", "1", "1d", "s", "1s1", "one", "[]", "true"])
def test_no_durations(tmp_path: Path, text: str) -> None:
    """Anything else is no duration."""
    (said,) = mistakes(tmp_path, f"envoy: {{drainTime: {text}}}\n")

    assert "is not a duration" in said


def test_bind_is_the_address_where_that_is_local(tmp_path: Path) -> None:
    """An address that is not this machine's own (NAT) leads to binding all addresses; gateways bind the same."""
    local = load_text(tmp_path, "{host: a, address: 127.0.0.9}")
    foreign = load_text(tmp_path, "{host: a, address: 192.0.2.77}")
    foreign_six = load_text(tmp_path, "{host: a, address: '2001:db8::77'}")

    assert ("127.0.0.9", "127.0.0.9") == (local.bind, local.gateway_bind)
    assert ("0.0.0.0", "0.0.0.0") == (foreign.bind, foreign.gateway_bind)
    assert "::" == foreign_six.bind


def test_host_and_address_default_to_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host is the machine's name in lower case; one that cannot be a host's name has to be chosen."""
    monkeypatch.setattr(socket, "gethostname", lambda: "VM-7.example.com")
    found = load_text(tmp_path, "")

    assert "vm-7.example.com" == found.host
    assert found.bind == found.address != "0.0.0.0"

    monkeypatch.setattr(socket, "gethostname", lambda: "my_vm")

    assert ["host: the machine's name `my_vm` cannot be this host's -> set `host`"] == mistakes(tmp_path, "")


def test_every_key_is_a_flag(tmp_path: Path) -> None:
    """The command line is made from the table, and what it collects is what `load` takes."""
    seen: list[dict[str, str]] = []

    @click.command()
    @options
    @click.option("--config")
    def command(config: str | None, flags: dict[str, str]) -> None:
        seen.append(flags)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(command, arguments, catch_exceptions=False)

    run("--host", "a", "--label", "a=b", "--label", "c=d", "--etcd", "http://a:1,http://b:1", "--stop-with-agent")
    run("--no-stop-with-agent", "--config", "x")
    help_text = run("--help").output

    assert [
        {"--host": "a", "--label": "a=b,c=d", "--etcd": "http://a:1,http://b:1", "--stop-with-agent": "true"},
        {"--stop-with-agent": "false"},
    ] == seen
    assert [] == [setting.flag for setting in KEYS if setting.flag not in help_text]
    assert [] == [setting.variable for setting in KEYS if setting.variable not in help_text]
    assert "a" == load_text(tmp_path, FULL, seen[0]).host


def test_the_exception_shows_every_mistake(tmp_path: Path) -> None:
    """Printed, the exception is a line a mistake: its place, what was expected, and what to do."""
    text = """\
hots: a
envoy: {path: ''}
etcd: {endpoints: [http://x], zzz: 1}
outbound: {policy: any, httpProxy: 5}
dns: 5
labels: [a]
"""
    with pytest.raises(BadConfig) as caught:
        load_text(tmp_path, text, {}, MESH_AGENT_OUTBOUND_POLICY="allow_all")

    expected = [
        ":1:1: error: hots: there is no such key; did you mean `host`?",
        ":2:15: error: envoy.path: is empty (expected a string with something in it)",
        ":3:20: error: etcd.endpoints[0]: `http://x` has no port (expected a port from 1 to 65535 after the last `:`)",
        ":3:31: error: etcd.zzz: there is no such key (expected one of endpoints, prefix)",
        ":4:20: error: outbound.policy: `any` is not a policy (expected ALLOW_ANY or REGISTRY_ONLY)",
        ":4:36: error: outbound.httpProxy: is not a list (expected a list such as [a, b])",
        ":5:6: error: dns: is not a mapping (expected a mapping with upstream)",
        ":6:9: error: labels: is not a mapping (expected a mapping such as {key: value})",
        "error: MESH_AGENT_OUTBOUND_POLICY: `allow_all` is not a policy (expected ALLOW_ANY or REGISTRY_ONLY); "
        "did you mean `ALLOW_ANY`?",
    ]

    assert expected == str(caught.value).replace(str(tmp_path / "agent.yaml"), "").split("\n")
