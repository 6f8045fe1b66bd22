"""`meshctl` as its users run it: the real command and a real etcd, and for `--wait` a real agent with its Envoy."""

import json
import re
import signal
import socket
import time
from collections.abc import Callable, Sequence

import pytest
import trio

from store.etcd.client import Etcd
from store.host import HostRecord, HostStatus, pack
from store.keys import Keys
from store.resources.fields import Key
from tests.e2e.meshctl import Meshctl
from tests.hosts import Host

SERVICE = """apiVersion: networking.istio.io/v1alpha3
kind: ServiceEntry
metadata: {name: reviews}
spec:
  hosts: [reviews]
  ports: [{number: 9080, name: http, protocol: HTTP}]
  resolution: STATIC
  endpoints: [{address: 127.0.0.1, labels: {version: v1}}]
"""
RULE = """apiVersion: networking.istio.io/v1alpha3
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews]
  http:
  - route:
    - destination: {host: reviews}
"""
GATEWAY = """apiVersion: networking.istio.io/v1alpha3
kind: Gateway
metadata: {name: %s}
spec:
  selector: {role: %s}
  servers:
  - port: {number: %d, name: http, protocol: HTTP}
    hosts: ["*"]
"""


def pick(items: object, *names: str) -> list[tuple[object, ...]]:
    """Return the fields *names* of each of *items*."""
    assert isinstance(items, Sequence)
    return [tuple(item.get(name) for name in names) for item in items]


def test_files_go_in_and_come_out_and_go_again(meshctl: Meshctl) -> None:
    """Apply says what happened to each resource; the same files change nothing; what `get` prints applies unchanged."""
    meshctl.write("routes/a.yaml", SERVICE)
    meshctl.write("routes/sub/b.yml", RULE)

    first = meshctl("apply", "-f", "routes", "-m", "first").stdout.splitlines()
    again = meshctl("apply", "-f", "routes").stdout.splitlines()
    printed = meshctl("get", "all", "-o", "yaml").stdout
    fed_back = meshctl("apply", "-f", "-", stdin=printed).stdout
    listed = meshctl("get", "all", "-A", "-o", "json").stdout
    listed_back = meshctl("apply", "-f", "-", stdin=listed).stdout

    assert ["serviceentry/reviews created", "virtualservice/reviews created"] == first[:2]
    assert re.fullmatch(r"apply 1-[0-9a-f]{4} \(revision \d+\): 2 created", first[2])
    assert ["serviceentry/reviews unchanged", "virtualservice/reviews unchanged"] == again[:2]
    assert re.fullmatch(r"apply 1-[0-9a-f]{4} stays: 2 unchanged", again[2])
    assert fed_back.count("unchanged\n") == 3 == listed_back.count("unchanged\n")

    one = json.loads(meshctl("get", "vs", "reviews", "-o", "json").stdout)

    assert "VirtualService" == one["kind"]
    assert "virtualservice/reviews\n" == meshctl("get", "VirtualService", "-o", "name").stdout
    assert "routes/sub/b.yml:1" in meshctl("get", "vs", "-o", "wide").stdout

    deleted = meshctl.json("delete", "vs/reviews", "-m", "away")

    assert [("VirtualService default/reviews", "deleted")] == pick(deleted["resources"], "resource", "result")
    assert "away" == deleted["apply"]["message"]  # type: ignore[index]
    assert "" == meshctl("get", "vs", "-o", "name").stdout
    assert "serviceentry/reviews deleted" in meshctl("delete", "--all", "--yes").stdout
    assert "" == meshctl("get", "all", "-A", "-o", "name").stdout


