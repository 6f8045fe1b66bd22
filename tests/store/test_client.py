"""An apply: one revision or nothing, whoever else writes at the same time, and whatever becomes of its answer."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from store import digest, journal
from store.client import Applied, Origin, Result, State, Wanted, apply, judge, read_state, transaction
from store.codec import Source, unpack
from store.errors import Conflict, StoreUnavailable, TooLarge
from store.etcd.client import Etcd, OutcomeUnknown
from store.etcd.txn import MAX_TXN_BYTES, Delete, DeletePrefix, Put
from store.host import Head, HostStatus, Seen
from store.host import pack as pack_host
from store.host import unpack as unpack_host
from store.keys import Keys
from store.resources.fields import Key
from store.resources.kinds import Resource
from tests.embedded import EmbeddedEtcd, start_etcd
from tests.meshes import resources
from tests.store.wire import Wire, open_wire

SECONDS = 20
LOST = b"the answer to this is lost"
ANNE, BILL = Origin("anne", "", 1.0, "aaaa"), Origin("bill", "", 2.0, "bbbb")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEtcd]:
    with start_etcd(tmp_path_factory.mktemp("etcd")) as server:
        yield server


@pytest.fixture
async def etcd(server: EmbeddedEtcd) -> AsyncIterator[Etcd]:
    async with Etcd([server.endpoint]) as etcd:
        yield etcd


@pytest.fixture
def keys(request: pytest.FixtureRequest) -> Keys:
    """A mesh of the test's own."""
    return Keys(f"/{request.node.name}")


def key(name: str) -> Key:
    return Key("default", name, "DestinationRule")


def rule(name: str, host: str = "reviews") -> Resource:
    [found] = resources(f"""
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata: {{name: {name}}}
spec: {{host: {host}}}
""")
    return found


def want(name: str, host: str = "reviews", line: int = 1) -> Wanted:
    return Wanted(key(name), rule(name, host), Source("f.yaml", line))


def gone(name: str) -> Wanted:
    return Wanted(key(name), None)


async def revision(etcd: Etcd, keys: Keys) -> int:
    return await etcd.revision(keys.config)


def hosts_of(state: State) -> dict[str, str]:
    """Return name → host of every rule."""
    found: dict[str, str] = {}
    for value in state.raw.values():
        document = unpack(value).document
        metadata, spec = document["metadata"], document["spec"]
        assert isinstance(metadata, dict)
        assert isinstance(spec, dict)
        found[metadata["name"]] = spec["host"]
    return found


class TestResults:
    async def test_each_key_is_told_what_happened_to_it(self, etcd: Etcd, keys: Keys) -> None:
        """Created, configured, unchanged, deleted, in the order asked for; what was not there is deleted already."""
        with trio.fail_after(SECONDS):
            await apply(etcd, keys, [want("a"), want("b"), want("c")], ANNE)
            applied = await apply(etcd, keys, [gone("a"), want("b", "x"), want("c"), want("d"), gone("e")], BILL)
            state = await read_state(etcd, keys)

        assert ["deleted", "configured", "unchanged", "created", "unchanged"] == list(applied.results.values())
        assert list("abcde") == [each.name for each in applied.results]
        assert {"b": "x", "c": "reviews", "d": "reviews"} == hosts_of(state)
        assert state.is_intact
        assert state.head
        assert state.head == applied.head == Head("2-bbbb", "bill", 2.0, "", 3, state.head.digest, "1-aaaa")

    async def test_nothing_is_written_when_nothing_differs(self, etcd: Etcd, keys: Keys) -> None:
        """The same files again leave etcd's revision where it is, from another line too."""
        with trio.fail_after(SECONDS):
            first = await apply(etcd, keys, [want("a")], ANNE)
            before = await revision(etcd, keys)
            again = await apply(etcd, keys, [want("a", line=9), gone("b")], BILL)
            after = await revision(etcd, keys)

        assert before == after
        assert not again.changed
        assert first.head == again.head

    async def test_an_update_keeps_the_age(self, etcd: Etcd, keys: Keys) -> None:
        """`created` is the number of the apply that made the resource, however often it is changed."""
        with trio.fail_after(SECONDS):
            await apply(etcd, keys, [want("a")], ANNE)
            await apply(etcd, keys, [want("a", "x"), want("b")], ANNE)
            state = await read_state(etcd, keys)
        found = {name: state.record(keys.resource(key(name))) for name in "ab"}

        assert {"a": 1, "b": 2} == {name: record.created for name, record in found.items() if record}
        assert {"2-aaaa"} == {record.apply for record in found.values() if record}

    async def test_a_record_that_is_none_can_be_replaced_and_deleted(self, etcd: Etcd, keys: Keys) -> None:
        """Garbage under a key is something to configure or delete, once a person has adopted it."""
        with trio.fail_after(SECONDS):
            await apply(etcd, keys, [want("a")], ANNE)
            for name in "bc":
                await etcd.put(keys.resource(key(name)), b"garbage")
            with pytest.raises(Conflict, match="without an apply: DestinationRule default/b"):
                await apply(etcd, keys, [want("b")], ANNE)
            applied = await apply(etcd, keys, [want("b"), gone("c")], ANNE, adopt=True)
            state = await read_state(etcd, keys)

        assert [Result.CONFIGURED, Result.DELETED] == list(applied.results.values())
        assert {"a": "reviews", "b": "reviews"} == hosts_of(state)


