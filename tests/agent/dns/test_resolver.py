"""The resolver against real DNS servers on loopback, in the time of a mock clock."""

import json
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest
import trio
from attrs import define, field
from trio.testing import MockClock as Clock

from agent.dns import kept as disk
from agent.dns.kept import KEEP_SECONDS, Kept
from agent.dns.resolver import Answer, Resolver
from agent.dns.upstream import Server, Upstream, read_servers
from agent.watchable import Watchable
from tests.embedded import free_port

NAME = "db.example.com"
NOTHING = Answer((), resolved=False)

Make = Callable[..., Resolver]
"""Of servers, to a resolver that asks them."""


@define
class DnsServer:
    """A DNS server that says what it is told to, over UDP and TCP on one port.

    Attributes:
        records: (name without the last dot, type) → (TTL, values); a name with no record at all is NXDOMAIN.
        rcode: answers this and nothing else; None answers from `records`.
        silent: takes questions and says nothing.
        truncate: over UDP, says only that there is more.
        forge: sends an answer with another id before the true one.
        asked: (trio time, name, type, `udp` or `tcp`) of each question.
    """

    records: dict[tuple[str, str], tuple[int, list[str]]] = field(factory=dict)
    rcode: dns.rcode.Rcode | None = None
    silent: bool = False
    truncate: bool = False
    forge: bool = False
    asked: list[tuple[float, str, str, str]] = field(factory=list)
    port: int = 0

    def put(self, name: str, *addresses: str, kind: str = "A", ttl: int = 60) -> None:
        self.records[name, kind] = (ttl, list(addresses))

    def times(self, name: str, kind: str = "A") -> list[float]:
        return [at for at, asked, of, _ in self.asked if (asked, of) == (name + ".", kind)]

    @property
    def upstream(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        self.port = free_port()
        with trio.socket.socket(type=socket.SOCK_DGRAM) as udp:
            await udp.bind(("127.0.0.1", self.port))
            async with trio.open_nursery() as nursery:
                await nursery.start(trio.serve_tcp, self._serve_stream, self.port)
                task_status.started()
                while True:
                    wire, peer = await udp.recvfrom(4096)
                    for answer in self._answers(wire, "udp"):
                        await udp.sendto(answer, peer)

    async def _serve_stream(self, stream: trio.SocketStream) -> None:
        head = await stream.receive_some(2)
        wire = await stream.receive_some(int.from_bytes(head))
        for answer in self._answers(wire, "tcp"):
            await stream.send_all(len(answer).to_bytes(2) + answer)

    def _answers(self, wire: bytes, transport: str) -> list[bytes]:
        query = dns.message.from_wire(wire)
        question = query.question[0]
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((trio.current_time(), str(question.name), kind, transport))
        if self.silent:
            return []
        response = dns.message.make_response(query)
        if self.truncate and transport == "udp":
            response.flags |= dns.flags.TC
        elif self.rcode is not None:
            response.set_rcode(self.rcode)
        else:
            self._fill(response, str(question.name).removesuffix("."), kind)
        if not self.forge:
            return [response.to_wire()]
        forged = dns.message.make_response(query)
        forged.id ^= 1
        forged.answer.append(dns.rrset.from_text(question.name, 60, "IN", "A", "6.6.6.6"))
        return [forged.to_wire(), b"not DNS", response.to_wire()]

    def _fill(self, response: dns.message.Message, name: str, kind: str) -> None:
        seen = set()
        while (name, "CNAME") in self.records and name not in seen:
            seen.add(name)
            ttl, (target,) = self.records[name, "CNAME"]
            response.answer.append(dns.rrset.from_text(name + ".", ttl, "IN", "CNAME", target + "."))
            name = target
        if (name, kind) in self.records:
            ttl, values = self.records[name, kind]
            response.answer.append(dns.rrset.from_text(name + ".", ttl, "IN", kind, *values))
        elif not any(known == name for known, _ in self.records):
            response.set_rcode(dns.rcode.NXDOMAIN)


@pytest.fixture
def clock() -> Clock:
    """Time jumps when nobody has anything to do; the threshold leaves room for loopback, the disk and neighbours."""
    return Clock(autojump_threshold=0.025)


@pytest.fixture
async def server(nursery: trio.Nursery) -> DnsServer:
    started = DnsServer()
    await nursery.start(started.serve)
    return started


@pytest.fixture
async def other(nursery: trio.Nursery) -> DnsServer:
    started = DnsServer()
    await nursery.start(started.serve)
    return started


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """Make a resolver of some servers, with files of its own and without jitter."""

    def build(*servers: DnsServer, chance: float = 0.5, wall_clock: Callable[[], float] = lambda: 0.0) -> Resolver:
        hosts = tmp_path / "hosts"
        hosts.touch()
        return Resolver(
            [server.upstream for server in servers],
            tmp_path / "dns.json",
            hosts=hosts,
            chance=lambda: chance,
            wall_clock=wall_clock,
        )

    return build


@asynccontextmanager
async def running(resolver: Resolver, *names: str) -> AsyncIterator[Watchable[Mapping[str, Answer]]]:
    """Run *resolver* with *names* wanted; the block has a mock day."""
    with trio.fail_after(24 * 3600):
        async with trio.open_nursery() as nursery:
            await nursery.start(resolver.run)
            resolver.want(names)
            yield resolver.answers
            nursery.cancel_scope.cancel()


def good(*addresses: str) -> Answer:
    return Answer(addresses, resolved=True)


def has(name: str, answer: Answer) -> Callable[[Mapping[str, Answer]], bool]:
    return lambda answers: answers.get(name) == answer


async def test_addresses_are_sorted(clock: Clock, server: DnsServer, make: Make) -> None:
    """An answer's addresses are in the order of their numbers, however the server sent them."""
    server.put(NAME, "10.0.0.10", "10.0.0.9")
    async with running(make(server), NAME) as answers:
        found = await answers.wait_for(lambda answers: NAME in answers)

    assert {NAME: good("10.0.0.9", "10.0.0.10")} == dict(found)
    assert [(NAME + ".", "A", "udp")] == [question[1:] for question in server.asked]


async def test_ipv6_counts_where_there_is_no_ipv4(clock: Clock, server: DnsServer, make: Make) -> None:
    """AAAA records are asked for and used only when a name has no A record."""
    server.put("six.example", "2001:db8::2", "2001:db8::1", kind="AAAA")
    server.put("both.example", "2001:db8::3", kind="AAAA")
    server.put("both.example", "10.0.0.1")
    async with running(make(server), "six.example", "both.example") as answers:
        found = await answers.wait_for(lambda answers: len(answers) == 2)

    assert good("2001:db8::1", "2001:db8::2") == found["six.example"]
    assert good("10.0.0.1") == found["both.example"]
    assert [] == server.times("both.example", "AAAA")


async def test_aliases_are_followed_and_the_lowest_ttl_counts(
    clock: Clock, server: DnsServer, make: Make
) -> None:
    """A chain of CNAMEs leads to the addresses at its end, and is asked again by the lowest TTL in it."""
    server.put(NAME, "a.example", kind="CNAME", ttl=300)
    server.put("a.example", "b.example", kind="CNAME", ttl=20)
    server.put("b.example", "10.0.0.1", ttl=600)
    async with running(make(server), NAME) as answers:
        await answers.wait_for(has(NAME, good("10.0.0.1")))
        server.put("b.example", "10.0.0.2")
        await answers.wait_for(has(NAME, good("10.0.0.2")))

    first, second = server.times(NAME)

    assert 20 == pytest.approx(second - first, abs=0.1)


async def test_an_endless_alias_is_a_failure(clock: Clock, server: DnsServer, make: Make) -> None:
    """A name whose aliases go round in a circle has no addresses, and nothing else suffers."""
    server.put("ok.example", "10.0.0.1")
    server.put("a.example", "b.example", kind="CNAME")
    server.put("b.example", "a.example", kind="CNAME")
    resolver = make(server)
    async with running(resolver, "a.example", "ok.example") as answers:
        found = await answers.wait_for(lambda answers: len(answers) == 2)

    assert {"a.example": NOTHING, "ok.example": good("10.0.0.1")} == dict(found)
    assert ["a.example"] == list(resolver.problems)


async def test_a_truncated_answer_is_fetched_over_tcp(clock: Clock, server: DnsServer, make: Make) -> None:
    """When UDP says that there is more, the whole answer comes over TCP."""
    everything = tuple(f"10.0.0.{i}" for i in range(1, 201))
    server.put(NAME, *everything)
    server.truncate = True
    async with running(make(server), NAME) as answers:
        await answers.wait_for(has(NAME, good(*everything)))

    assert ["udp", "tcp"] == [question[3] for question in server.asked]


async def test_forged_answers_are_ignored(clock: Clock, server: DnsServer, make: Make) -> None:
    """A datagram with another id, or none that is DNS, does not count and does not end the wait."""
    server.put(NAME, "10.0.0.1")
    server.forge = True
    async with running(make(server), NAME) as answers:
        found = await answers.wait_for(lambda answers: NAME in answers)

    assert good("10.0.0.1") == found[NAME]


@pytest.mark.parametrize(("ttl", "expected"), [(0, 5), (1, 5), (60, 60), (600_000, 3600)])
async def test_ttl_is_honoured_within_bounds(
    clock: Clock, server: DnsServer, make: Make, ttl: int, expected: int
) -> None:
    """A change is seen when the TTL is over, at the earliest after 5 s and at the latest after an hour."""
    server.put(NAME, "10.0.0.1", ttl=ttl)
    async with running(make(server), NAME) as answers:
        await answers.wait_for(has(NAME, good("10.0.0.1")))
        server.put(NAME, "10.0.0.2", ttl=ttl)
        await answers.wait_for(has(NAME, good("10.0.0.2")))

    first, second = server.times(NAME)

    assert expected == pytest.approx(second - first, abs=0.1)


@pytest.mark.parametrize(("chance", "expected"), [(0.0, 540), (1.0, 601)])
async def test_jitter_never_makes_a_change_late(
    clock: Clock, server: DnsServer, make: Make, chance: float, expected: int
) -> None:
    """Jitter asks up to a tenth of the TTL early, and at most a second late."""
    server.put(NAME, "10.0.0.1", ttl=600)
    async with running(make(server, chance=chance), NAME):
        await trio.sleep(610)

    first, second, *_ = server.times(NAME)

    assert expected == pytest.approx(second - first, abs=0.1)


async def test_order_and_ttl_are_no_changes(clock: Clock, server: DnsServer, make: Make) -> None:
    """Answers that differ in the order of addresses or in the TTL wake nobody."""
    server.put(NAME, "10.0.0.1", "10.0.0.2", ttl=5)
    async with running(make(server), NAME) as answers:
        await answers.wait_for(has(NAME, good("10.0.0.1", "10.0.0.2")))
        before = answers.generation
        server.put(NAME, "10.0.0.2", "10.0.0.1", ttl=7)
        await trio.sleep(60)

        assert before == answers.generation
        assert len(server.times(NAME)) > 5


@pytest.mark.parametrize("rcode", ["NXDOMAIN", "SERVFAIL", "REFUSED", "NOERROR", "silent"])
async def test_failures_keep_the_last_good_addresses(
    clock: Clock, server: DnsServer, make: Make, rcode: str
) -> None:
    """Whatever goes wrong after a good answer, its addresses stay, and the next good answer replaces them."""
    server.put(NAME, "10.0.0.1", ttl=5)
    resolver = make(server)
    async with running(resolver, NAME) as answers:
        await answers.wait_for(has(NAME, good("10.0.0.1")))
        before = answers.generation
        if rcode == "silent":
            server.silent = True
        else:
            server.rcode = dns.rcode.from_text(rcode)
        await trio.sleep(300)

        assert before == answers.generation
        assert [NAME] == list(resolver.problems)

        server.silent, server.rcode = False, None
        server.put(NAME, "10.0.0.2")
        with trio.fail_after(600):  # on a loaded machine the clock may jump over an answer
            await answers.wait_for(has(NAME, good("10.0.0.2")))

        assert {} == resolver.problems


async def test_nobody_waits_longer_than_half_a_second(clock: Clock, server: DnsServer, make: Make) -> None:
    """A name whose lookup takes long is shown without an answer after 0.5 s, and with one when it comes."""
    server.silent = True
    server.put(NAME, "10.0.0.1")
    async with running(make(server), NAME) as answers:
        start = trio.current_time()
        await answers.wait_for(has(NAME, NOTHING))

        assert 0.5 == pytest.approx(trio.current_time() - start, abs=0.05)

        server.silent = False
        await answers.wait_for(has(NAME, good("10.0.0.1")))


async def test_a_failure_is_shown_at_once(clock: Clock, server: DnsServer, make: Make) -> None:
    """A name that does not exist, or is no DNS name, is shown as unresolved without any wait."""
    async with running(make(server), NAME, "a..b", "x" * 64) as answers:
        start = trio.current_time()
        found = await answers.wait_for(lambda answers: len(answers) == 3)

        assert trio.current_time() - start < 0.1
        assert {NOTHING} == set(found.values())


async def test_back_off_doubles_up_to_half_a_minute(clock: Clock, server: DnsServer, make: Make) -> None:
    """A failing name is asked again after 1, 2, 4, 8, 16, 30, 30 … seconds."""
    async with running(make(server), NAME):
        await trio.sleep(130)

    times = server.times(NAME)

    assert [1, 2, 4, 8, 16, 30, 30] == [round(b - a) for a, b in pairwise(times)][:7]


async def test_servers_are_tried_in_turn(
    clock: Clock, server: DnsServer, other: DnsServer, make: Make
) -> None:
    """A silent server costs two seconds once; from then on the one that answered is asked first."""
    server.silent = True
    other.put(NAME, "10.0.0.1", ttl=5)
    async with running(make(server, other), NAME) as answers:
        start = trio.current_time()
        await answers.wait_for(has(NAME, good("10.0.0.1")))

        assert 2 == pytest.approx(trio.current_time() - start, abs=0.1)

        await trio.sleep(60)

    assert 1 == len(server.asked)
    assert len(other.asked) > 5


async def test_a_server_that_refuses_is_passed_over(
    clock: Clock, server: DnsServer, other: DnsServer, make: Make
) -> None:
    """SERVFAIL of one server is not the last word when another one knows."""
    server.rcode = dns.rcode.SERVFAIL
    other.put(NAME, "10.0.0.1")
    async with running(make(server, other), NAME) as answers:
        found = await answers.wait_for(lambda answers: NAME in answers)

    assert good("10.0.0.1") == found[NAME]


async def test_without_a_server_everything_fails_and_says_so(clock: Clock, make: Make) -> None:
    """No server at all is a failure like any other."""
    resolver = make()
    async with running(resolver, NAME) as answers:
        await answers.wait_for(has(NAME, NOTHING))

    assert {NAME: "there is no DNS server to ask"} == resolver.problems
    assert "<Resolver wanted=1 failing=1 servers: no server>" == repr(resolver)


async def test_names_come_and_go(clock: Clock, server: DnsServer, make: Make) -> None:
    """The set wanted now is the set that is shown; a name that is dropped is not asked for again."""
    server.put(NAME, "10.0.0.1", ttl=5)
    server.put("new.example", "10.0.0.2", ttl=5)
    resolver = make(server)
    async with running(resolver, NAME) as answers:
        await answers.wait_for(has(NAME, good("10.0.0.1")))
        resolver.want(["new.example"])

        assert {} == dict(answers.value)

        await answers.wait_for(lambda answers: dict(answers) == {"new.example": good("10.0.0.2")})
        await trio.sleep(60)

    assert 1 == len(server.times(NAME))
    assert f"<Resolver wanted=1 failing=0 servers: {server.upstream}>" == repr(resolver)


async def test_dropped_during_its_lookup(clock: Clock, server: DnsServer, make: Make) -> None:
    """The outcome of a lookup that nobody wants any more is dropped, and wanting the name again asks again."""
    server.silent = True
    resolver = make(server)
    async with running(resolver, NAME) as answers:
        await trio.sleep(0.1)
        resolver.want([])
        server.silent = False
        server.put(NAME, "10.0.0.1")
        resolver.want([NAME])
        await answers.wait_for(has(NAME, good("10.0.0.1")))
        await trio.sleep(5)

        assert good("10.0.0.1") == answers.value[NAME]


async def test_at_most_32_lookups_at_a_time(clock: Clock, server: DnsServer, make: Make) -> None:
    """Many names do not flood a server, and those that wait their turn are shown after half a second too."""
    server.silent = True
    names = [f"n{i}.example" for i in range(100)]
    async with running(make(server), *names) as answers:
        await trio.sleep(0.6)

        assert 100 == len(answers.value)

        await trio.sleep(1.3)

        assert 32 == len(server.asked)

        await trio.sleep(2)

        assert 64 == len(server.asked)


async def test_answers_that_come_together_are_published_together(
    clock: Clock, server: DnsServer, make: Make
) -> None:
    """A thousand names are a few changes, not a thousand."""
    names = [f"n{i}.example" for i in range(1000)]
    for name in names:
        server.put(name, "10.0.0.1")
    async with running(make(server), *names) as answers:
        await answers.wait_for(lambda answers: len(answers) == 1000)

        assert answers.generation < 20


async def test_last_good_addresses_are_there_before_dns(
    clock: Clock, server: DnsServer, make: Make, tmp_path: Path
) -> None:
    """A resolver that starts while DNS is silent has the addresses of the last run at once, from a private file."""
    server.put(NAME, "10.0.0.1")
    async with running(make(server), NAME) as answers:
        await answers.wait_for(has(NAME, good("10.0.0.1")))
    server.silent = True
    again = make(server)
    again.want([NAME, "new.example"])

    assert {NAME: good("10.0.0.1")} == dict(again.answers.value)
    assert 0o600 == (tmp_path / "dns.json").stat().st_mode & 0o777


async def test_nothing_is_written_while_nothing_changes(
    clock: Clock, server: DnsServer, make: Make, tmp_path: Path
) -> None:
    """A change is on disk within two seconds; equal answers afterwards leave the file alone."""
    server.put(NAME, "10.0.0.1", ttl=5)
    async with running(make(server), NAME) as answers:
        await answers.wait_for(has(NAME, good("10.0.0.1")))
        await trio.sleep(2)
        written = (tmp_path / "dns.json").stat()
        await trio.sleep(100)

        assert written.st_ino == (tmp_path / "dns.json").stat().st_ino

        server.put(NAME, "10.0.0.2", ttl=5)
        await answers.wait_for(has(NAME, good("10.0.0.2")))
        await trio.sleep(2)

        assert ("10.0.0.2",) == disk.load(tmp_path / "dns.json")[NAME].addresses


async def test_a_name_stays_on_disk_for_a_week(
    clock: Clock, server: DnsServer, make: Make, tmp_path: Path
) -> None:
    """A name that nobody wants any more is kept for seven days; one that is wanted never expires."""
    now = [0.0]
    server.put(NAME, "10.0.0.1", ttl=5)
    server.put("old.example", "10.0.0.2")
    resolver = make(server, wall_clock=lambda: now[0])
    async with running(resolver, NAME, "old.example") as answers:
        await answers.wait_for(lambda answers: len(answers) == 2)
        now[0] = 100 * 24 * 3600
        resolver.want([NAME])
        await trio.sleep(2)

        assert {NAME, "old.example"} == disk.load(tmp_path / "dns.json").keys()

        now[0] += KEEP_SECONDS + 1
        server.put(NAME, "10.0.0.3", ttl=5)
        await answers.wait_for(has(NAME, good("10.0.0.3")))
        await trio.sleep(2)

        assert {NAME} == disk.load(tmp_path / "dns.json").keys()


async def test_a_disk_that_refuses_does_not_matter(
    clock: Clock, server: DnsServer, make: Make, tmp_path: Path
) -> None:
    """Where the file cannot be written the answers are there all the same, and it is tried again later."""
    (tmp_path / "dns.json").mkdir()
    server.put(NAME, "10.0.0.1")
    async with running(make(server), NAME) as answers:
        await answers.wait_for(has(NAME, good("10.0.0.1")))
        await trio.sleep(2)
        (tmp_path / "dns.json").rmdir()
        await trio.sleep(31)

        assert {NAME} == disk.load(tmp_path / "dns.json").keys()


def test_a_torn_or_foreign_file_is_ignored(tmp_path: Path) -> None:
    """A file cut at any byte, with any byte changed, too large or made by somebody else holds nothing."""
    path = tmp_path / "dns.json"
    disk.save(path, {NAME: Kept(("10.0.0.1", "10.0.0.2"), 5.0)})
    whole = path.read_bytes()

    assert {NAME: Kept(("10.0.0.1", "10.0.0.2"), 5.0)} == disk.load(path)

    for length in range(len(whole)):
        path.write_bytes(whole[:length])

        assert {} == disk.load(path)

    foreign = [b"[]", b"{}", b"null", b'{"format": 1, "digest": "", "names": {}}', b"[" * 100_000, b"\xff\xfe"]
    changed = json.loads(whole)
    changed["names"][NAME]["addresses"] = ["6.6.6.6"]
    for content in [*foreign, json.dumps(changed).encode(), whole + b" " * disk.MAX_BYTES]:
        path.write_bytes(content)

        assert {} == disk.load(path)


def test_the_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit is left out, the names that were wanted longest ago first."""
    monkeypatch.setattr(disk, "MAX_BYTES", 2000)
    names = {f"n{i}.example": Kept(("10.0.0.1",), float(i)) for i in range(100)}
    disk.save(tmp_path / "dns.json", names)
    left = disk.load(tmp_path / "dns.json")

    assert ["dns.json"] == [path.name for path in tmp_path.iterdir()]

    assert (tmp_path / "dns.json").stat().st_size <= 2000
    assert list(names)[-len(left) :] == sorted(left, key=lambda name: left[name].wanted_at)


async def test_the_hosts_file_comes_first(
    clock: Clock, server: DnsServer, make: Make, tmp_path: Path
) -> None:
    """Names in the hosts file, localhost and addresses are answered at once, and no server is asked."""
    (tmp_path / "hosts").write_text("10.1.1.1  db.example.com DB # our own\n::1 db\nnonsense x\n\n::2 six\n")
    names = (NAME, "db", "six", "localhost", "app.localhost", "10.9.9.9")
    resolver = make(server)
    resolver.want(names)

    assert {
        NAME: good("10.1.1.1"),
        "db": good("10.1.1.1"),
        "six": good("::2"),
        "localhost": good("127.0.0.1"),
        "app.localhost": good("127.0.0.1"),
        "10.9.9.9": good("10.9.9.9"),
    } == dict(resolver.answers.value)

    async with running(resolver, *names):
        await trio.sleep(100)

    assert [] == server.asked


async def test_a_changed_hosts_file_is_followed(
    clock: Clock, server: DnsServer, make: Make, tmp_path: Path
) -> None:
    """A line that is added, changed or removed counts within seconds, whatever the TTL of the name was."""
    hosts = tmp_path / "hosts"
    server.put(NAME, "10.0.0.1", ttl=3000)
    server.put("other.example", "10.0.0.2", ttl=3000)
    async with running(make(server), NAME, "other.example") as answers:
        await answers.wait_for(has(NAME, good("10.0.0.1")))
        for content, expected in (
            (f"10.1.1.1 {NAME}\n", "10.1.1.1"),
            (f"10.1.1.22 {NAME}\n", "10.1.1.22"),
            ("", "10.0.0.1"),
        ):
            hosts.write_text(content)
            with trio.fail_after(6):
                await answers.wait_for(has(NAME, good(expected)))

    assert 1 == len(server.times("other.example"))


async def test_stopping_in_the_middle_of_a_lookup(clock: Clock, server: DnsServer, make: Make) -> None:
    """A resolver that is cancelled while it waits for a server ends at once."""
    server.silent = True
    async with running(make(server), NAME):
        await trio.sleep(1)
        start = trio.current_time()

    assert start == trio.current_time()


def test_servers_come_from_resolv_conf_and_addresses(tmp_path: Path) -> None:
    """Each server is there once, in order; a line or file that makes no sense is passed over."""
    conf = tmp_path / "resolv.conf"
    conf.write_text("# mine\nsearch x.example\nnameserver 10.0.0.1\nnameserver bad\nnameserver ::1\nnameserver\n")
    upstream = ["10.0.0.2:5353", str(conf), "10.0.0.1", "/nowhere/resolv.conf", "::2", "[::3]:54", "[::4]"]

    assert (
        Server("10.0.0.2", 5353),
        Server("10.0.0.1"),
        Server("::1"),
        Server("::2"),
        Server("::3", 54),
        Server("::4"),
    ) == read_servers(upstream)
    assert ["10.0.0.1:53", "[::1]:53"] == [str(server) for server in read_servers([str(conf)])]


async def test_lookups_need_no_resolver(clock: Clock, server: DnsServer) -> None:
    """One lookup says the addresses and the TTL, for whoever forwards questions."""
    server.put(NAME, "10.0.0.1", ttl=77)
    found = await Upstream([Server("127.0.0.1", server.port)]).lookup(NAME)

    assert (("10.0.0.1",), 77.0) == (found.addresses, found.ttl_seconds)