def test_a_mistake_is_told_with_its_place_and_nothing_is_applied(meshctl: Meshctl) -> None:
    """One wrong file among good ones: exit 2, its line and a hint, and the mesh is as before."""
    meshctl.write("routes/a.yaml", SERVICE)
    meshctl.write("routes/b.yaml", RULE.replace("  - route:", "  - match: [{ur: {exact: /a}}]\n    route:"))

    refused = meshctl("apply", "-f", "routes", code=2)
    answer = meshctl.json("apply", "-f", "routes", code=2)
    judged = meshctl("validate", "-f", "routes", code=2)

    assert "" == refused.stdout
    assert 'routes/b.yaml:7:14: error[unknown-field]: unknown field "ur"' in refused.stderr
    assert 'did you mean "uri"?' in refused.stderr
    assert refused.stderr.splitlines()[0] == judged.stdout.splitlines()[0]
    assert [("routes/b.yaml", 7, "unknown-field")] == pick(answer["diagnostics"], "file", "line", "code")
    assert {"files": 2, "resources": 2, "errors": 1, "warnings": 0, "infos": 0} == answer["summary"]
    assert "" == meshctl("get", "all", "-o", "name").stdout


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("apply", "-f", "nowhere.yaml"), 2, "nowhere.yaml: error[unreadable]: cannot be read: no such file"),
        (("apply", "-f", "."), 2, "no resources"),
        (("apply",), 2, "Missing option '-f'"),
        (("get", "vs", "nothing"), 1, 'there is no VirtualService "nothing" in namespace default'),
        (("get", "virtualservise"), 2, 'did you mean "VirtualService"?'),
        (("delete", "vs", "nothing"), 1, 'there is no VirtualService "nothing"'),
        (("delete",), 2, "say what to delete"),
        (("delete", "vs", "x", "--all"), 2, "say what to delete"),
        (("--etcd", "http://127.0.0.1:1", "get", "vs"), 6, "etcd at http://127.0.0.1:1 does not answer"),
        (("get", "vs", "--etcd", "no url"), 2, "meshctl: "),
        (("apply", "-f", ".", "--timeout", "5"), 2, "is not a duration"),
        (("apply", "-f", ".", "--timeout", "5s"), 2, "--timeout is about waiting: add --wait"),
        (("delete", "--all", "--require-all"), 2, "--require-all is about waiting: add --wait"),
        (("delete", "-f", ".", "--all"), 2, "-f and --all exclude each other"),
    ],
)
def test_each_failure_has_its_code_and_says_what_to_do(
    meshctl: Meshctl, words: tuple[str, ...], code: int, said: str
) -> None:
    """Nothing on stdout, one clear sentence on stderr, and the code that scripts go by."""
    done = meshctl(*words, code=code)

    assert "" == done.stdout
    assert said in done.stderr


def test_a_reference_into_nothing_is_a_warning_with_its_line(meshctl: Meshctl) -> None:
    """An apply of files with unknown hosts succeeds, and says which line leads nowhere, also as a dry run."""
    meshctl.write("rule.yaml", RULE)
    meshctl.write("service.yaml", SERVICE.replace("hosts: [reviews]", "hosts: [review]"))

    dry = meshctl("apply", "-f", "rule.yaml", "--dry-run")
    answer = meshctl.json("apply", "-f", "rule.yaml", "-f", "service.yaml")

    assert "virtualservice/reviews created (dry run)" in dry.stdout
    assert "rule.yaml:8:27: warning[IST0101]: no ServiceEntry has the host" in dry.stderr
    assert [("rule.yaml", 8, "IST0101", 'did you mean "review"?')] == pick(
        answer["diagnostics"], "file", "line", "code", "hint"
    )
    assert answer["apply"]["id"].startswith("1-")  # type: ignore[index]

    meshctl.write("service.yaml", SERVICE)

    assert [] == meshctl.json("apply", "-f", "service.yaml")["diagnostics"]
    assert [] == meshctl.json("apply", "-f", "rule.yaml")["diagnostics"]