class TestOneRevision:
    async def test_more_keys_than_etcd_takes_on_one_level(self, etcd: Etcd, keys: Keys) -> None:
        """300 resources, journal and head come to be in one revision."""
        with trio.fail_after(SECONDS):
            applied = await apply(etcd, keys, [want(f"n{i}") for i in range(300)], ANNE)
            listing = await etcd.list(keys.prefix + "/")

        assert 302 == len(listing.items)
        assert {applied.revision} == {item.mod_revision for item in listing.items}

    async def test_what_one_transaction_cannot_hold_is_refused(self, etcd: Etcd, keys: Keys) -> None:
        """The size and the limit are said, and nothing is written."""
        host = ".".join(["h" * 60] * 4)
        big = [want(f"n{i}", host) for i in range(3000)]
        with trio.fail_after(SECONDS), pytest.raises(TooLarge, match=rf"of \d+ bytes .* is {MAX_TXN_BYTES}"):
            await apply(etcd, keys, big, ANNE)

        assert 0 == len((await read_state(etcd, keys)).raw)

    async def test_one_resource_larger_than_a_record_is_refused_by_name(self, etcd: Etcd, keys: Keys) -> None:
        """The Key is named, with size and limit."""
        labels = ", ".join(f"k{i}: {'v' * 60}" for i in range(25_000))
        [large] = resources(f"""
apiVersion: networking.istio.io/v1alpha3
kind: DestinationRule
metadata: {{name: large, annotations: {{{labels}}}}}
spec: {{host: a}}
""")
        with trio.fail_after(SECONDS), pytest.raises(TooLarge, match=r"default/large .* \d+ bytes"):
            await apply(etcd, keys, [Wanted(large.key, large, Source("f.yaml", 1))], ANNE)


