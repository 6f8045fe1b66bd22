"""What of `config/` is published: finished states only, whole, once; and what stays when something is amiss."""

from collections.abc import Iterable, Mapping

import msgpack
from hypothesis import given, settings
from hypothesis import strategies as st

from store import digest
from store.codec import Record, Source, encode, pack
from store.host import Head
from store.host import pack as pack_head
from store.keys import Keys
from store.replica import Published, Replica
from store.resources.fields import Key
from store.resources.service_entry import ServiceEntry
from tests.meshes import resources

KEYS = Keys()
NAMES = ("a", "b", "c", "d")
Items = dict[str, bytes]


def key(name: str) -> Key:
    return Key("default", name, "ServiceEntry")


def etcd_key(name: str) -> str:
    return KEYS.resource(key(name))


def record(name: str, port: int = 80, **more: object) -> bytes:
    """Return the record of a ServiceEntry; *more* are fields of its spec that nobody knows."""
    [resource] = resources(f"""
apiVersion: networking.istio.io/v1alpha3
kind: ServiceEntry
metadata: {{name: {name}}}
spec: {{hosts: [{name}], resolution: STATIC, ports: [{{number: {port}, name: http, protocol: HTTP}}],
  endpoints: [{{address: 127.0.0.1}}]}}
""")
    document = encode(resource)
    spec = document["spec"]
    assert isinstance(spec, dict)
    return pack(Record({**document, "spec": {**spec, **more}}, Source("f.yaml", 1), 1, "1-0000"))


def head(number: int, records: Mapping[str, bytes]) -> bytes:
    """Return the head that an apply of *number*, after which there are *records*, writes."""
    total = digest.render(digest.digest_of(records.items()))
    parent = f"{number - 1}-0000" if number > 1 else None
    return pack_head(Head(f"{number}-0000", "test", 0.0, "", len(records), total, parent))


def listing(number: int, **records: bytes) -> Items:
    """Return all of `config/` after apply *number*."""
    raw = {etcd_key(name): value for name, value in records.items()}
    return {KEYS.head: head(number, raw), **raw}


def loaded(items: Items, revision: int = 1) -> Replica:
    replica = Replica(KEYS)
    replica.load(items.items(), revision)
    return replica


def names(keys: Iterable[Key]) -> list[str]:
    return sorted(each.name for each in keys)


def ports(replica: Replica) -> dict[str, int]:
    """Return name → port of every resource that is served."""
    assert replica.snapshot is not None
    served = {each.name: entry.resource for each, entry in replica.snapshot.entries.items()}
    specs = {name: resource.spec for name, resource in served.items() if resource}
    return {name: spec.ports[0].number for name, spec in specs.items() if isinstance(spec, ServiceEntry)}


class TestFinishedStates:
    def test_a_finished_list_is_published_whole(self) -> None:
        """The first list is published with every key as changed."""
        replica = Replica(KEYS)

        published = replica.load(listing(3, a=record("a"), b=record("b")).items(), 7)

        assert published is not None
        assert ["a", "b"] == names(published.changed) == names(published.snapshot.entries)
        assert (7, "3-0000") == (
            published.snapshot.revision,
            published.snapshot.head and published.snapshot.head.apply,
        )

    def test_an_empty_mesh_is_a_state_too(self) -> None:
        """A store without anything is published at the first list: a mesh before its first apply."""
        published = Replica(KEYS).load((), 1)

        assert published is not None
        assert (None, 0) == (published.snapshot.head, len(published.snapshot.entries))

    def test_the_same_list_again_publishes_nothing(self) -> None:
        """A list after a compaction that brings nothing new costs nothing."""
        items = listing(1, a=record("a"))
        replica = loaded(items)

        assert replica.load(items.items(), 9) is None
        assert replica.held is None
        assert 9 == replica.revision

    def test_several_keys_of_one_revision_are_one_state(self) -> None:
        """Put, changed and deleted in one revision: published once, with exactly these keys."""
        replica = loaded(listing(1, a=record("a"), b=record("b"), c=record("c")))
        after = listing(2, a=record("a"), b=record("b", 81), d=record("d"))
        events = [(k, v) for k, v in after.items() if k != etcd_key("a")] + [(etcd_key("c"), None)]

        published = replica.follow(2, events)

        assert published is not None
        assert ["b", "c", "d"] == names(published.changed)
        assert {"a": 80, "b": 81, "d": 80} == ports(replica)

    def test_a_record_written_anew_with_equal_bytes_is_not_changed(self) -> None:
        """Only what differs counts as changed."""
        replica = loaded(listing(1, a=record("a")))

        published = replica.follow(2, listing(2, a=record("a"), b=record("b")).items())

        assert published is not None
        assert ["b"] == names(published.changed)

    def test_what_a_list_has_shown_is_not_followed_again(self) -> None:
        """Events that come late, of a revision before the list, do not lead back."""
        replica = loaded(listing(2, a=record("a", 82)), revision=20)

        assert replica.follow(19, listing(1, a=record("a", 81)).items()) is None
        assert {"a": 82} == ports(replica)
        assert replica.held is None

    def test_an_older_finished_state_is_followed_when_it_is_listed(self) -> None:
        """A store restored from a backup has a lower revision and apply, and is what the mesh is now."""
        replica = loaded(listing(9, a=record("a", 82), b=record("b")), revision=90)

        published = replica.load(listing(8, a=record("a", 81)).items(), 50)

        assert published is not None
        assert ["a", "b"] == names(published.changed)
        assert {"a": 81} == ports(replica)
        assert replica.follow(51, listing(9, a=record("a", 83)).items()) is not None

    def test_other_keys_of_the_range_are_nobodys_records(self) -> None:
        """What lies below `config/` and is no resource neither counts nor matters."""
        replica = loaded({**listing(1, a=record("a")), f"{KEYS.config}trust": b"?", f"{KEYS.resources}a/b": b"?"})

        assert replica.held is None
        assert replica.follow(2, [(f"{KEYS.resources}x//y", b"?")]) is None
        assert replica.held is None