async def test_records_that_were_changed_without_an_apply_are_not_taken_over(meshctl: Meshctl, etcd: Etcd) -> None:
    """Somebody used etcdctl: exit 3 names the record, `--adopt` takes it as it is, and the next apply works again."""
    meshctl.write("a.yaml", SERVICE, RULE)
    meshctl("apply", "-f", "a.yaml")
    keys = Keys()
    rule, copy = Key("default", "reviews", "VirtualService"), Key("default", "copy", "VirtualService")
    item = await etcd.get(keys.resource(rule))
    assert item is not None
    await etcd.put(keys.resource(copy), item.value)

    refused = meshctl("apply", "-f", "a.yaml", code=3)
    held = meshctl("status", code=1)
    hosts = meshctl("hosts")
    verdicts = meshctl.json("status", code=1)

    assert "VirtualService default/copy" in refused.stderr
    assert "--adopt" in refused.stderr
    assert refused.stderr.splitlines()[-1] in held.stderr.splitlines()
    assert refused.stderr.splitlines()[-1] in hosts.stderr.splitlines()
    assert re.search("VirtualService +copy .* held .* changed without an apply", held.stdout)
    assert re.search("ServiceEntry +reviews ", held.stdout)
    assert [
        ("ServiceEntry default/reviews", "unaffected"),
        ("VirtualService default/copy", "held"),
        ("VirtualService default/reviews", "unaffected"),
    ] == pick(verdicts["resources"], "resource", "verdict")

    adopted = meshctl("apply", "--adopt")

    assert adopted.stdout.startswith("apply 2-")
    meshctl("status")
    meshctl("delete", "vs", "copy")
    assert await etcd.get(keys.resource(copy)) is None


def test_several_kinds_are_named_at_once(meshctl: Meshctl) -> None:
    """As with kubectl: kinds with commas, KIND/NAME several times, and a kind with its group; at get and at delete."""
    meshctl.write("a.yaml", SERVICE, RULE, GATEWAY % ("edge", "edge", 80))
    meshctl("apply", "-f", "a.yaml")
    both = "virtualservice/reviews\nserviceentry/reviews\n"

    assert sorted(both.split()) == sorted(meshctl("get", "vs,se", "-o", "name").stdout.split())
    assert sorted(both.split()) == sorted(meshctl("get", "vs/reviews", "se/reviews", "-o", "name").stdout.split())
    assert "virtualservice/reviews" in meshctl("get", "vs,se", "reviews").stdout
    assert "gateway/edge\n" == meshctl("get", "gateways.networking.istio.io", "-o", "name").stdout
    assert 'no Gateway "reviews"' in meshctl("get", "gw/reviews", "vs/reviews", code=1).stderr
    assert "not both at once" in meshctl("get", "vs", "se/reviews", code=2).stderr
    assert "unknown kind" in meshctl("get", "gateways.example.org", code=2).stderr

    meshctl("delete", "vs/reviews", "gw/edge", "--dry-run")
    meshctl("delete", "vs/edge", "gw/edge", code=1)
    meshctl("delete", "vs/reviews", "gw/edge")

    assert "serviceentry/reviews\n" == meshctl("get", "all", "-o", "name").stdout

    meshctl("apply", "-f", "a.yaml")
    meshctl("delete", "vs,se", "--all")

    assert "gateway/edge\n" == meshctl("get", "all", "-o", "name").stdout


@pytest.mark.parametrize("verb", [("apply", "-f", "a.yaml"), ("delete", "se", "reviews")])
async def test_ctrl_c_stops_the_waiting_and_what_was_done_is_known(
    meshctl: Meshctl, etcd: Etcd, verb: tuple[str, ...]
) -> None:
    """What was done is printed before the waiting; Ctrl-C ends that with code 5, and JSON is still one whole object."""
    meshctl.write("a.yaml", SERVICE)
    if verb[0] == "delete":
        meshctl("apply", "-f", "a.yaml")
    await etcd.put(Keys().host("silent"), pack(HostRecord("silent")))

    waiting = meshctl.start(*verb, "--wait", "--timeout", "60s")
    assert waiting.stdout is not None
    first = [waiting.stdout.readline() for _ in range(2)]
    waiting.send_signal(signal.SIGINT)
    _, said = waiting.communicate(timeout=10)

    assert first[0].startswith("serviceentry/reviews ")
    apply = re.match(r"apply (\S+) \(revision", first[1])
    assert apply is not None
    assert 5 == waiting.returncode
    assert f"meshctl: apply {apply[1]} was made; stopped waiting\n" == said

    waiting = meshctl.start("apply", "-f", "a.yaml", "-n", "other", "--wait", "--timeout", "60s", "-o", "json")
    await written(etcd, Key("other", "reviews", "ServiceEntry"))
    waiting.send_signal(signal.SIGINT)
    rest, said = waiting.communicate(timeout=10)

    assert 5 == waiting.returncode
    assert [("ServiceEntry other/reviews", "created")] == pick(json.loads(rest)["resources"], "resource", "result")
    assert [("silent", "timeout")] == pick(json.loads(rest)["hosts"], "host", "verdict")
    assert "was made; stopped waiting" in said