class TestWriters:
    async def test_two_writers_of_different_keys_both_succeed(self, etcd: Etcd, keys: Keys) -> None:
        """An apply that is overtaken is put on top of the other, without a word."""
        with trio.fail_after(SECONDS):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(apply, etcd, keys, [want("a")], ANNE)
                nursery.start_soon(apply, etcd, keys, [want("b")], BILL)
            state = await read_state(etcd, keys)

        assert {"a", "b"} == hosts_of(state).keys()
        assert state.head
        assert 2 == state.head.number
        assert state.is_intact

    async def test_of_two_writers_of_one_key_one_is_told(self, etcd: Etcd, keys: Keys) -> None:
        """The loser gets a Conflict that names the key and the other's apply; the winner's word stays."""
        lost: list[str] = []
        won: list[Applied] = []

        async def write(origin: Origin) -> None:
            try:
                won.append(await apply(etcd, keys, [want("a", origin.author)], origin))
            except Conflict as e:
                lost.append(str(e))

        with trio.fail_after(SECONDS):
            await apply(etcd, keys, [want("a")], ANNE)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(write, ANNE)
                nursery.start_soon(write, BILL)
            state = await read_state(etcd, keys)

        assert 1 == len(won) == len(lost)
        assert won[0].head
        assert f"DestinationRule default/a by apply {won[0].head.apply} of {won[0].head.author}" in lost[0]
        assert {"a": won[0].head.author} == hosts_of(state)

    async def test_a_thousand_edits_by_two_writers_lose_none(self, etcd: Etcd, keys: Keys) -> None:
        """Two writers at full speed: every edit that was confirmed is there, and the digest still fits."""
        edits = 500

        async def write(origin: Origin, client: Etcd) -> None:
            for n in range(edits):
                await apply(client, keys, [want(f"{origin.author}{n % 5}", f"h{n}")], origin)

        with trio.fail_after(SECONDS):
            async with Etcd([etcd.endpoints[0].url]) as second, trio.open_nursery() as nursery:
                nursery.start_soon(write, ANNE, etcd)
                nursery.start_soon(write, BILL, second)
            state = await read_state(etcd, keys)

        last = range(edits - 5, edits)
        assert {f"{who}{n % 5}": f"h{n}" for who in ("anne", "bill") for n in last} == hosts_of(state)
        assert state.head
        assert 2 * edits == state.head.number
        assert state.is_intact

    async def test_a_head_that_was_expected_is_insisted_on(self, etcd: Etcd, keys: Keys) -> None:
        """`if_head` refuses when the mesh has moved on."""
        with trio.fail_after(SECONDS):
            await apply(etcd, keys, [want("a")], ANNE)
            await apply(etcd, keys, [want("b")], BILL, if_head="1-aaaa")
            with pytest.raises(Conflict, match="at apply 2-bbbb by bill, not at 1-aaaa"):
                await apply(etcd, keys, [want("c")], ANNE, if_head="1-aaaa")

    async def test_a_store_that_lost_its_data_is_not_applied_to_unasked(self, etcd: Etcd, keys: Keys) -> None:
        """No apply here, and a host that serves one: refused, for all hosts would drop what these files lack."""
        with trio.fail_after(SECONDS):
            await etcd.put(keys.status("vm-1"), pack_host(HostStatus(apply="41-cccc")))
            await etcd.put(keys.status("vm-2"), pack_host(HostStatus(apply="41-cccc", left=True)))
            await etcd.put(keys.status("vm-3"), b"garbage")
            with pytest.raises(Conflict, match=r"hosts serve one: vm-1 \(41-cccc\)\. It lost its data"):
                await apply(etcd, keys, [want("a")], ANNE)
            applied = await apply(etcd, keys, [want("a")], ANNE, adopt=True)

        assert applied.changed

    async def test_numbers_go_on_above_what_hosts_have_seen(self, etcd: Etcd, keys: Keys) -> None:
        """In a store that lost its applies, and in one put back to an older: no old word passes for one on the new."""
        with trio.fail_after(SECONDS):
            await etcd.put(keys.seen("vm-1"), pack_host(Seen("57-cccc", "active")))
            await etcd.put(keys.status("vm-1"), pack_host(HostStatus(apply="56-cccc")))
            first = await apply(etcd, keys, [want("a")], ANNE, adopt=True)
            await etcd.put(keys.status("vm-2"), pack_host(HostStatus(active_apply="70-cccc", left=True)))
            second = await apply(etcd, keys, [want("b")], BILL)
            third = await apply(etcd, keys, [want("c")], BILL, adopt=True)

        assert ["58-aaaa", "59-bbbb", "71-bbbb"] == [each.head and each.head.apply for each in (first, second, third)]

    async def test_the_first_apply_is_number_one(self, etcd: Etcd, keys: Keys) -> None:
        """Hosts that wait for a mesh have seen none."""
        with trio.fail_after(SECONDS):
            await etcd.put(keys.status("vm-1"), pack_host(HostStatus()))
            applied = await apply(etcd, keys, [want("a")], ANNE)

        assert applied.head
        assert "1-aaaa" == applied.head.apply


class TestLostAnswers:
    async def test_an_apply_whose_answer_was_lost_is_found_in_the_journal(
        self, server: EmbeddedEtcd, etcd: Etcd, keys: Keys
    ) -> None:
        """The connection breaks after etcd committed: the apply is a success, and done once."""
        results: list[Applied] = []
        with trio.fail_after(SECONDS):
            async with _open_lossy(server) as (wire, broken), trio.open_nursery() as nursery:
                nursery.start_soon(_collect, results, broken, keys)
                await _until(etcd, keys.head)
                wire.cut()
            state = await read_state(etcd, keys)

        assert ["1-cccc"] == [applied.head.apply for applied in results if applied.head]
        assert [state.head_revision] == [applied.revision for applied in results]

    async def test_an_apply_that_may_or_may_not_be_done_says_so(
        self, server: EmbeddedEtcd, etcd: Etcd, keys: Keys
    ) -> None:
        """The connection breaks and stays broken: the error is that the outcome is unknown."""
        failed: list[str] = []

        async def write(broken: Etcd) -> None:
            try:
                await apply(broken, keys, [want("a")], Origin("carl", LOST.decode(), 3.0, "cccc"))
            except OutcomeUnknown as e:
                failed.append(str(e))

        with trio.fail_after(SECONDS):
            async with _open_lossy(server) as (wire, broken), trio.open_nursery() as nursery:
                nursery.start_soon(write, broken)
                await _until(etcd, keys.head)
                wire.cut(for_good=True)

        assert ["did not say whether the change was made"] == [e[e.find("did") : e.find(":", 30)] for e in failed]

    async def test_a_store_that_is_away_is_said_to_be(self) -> None:
        """Nobody listens: StoreUnavailable, and nothing was sent."""
        async with Etcd(["http://127.0.0.1:9"]) as etcd:
            with trio.fail_after(SECONDS), pytest.raises(StoreUnavailable, match="connection refused"):
                await apply(etcd, Keys(), [want("a")], ANNE)