class TestHeld:
    def test_records_without_head_are_held(self) -> None:
        """Somebody wrote records by hand: nothing is published before an apply says what counts."""
        replica = Replica(KEYS)

        assert replica.load([(etcd_key("a"), record("a"))], 1) is None
        assert str(replica.held) == "1 records without config/head: not written by meshctl apply"

    def test_a_head_that_is_gone_is_held(self) -> None:
        """The prefix was deleted: what was served stays, and the reason is told."""
        replica = loaded(listing(1, a=record("a")))

        assert replica.follow(2, [(KEYS.head, None), (etcd_key("a"), None)]) is None
        assert "config/head is gone" in str(replica.held)
        assert "the state of apply 1-0000 is kept" in str(replica.held)
        assert {"a": 80} == ports(replica)

    def test_an_emptied_store_is_held_until_something_is_applied_there(self) -> None:
        """An empty list holds; the first apply of the new store is a person's word and is followed."""
        replica = loaded(listing(5, a=record("a"), b=record("b")), revision=90)

        assert replica.load((), 1) is None
        assert "config/head is gone" in str(replica.held)

        published = replica.follow(2, listing(1, a=record("a")).items())

        assert published is not None
        assert ["b"] == names(published.changed)
        assert replica.held is None

    def test_a_head_that_is_not_ours_is_held(self) -> None:
        """Bytes under `config/head` that are no head say so; they do not count as a deleted one."""
        replica = loaded(listing(1, a=record("a")))

        assert replica.follow(2, [(KEYS.head, b"\xc1")]) is None
        assert "config/head is unreadable" in str(replica.held)

    def test_a_record_without_an_apply_is_held_and_the_next_apply_heals(self) -> None:
        """A record changed by etcdctl is not served, and is named; the next good state brings everything at once."""
        replica = loaded(listing(1, a=record("a"), b=record("b")))

        assert replica.follow(2, [(etcd_key("a"), record("a", 99))]) is None
        assert str(replica.held) == (
            "records were changed without an apply (ServiceEntry default/a); the state of apply 1-0000 is kept"
        )
        assert {"a": 80, "b": 80} == ports(replica)

        after = {etcd_key("a"): record("a", 99), etcd_key("b"): record("b", 81)}
        published = replica.follow(3, [(KEYS.head, head(2, after)), (etcd_key("b"), after[etcd_key("b")])])

        assert published is not None
        assert ["a", "b"] == names(published.changed)
        assert replica.held is None
        assert {"a": 99, "b": 81} == ports(replica)

    def test_what_is_put_back_is_no_change(self) -> None:
        """A record changed by hand and put back: the hold ends, and there is nothing to publish."""
        replica = loaded(listing(1, a=record("a")))
        replica.follow(2, [(etcd_key("a"), record("a", 99)), (etcd_key("b"), record("b"))])

        assert replica.follow(3, [(etcd_key("a"), record("a")), (etcd_key("b"), None)]) is None
        assert replica.held is None

    def test_many_changed_records_are_counted(self) -> None:
        """A message names five of them, not thousands."""
        replica = loaded(listing(1))

        replica.follow(2, [(etcd_key(f"n{i}"), record(f"n{i}")) for i in range(8)])

        assert "default/n4 and 3 more" in str(replica.held)

    def test_the_state_shows_itself(self) -> None:
        """`repr` says what is published or why not."""
        replica = loaded(listing(1, a=record("a")))

        assert "<Replica 1 records, apply 1-0000>" == repr(replica)