@pytest.mark.parametrize("stdin", ["", "\n", "y\n"])
@pytest.mark.parametrize("words", [("--all",), ("all", "--all", "-A")])
def test_a_pipe_is_not_asked_and_does_not_say_yes(meshctl: Meshctl, words: tuple[str, ...], stdin: str) -> None:
    """Without a terminal nobody can be asked: everything is removed with --yes only, whatever the pipe holds."""
    meshctl.write("a.yaml", SERVICE)
    meshctl("apply", "-f", "a.yaml")

    refused = meshctl("delete", *words, code=2, stdin=stdin)

    assert "say --yes" in refused.stderr
    assert "serviceentry/reviews\n" == meshctl("get", "all", "-o", "name").stdout
    assert "dry run" in meshctl("delete", *words, "--dry-run", stdin=stdin).stdout


async def test_an_apply_has_one_revision_whoever_tells_it(meshctl: Meshctl, etcd: Etcd) -> None:
    """It is that in which head was written, whatever else etcd has been told since; a host has its own apply's."""
    meshctl.write("a.yaml", SERVICE)
    meshctl.write("b.yaml", RULE)
    first = meshctl.json("apply", "-f", "a.yaml")["apply"]
    status = HostStatus(apply=first["id"], revision=77, active_apply=first["id"], active_revision=77)  # type: ignore[index]
    with trio.fail_after(30):
        await etcd.put(Keys().host("h1"), pack(HostRecord("h1")))
        await etcd.put(Keys().status("h1"), pack(status))
        second = meshctl.json("apply", "-f", "b.yaml")["apply"]
        await etcd.put("/elsewhere", b"1")
        head = await etcd.get(Keys().head)

    assert head is not None
    told = [meshctl.json("apply", "-f", "b.yaml")["apply"], meshctl.json("status", code=1)["head"], second]
    assert [head.mod_revision] * 3 == [each["revision"] for each in told]  # type: ignore[index]
    active = {"apply": first["id"], "revision": first["revision"]}  # type: ignore[index]
    assert [(active,)] == pick(meshctl.json("hosts")["hosts"], "active")


def test_if_head_refuses_another_head(meshctl: Meshctl) -> None:
    """What was planned for one state is not applied to another."""
    meshctl.write("a.yaml", SERVICE)
    head = meshctl.json("apply", "-f", "a.yaml")["apply"]["id"]  # type: ignore[index]
    meshctl.write("b.yaml", RULE)

    meshctl("apply", "-f", "b.yaml", "--if-head", "9-ffff", code=3)
    meshctl("apply", "-f", "b.yaml", "--if-head", head)
    meshctl("delete", "--all", "--yes", "--if-head", head, code=3)


def test_namespaces_keep_resources_apart(meshctl: Meshctl) -> None:
    """`-n` fills in the namespace at apply and chooses it at get and delete; `-A` is all of them."""
    meshctl.write("a.yaml", SERVICE)

    meshctl("apply", "-f", "a.yaml")
    there = meshctl("apply", "-f", "a.yaml", "-n", "shop").stdout
    everywhere = meshctl("get", "se", "-A").stdout
    elsewhere = meshctl("get", "se", "nothing", "-n", "shop", code=1)
    meshctl("delete", "se", "--all", "-n", "shop")

    assert "serviceentry/reviews created (namespace shop)" in there
    assert ["NAMESPACE", "default", "shop"] == [line.split()[0] for line in everywhere.splitlines()]
    assert "in namespace shop" in elsewhere.stderr
    assert ["NAMESPACE", "default"] == [line.split()[0] for line in meshctl("get", "se", "-A").stdout.splitlines()]