class TestJournal:
    async def test_an_entry_has_before_and_after(self, etcd: Etcd, keys: Keys) -> None:
        """The journal of an apply has each changed key with what it was and what it became."""
        with trio.fail_after(SECONDS):
            await apply(etcd, keys, [want("a"), want("b")], ANNE)
            before = (await read_state(etcd, keys)).raw
            await apply(etcd, keys, [gone("a"), want("b"), want("c")], Origin("bill", "why", 2.0, "bbbb"))
            after = (await read_state(etcd, keys)).raw
            parts = (await etcd.list(keys.journal_part("2-bbbb", 0)[:-4])).items
        entry = journal.parse([part.value for part in parts])
        a, c = (keys.resource(key(name)) for name in "ac")
        below = len(keys.prefix) + 1

        assert ("2-bbbb", "1-aaaa", "bill", "why") == (entry.apply, entry.parent, entry.author, entry.message)
        assert {
            a[below:]: journal.Change(before[a], None),
            c[below:]: journal.Change(None, after[c]),
        } == entry.changes

    async def test_entries_go_after_two_hundred_applies(self, etcd: Etcd, keys: Keys) -> None:
        """The apply with number 201 removes what number 1 left, all of its parts and nothing else."""
        old = Head("200-aaaa", "anne", 0.0, "", 0, digest.render(0), None)
        with trio.fail_after(SECONDS):
            await etcd.put(keys.head, pack_host(old))
            for apply_id, part in (("1-aaaa", 0), ("1-aaaa", 1), ("2-aaaa", 0), ("10-aaaa", 0)):
                await etcd.put(keys.journal_part(apply_id, part), b"")
            await apply(etcd, keys, [want("a")], BILL)
            left = [item.key for item in (await etcd.list(keys.journal)).items]

        assert [keys.journal_part(i, 0) for i in ("2-aaaa", "10-aaaa", "201-bbbb")] == left


names = st.sampled_from("abcdef")
wishes = st.lists(
    st.dictionaries(names, st.none() | st.sampled_from(("x", "y")), min_size=1).map(
        lambda step: [gone(name) if host is None else want(name, host) for name, host in step.items()]
    ),
    max_size=8,
)


def stored(state: State, keys: Keys, operations: Sequence[object]) -> State:
    """Return *state* after *operations*, as etcd would have it."""
    raw, head = dict(state.raw), state.head
    for op in operations:
        match op:
            case Put() if op.key == keys.head:
                head = unpack_host(op.value, Head)
            case Put() if keys.parse_resource(op.key):
                raw[op.key] = op.value
            case Delete():
                del raw[op.key]
            case DeletePrefix():
                assert op.prefix.startswith(keys.journal)
    return State(state.revision + 1, head, state.revision + 1, raw)


@given(wishes)
@settings(deadline=None)
def test_head_always_fits_what_is_stored(steps: Sequence[Sequence[Wanted]]) -> None:
    """After any sequence of applies, number and digest in `head` are those of the records."""
    keys = Keys()
    state = State(1, None, 0, {})
    for number, step in enumerate(steps, start=1):
        head, txn = transaction(state, keys, step, judge(state, keys, step), ANNE)
        state = stored(state, keys, txn.operations)

        assert head == state.head
        assert number == head.number
        assert state.is_intact


@asynccontextmanager
async def _open_lossy(server: EmbeddedEtcd) -> AsyncIterator[tuple[Wire, Etcd]]:
    """A client whose wire to etcd loses the answer to LOST; it is closed after those who use it have ended."""
    async with open_wire(server.endpoint, lose_answer_to=LOST) as wire, Etcd([wire.endpoint]) as etcd:
        yield wire, etcd


async def _collect(results: list[Applied], etcd: Etcd, keys: Keys) -> None:
    results.append(await apply(etcd, keys, [want("a")], Origin("carl", LOST.decode(), 3.0, "cccc")))


async def _until(etcd: Etcd, key: str) -> None:
    while await etcd.get(key) is None:
        await trio.sleep(0.005)