class TestUnread:
    def test_garbage_stops_only_itself(self) -> None:
        """A record of garbage keeps its last good version and is named; the rest of the apply is live."""
        replica = loaded(listing(1, a=record("a"), b=record("b")))

        published = replica.follow(2, listing(2, a=b"garbage", b=record("b", 81)).items())

        assert published is not None
        assert ["b"] == names(published.changed)
        assert {"a": 80, "b": 81} == ports(replica)
        assert ["ServiceEntry default/a"] == list(replica.unread)
        assert "its last good version stays" in replica.unread["ServiceEntry default/a"]

    def test_a_record_of_a_newer_version_keeps_its_last_good_one(self) -> None:
        """A field that we do not know: kept out, with its name in the reason; understood again, it is served."""
        replica = loaded(listing(1, a=record("a"), b=record("b")))

        published = replica.follow(2, listing(2, a=record("a", 81, flux=1), b=record("b")).items())

        assert published is not None
        assert frozenset() == published.changed
        assert {"a": 80, "b": 80} == ports(replica)
        assert "flux" in replica.unread["ServiceEntry default/a"]

        assert replica.follow(3, listing(3, a=record("a", 82), b=record("b")).items()) is not None
        assert {"a": 82, "b": 80} == ports(replica)
        assert {} == replica.unread

    def test_garbage_with_nothing_before_is_left_out(self) -> None:
        """Without a good version there is none to stay; the others are served."""
        replica = loaded(listing(1, a=b"", b=record("b")))

        assert {"b": 80} == ports(replica)
        assert "it is left out" in replica.unread["ServiceEntry default/a"]

    def test_a_deleted_unread_record_is_gone(self) -> None:
        """Deletion needs no reading."""
        replica = loaded(listing(1, a=record("a")))
        replica.follow(2, listing(2, a=b"garbage").items())

        published = replica.follow(3, [(KEYS.head, head(3, {})), (etcd_key("a"), None)])

        assert published is not None
        assert ["a"] == names(published.changed)
        assert {} == replica.unread
        assert () == replica.good

    def test_the_good_version_survives_a_restart(self) -> None:
        """What goes to disk is the whole state with the good versions beside it, and gives the same state again."""
        first = loaded(listing(1, a=record("a"), b=record("b")))
        first.follow(2, listing(2, a=b"garbage", b=record("b", 81)).items())
        first.follow(3, listing(3, a=record("a", 7, flux=1), b=record("b", 82)).items())

        second = Replica(KEYS)
        second.load(first.published(), 3, good=first.good)

        assert {"a": 80, "b": 82} == ports(second)
        assert first.unread == second.unread
        assert first.good == second.good

    def test_the_disk_gets_what_is_published_not_what_is_held(self) -> None:
        """A copy taken while something is held is of the last finished state."""
        replica = loaded(listing(1, a=record("a")))
        replica.follow(2, [(etcd_key("a"), record("a", 99))])

        assert listing(1, a=record("a")) == dict(replica.published())


RECORDS = {(name, port): record(name, port) for name in NAMES for port in (80, 81)}
GARBAGE = (b"", b"\xc1", msgpack.packb({"document": 1}))

applies = st.lists(
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from((80, 81, None)), min_size=1),
    min_size=1,
    max_size=8,
)


@given(applies, st.data())
@settings(max_examples=150, deadline=None)
def test_exactly_the_finished_states_are_published(steps: list[dict[str, int | None]], data: st.DataObject) -> None:
    """Applies in one revision or in several, in any order, with lists in between: whole states, exact changes."""
    replica = loaded(listing(1))
    now: Items = {}
    revision = 1
    for number, step in enumerate(steps, start=2):
        after = dict(now)
        for name, port in step.items():
            if port is None:
                after.pop(etcd_key(name), None)
            else:
                after[etcd_key(name)] = RECORDS[name, port]
        events: list[tuple[str, bytes | None]] = [(etcd_key(name), after.get(etcd_key(name))) for name in step]
        events = data.draw(st.permutations([*events, (KEYS.head, head(number, after))]))
        cut = data.draw(st.integers(0, len(events)))
        published: list[Published] = []
        live: Items = {KEYS.head: head(number - 1, now), **now}
        for part in (events[:cut], events[cut:]):
            revision += 1
            live = {k: v for k, v in {**live, **dict(part)}.items() if v is not None}
            published += [p for p in [replica.follow(revision, part)] if p]
            if data.draw(st.booleans()):
                published += [p for p in [replica.load(live.items(), revision)] if p]
        states = [{etcd_key(k.name): pack(e.record) for k, e in p.snapshot.entries.items()} for p in published]
        differing = {k for k in now.keys() | after.keys() if now.get(k) != after.get(k)}

        assert [after] == states
        assert differing == {KEYS.resource(k) for p in published for k in p.changed}
        assert replica.held is None

        now = after


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from((*GARBAGE, record("x", 80, flux=1), 80, 81)))))
@settings(max_examples=100, deadline=None)
def test_whatever_is_stored_the_last_good_version_is_served(steps: list[tuple[str, bytes | int]]) -> None:
    """Good records and bad ones in any order, across restarts: each name is served as it last was good."""
    replica = loaded(listing(1))
    raw: Items = {}
    good: dict[str, int] = {}
    for number, (name, value) in enumerate(steps, start=2):
        raw[name] = value if isinstance(value, bytes) else RECORDS[name, value]
        if isinstance(value, int):
            good[name] = value
        replica.follow(number, listing(number, **raw).items())
        again = Replica(KEYS)
        again.load(replica.published(), number, good=replica.good)

        assert good == ports(replica) == ports(again)

        replica = again