def test_every_host_answers_for_itself(meshctl: Meshctl, new_host: Callable[..., Host]) -> None:
    """`--wait`: active, unaffected, rejected with Envoy's words and the user's line; status and hosts say the same."""
    meshctl.write("a.yaml", SERVICE, RULE)
    assert "no live hosts" in meshctl("apply", "-f", "a.yaml", "--wait").stderr
    host = new_host("h1", "--label", "role=edge")
    until_active(meshctl)

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        meshctl.write("taken.yaml", GATEWAY % ("taken", "edge", taken.getsockname()[1]))
        meshctl.write("other.yaml", GATEWAY % ("other", "nobody", 8080))
        unaffected = meshctl.json("apply", "-f", "other.yaml", "--wait")
        rejected = meshctl.json("apply", "-f", "taken.yaml", "--wait", code=4)
        table = meshctl("apply", "-f", "taken.yaml", "--wait", code=4)
        meshctl.write("other.yaml", GATEWAY % ("other", "nobody", 8081))
        unrelated = meshctl("apply", "-f", "other.yaml", "--wait")
        status = meshctl.json("status", code=1)
        rows = [re.split(" {3,}", line) for line in meshctl("status", code=1).stdout.splitlines()]
        hosts = meshctl.json("hosts")

    assert [("h1", "unaffected")] == pick(unaffected["hosts"], "host", "verdict")
    assert [("h1", "rejected")] == pick(rejected["hosts"], "host", "verdict")
    (rejection,) = rejected["hosts"][0]["rejections"]  # type: ignore[index]
    assert ("Gateway default/taken", "taken.yaml", 1) == (rejection["resource"], rejection["file"], rejection["line"])
    assert "Address already in use" in rejection["message"]
    assert "taken.yaml:1: Gateway default/taken: " in table.stdout
    assert "h1" in unrelated.stdout
    assert "warning: h1 also refuses, from before: taken.yaml:1" in unrelated.stderr
    assert [
        ("Gateway default/other", "unaffected"),
        ("Gateway default/taken", "rejected"),
        ("ServiceEntry default/reviews", "active"),
        ("VirtualService default/reviews", "active"),
    ] == pick(status["resources"], "resource", "verdict")
    head = {name: status["head"][name] for name in ("id", "revision")}  # type: ignore[index]
    assert {"apply": head["id"], "revision": head["revision"]} == hosts["hosts"][0]["active"]  # type: ignore[index]
    assert [("h1", "live", "127.0.0.1", {"role": "edge"})] == pick(hosts["hosts"], "name", "state", "address", "labels")

    assert ["KIND", "NAME", "APPLY", "VERDICT", "HOSTS", "SOURCE", "REASON"] in rows
    assert ["taken.yaml:1", "h1: taken.yaml:1: Gateway default/taken:"] == [
        cell[:40] for row in rows if row[:2] == ["Gateway", "taken"] for cell in row[5:]
    ]
    assert [["a.yaml:1", "-"]] == [row[5:] for row in rows if row[:2] == ["ServiceEntry", "reviews"]]

    meshctl("delete", "gateway", "taken", "--wait")
    host.end(signal.SIGKILL)
    meshctl.write("other.yaml", GATEWAY % ("other", "nobody", 8082))
    late = meshctl("apply", "-f", "other.yaml", "--wait", "--timeout", "300ms", code=5)

    assert ["h1", "timeout"] == late.stdout.splitlines()[-1].split()[:2]
    assert "what was applied stays applied" in late.stderr


async def written(etcd: Etcd, key: Key) -> None:
    """Wait until *key* is in the store, and its writer has had the time to read etcd's answer."""
    with trio.fail_after(15):
        while await etcd.get(Keys().resource(key)) is None:
            await trio.sleep(0.05)
    await trio.sleep(0.5)


def until_active(meshctl: Meshctl) -> None:
    """Wait until the host runs what was applied before it came."""
    deadline = time.monotonic() + 15
    while "h1     live" not in meshctl("hosts").stdout:
        assert time.monotonic() < deadline
    answer = meshctl.json("apply", "-f", "a.yaml", "--wait", "--timeout", "15s")
    assert [("h1", "active")] == pick(answer["hosts"], "host", "verdict")
