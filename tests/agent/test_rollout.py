"""Transcripts of delivery when Envoy accepts everything: the order, what is sent, what waits, what goes."""

from agent.compiler.envoy_config import Type
from tests.agent.playbook import (
    Playbook,
    acks,
    asks,
    connects,
    drops,
    ids,
    later,
    leaves,
    nothing,
    offer,
    removes,
    sends,
    serving,
    version,
)

MESH = "c:a e:a l:L s:S>t r:t>a"


def test_cold_start() -> None:
    """An Envoy that starts is given clusters, endpoints, listeners, scopes and tables, each when it asks."""
    play = Playbook() >> offer(MESH) << nothing
    play >> asks("c") << sends("c:a") >> acks("c")
    play >> asks("e", "a") << sends("e:a") >> acks("e")
    play >> asks("l") << sends("l:L") >> acks("l")
    play >> asks("s") << sends("s:S") >> acks("s")

    assert ids("r:t") == play.unsettled(MESH)

    play >> asks("r", "t") << sends("r:t") >> acks("r") << nothing

    assert set() == play.unsettled(MESH)


def test_nothing_before_the_first_offer() -> None:
    """An Envoy that asks before anything is known is answered nothing, rather than that there is nothing."""
    play = Playbook() >> asks("c", has="c:a") >> asks("l", has="l:L") >> asks("r", "t", has="r:t") << nothing
    play >> later(100) << nothing
    play >> offer(MESH) << nothing >> asks("s") << sends("s:S")


def test_not_connected() -> None:
    """What is offered while there is no stream waits for one."""
    play = Playbook(connect=False) >> offer(MESH) << nothing

    assert ids(MESH) == play.unsettled(MESH)
    assert play.rollout.deadline() is None

    play >> connects >> asks("c") << sends("c:a")


def test_only_what_changed_is_sent() -> None:
    """A changed table is one resource on the way."""
    play = serving("c:a e:a s:S>t s:Z>u r:t>a r:u>a")
    play >> offer("c:a e:a s:S>t s:Z>u r:t=2>a r:u>a") << sends("r:t=2")

    assert ids("r:t") == play.unsettled("r:t r:u")

    play >> acks("r") << nothing

    assert set() == play.unsettled("r:t r:u")


def test_equal_offer() -> None:
    """The same again sends nothing."""
    serving(MESH) >> offer(MESH) << nothing


def test_there_and_back() -> None:
    """A change that is taken back on its way is not settled before both were answered."""
    play = serving(MESH) >> offer("c:a e:a l:L s:S>t r:t=2>a") << sends("r:t=2")
    play >> offer(MESH) << sends("r:t")

    assert ids("r:t") == play.unsettled("r:t")

    play >> acks("r")

    assert ids("r:t") == play.unsettled("r:t")

    play >> acks("r")

    assert set() == play.unsettled("r:t")


def test_updated_cluster() -> None:
    """After a cluster's update its endpoints are sent again; its tables do not wait, the old one serves."""
    play = serving(MESH) >> offer("c:a=2 e:a l:L s:S>t r:t=2>a")
    play << sends("c:a=2") << sends("e:a") << sends("r:t=2")


def test_new_service() -> None:
    """A new service's scope makes Envoy ask for its table, which waits for its cluster."""
    play = serving(MESH) >> offer(MESH + " c:b e:b s:Z>u r:u>b")
    play << sends("c:b") << sends("s:Z") >> asks("r", "u") << nothing

    assert {"u"} == set(play.rollout.waiting())

    play >> acks("c") >> asks("e", "b") << sends("e:b") >> acks("e") << sends("r:u") >> acks("s") >> acks("r")

    assert {} == play.rollout.waiting()
    assert set() == play.unsettled("c:b e:b s:Z r:u")


def test_table_keeps_its_bytes_while_it_waits() -> None:
    """A served table that shall name a new cluster stays as it is until that is warm; newer versions wait as one."""
    play = serving(MESH) >> offer(MESH.replace("r:t>a", "r:t=2>a+b") + " c:b e:b") << sends("c:b")
    play >> offer(MESH.replace("r:t>a", "r:t=3>a+b") + " c:b e:b") << nothing >> asks("e", "b") << sends("e:b")

    assert version("r:t") == play.rollout.accepted(Type.ROUTES)["t"]

    play >> acks("e") << sends("r:t=3") >> acks("r") << nothing


def test_table_that_waited_long_enough() -> None:
    """After 15 s a table goes out though its cluster is cold, and that is reported until the cluster is warm."""
    play = serving(MESH) >> offer(MESH.replace("r:t>a", "r:t=2>b") + " c:b e:b") << sends("c:b")

    assert play.now + 15 == play.rollout.deadline()

    play >> asks("e", "b") << sends("e:b") >> later(14.9) << nothing >> later(0.2) << sends("r:t=2")

    assert play.rollout.deadline() is None
    assert {"t": {"b"}} == play.rollout.overdue()

    play >> acks("e")

    assert {} == play.rollout.overdue()


def test_wait_that_is_not_needed_any_more() -> None:
    """A table that need not change after all leaves no deadline behind that passes again and again."""
    play = serving(MESH) >> offer(MESH.replace("r:t>a", "r:t=2>b") + " c:b e:b") << sends("c:b") >> offer(MESH)
    play << removes("c", "b")

    assert play.rollout.deadline() is None


def test_deadline_without_envoy() -> None:
    """While Envoy is away no deadline passes: there is nobody to send to."""
    play = serving(MESH) >> offer(MESH.replace("r:t>a", "r:t=2>b") + " c:b e:b") << sends("c:b") >> leaves >> later(99)

    assert play.rollout.deadline() is None


def test_removed_service() -> None:
    """The scope goes first; the cluster goes once Envoy has dropped the table that names it."""
    play = serving(MESH + " c:b e:b s:Z>u r:u>b") >> offer(MESH) << removes("s", "Z")

    assert ids("s:Z") == play.unsettled("c:b e:b s:Z r:u")

    play >> acks("s") << nothing >> drops("r", "u") << removes("c", "b") >> drops("e", "b") >> acks("c") << nothing

    assert set() == play.unsettled("c:b e:b s:Z r:u")
    assert {"a"} == set(play.rollout.accepted(Type.CLUSTER))


def test_cluster_goes_after_every_table_that_named_it() -> None:
    """A cluster is removed only when each table that names it was replaced, and the new ones acknowledged."""
    play = serving("c:a c:b e:a e:b s:S>t s:Z>u r:t>b r:u>b")
    play >> offer("c:a e:a s:S>t s:Z>u r:t=2>a r:u=2>a") << sends("r:t=2 r:u=2") << nothing
    play >> acks("r") << removes("c", "b")


def test_cluster_of_a_waiting_table() -> None:
    """A table that still waits for its new cluster keeps the old one alive."""
    play = serving(MESH) >> offer("c:b e:b l:L s:S>t r:t=2>b") << sends("c:b") >> asks("e", "b") << sends("e:b")
    play >> acks("e") << sends("r:t=2") << nothing >> acks("r") << removes("c", "a")


def test_removed_gateway_listener() -> None:
    """The clusters behind a removed listener live until Envoy has drained it and unsubscribes its table."""
    play = serving("c:a e:a c:b e:b s:S>t r:t>a l:G>g r:g>b") >> offer("c:a e:a s:S>t r:t>a") << removes("l", "G")
    play >> acks("l") << nothing >> later(20) << nothing >> drops("r", "g") << removes("c", "b")


def test_listener_in_the_place_of_another() -> None:
    """A listener that goes and one that comes are in one response: they may have the same address."""
    play = serving("c:a e:a l:L r:t>a") >> offer("c:a e:a l:M r:t>a") << sends("l:M", removed="L") >> acks("l")

    assert set() == play.unsettled("l:L l:M")


def test_removed_and_added_at_once() -> None:
    """A service that comes back while its removal is on the way has to be warm again before its table goes out."""
    play = serving(MESH + " c:b e:b s:Z>u r:u>b") >> offer(MESH) << removes("s", "Z") >> acks("s")
    play >> drops("r", "u") << removes("c", "b")
    play >> offer(MESH + " c:b e:b s:Z>u r:u>b") << sends("c:b") << sends("e:b") << sends("s:Z")

    assert ids("c:b s:Z r:u e:b") == play.unsettled(MESH + " c:b e:b s:Z r:u")

    play >> asks("r", "u") << nothing >> acks("c")

    assert "b" not in play.rollout.accepted(Type.CLUSTER), "that was the removal"

    play >> acks("c") >> acks("e") << sends("r:u")

    assert "b" in play.rollout.accepted(Type.CLUSTER)


def test_endpoints_sent_before_the_removal_warm_nothing() -> None:
    """The acknowledgement of endpoints that a removed cluster had does not count for the one that follows it."""
    play = serving("c:a e:a c:b e:b s:S>t r:t>a") >> offer("c:a e:a c:b e:b=2 s:S>t r:t>a") << sends("e:b=2")
    play >> offer("c:a e:a s:S>t r:t>a") << removes("c", "b")
    play >> offer("c:a e:a c:b e:b=2 s:S>t r:t=2>b") << sends("c:b") << sends("e:b=2")
    play >> acks("e") << nothing >> acks("e") << sends("r:t=2")


def test_removal_that_is_taken_back_in_time() -> None:
    """A cluster that waits for its removal and is desired again was never away."""
    play = serving(MESH + " c:b e:b s:Z>u r:u>b") >> offer(MESH) << removes("s", "Z")
    play >> offer(MESH + " c:b e:b s:Z>u r:u>b") << sends("s:Z") >> acks("s")

    assert ids("s:Z") == play.unsettled("c:b e:b s:Z r:u")

    play >> acks("s") >> drops("r", "u") << nothing >> asks("r", "u") << sends("r:u") >> acks("r") << nothing

    assert set() == play.unsettled("c:b e:b s:Z r:u")


def test_new_subscription_is_answered() -> None:
    """Who asks anew has nothing, whatever was sent before."""
    play = serving(MESH) >> asks("r", "t") << sends("r:t")

    assert ids("r:t") == play.unsettled("r:t")

    play >> acks("r") >> asks("e", "a") << sends("e:a") >> acks("e") << nothing

    assert set() == play.unsettled("r:t e:a")


def test_subscription_before_there_is_anything() -> None:
    """A name that is not desired yet is answered when it is."""
    play = serving(MESH) >> asks("e", "b") << nothing >> asks("r", "u") << nothing
    play >> offer(MESH + " c:b e:b r:u") << sends("c:b") << sends("e:b") << sends("r:u")


def test_unasked_tables_are_not_sent() -> None:
    """Nothing goes by name that Envoy did not ask for, or asks for no more."""
    serving(MESH) >> offer(MESH + " r:u") << nothing >> drops("r", "t") >> offer(MESH + "=9 r:u") << nothing


def test_answer_to_an_old_nonce() -> None:
    """An answer to what this stream never sent changes nothing."""
    play = Playbook() >> offer(MESH) >> asks("c") << sends("c:a")
    play.rollout.ack(Type.CLUSTER, "77")
    play.rollout.nack(Type.CLUSTER, "78", "no")

    assert {} == play.rollout.accepted(Type.CLUSTER)
    assert [] == list(play.rollout.refusals())


def test_reconnect_with_the_same_content() -> None:
    """An Envoy that says it has all of it is sent nothing, whoever sent it."""
    for play in (serving(MESH), Playbook(connect=False) >> offer(MESH)):
        play >> leaves >> connects >> asks("c", has="c:a") >> asks("e", "a", has="e:a") >> asks("l", has="l:L")
        play >> asks("s", has="s:S") >> asks("r", "t", has="r:t") << nothing

        assert set() == play.unsettled(MESH)


def test_reconnect_heals() -> None:
    """What changed and what went while there was no stream is made good."""
    play = serving(MESH + " c:b e:b s:Z>u r:u>b") >> leaves >> offer("c:a=2 e:a=2 l:L=2 s:S>t r:t=2>a") >> connects
    play >> asks("c", has="c:a c:b") << sends("c:a=2") >> asks("e", "a b", has="e:a e:b") << sends("e:a=2")
    play >> asks("l", has="l:L") << sends("l:L=2") >> asks("s", has="s:S s:Z") << removes("s", "Z")
    play >> asks("r", "t u", has="r:t r:u") << sends("r:t=2")
    play >> acks("r") << nothing >> drops("r", "u") << removes("c", "b")


def test_reconnect_with_a_changed_cluster() -> None:
    """A cluster that is updated on a new stream warms again: Envoy has its endpoints, and still must be sent them."""
    play = serving(MESH) >> leaves >> offer(MESH.replace("c:a", "c:a=2")) >> connects
    play >> asks("c", has="c:a") << sends("c:a=2") >> asks("e", "a", has="e:a") << sends("e:a")


def test_reconnect_while_clusters_warm() -> None:
    """An Envoy that asks for endpoints before clusters is warming some: it is sent what it says it has."""
    play = Playbook() >> offer(MESH) >> asks("e", "a", has="e:a") << sends("e:a") >> acks("e") >> asks("c", has="c:a")
    play << nothing


def test_reconnect_with_an_unknown_table() -> None:
    """A table of a version that we do not know may name any cluster: none goes until it is replaced."""
    play = Playbook() >> offer("c:a e:a s:S>t r:t=2>a") >> asks("c", has="c:a c:b") >> asks("e", "a b", has="e:a e:b")
    play >> asks("s", has="s:S") >> asks("r", "t", has="r:t=1>b") << sends("r:t=2") >> acks("r") << removes("c", "b")


def test_removed_cluster_before_the_tables_are_known() -> None:
    """Before Envoy has said which tables it holds, no cluster goes."""
    play = Playbook() >> offer(MESH) >> asks("c", has="c:a c:b") << nothing >> asks("l", has="l:L") << nothing
    play >> asks("r", "t") << removes("c", "b")


def test_crash_of_envoy() -> None:
    """An Envoy that starts anew is given everything; what it has to be warm for, waits again."""
    play = serving(MESH) >> leaves

    assert ids(MESH) == play.unsettled(MESH)

    play >> connects >> asks("c") << sends("c:a") >> asks("e", "a") << sends("e:a") >> asks("l") << sends("l:L")
    play >> asks("s") << sends("s:S") >> asks("r", "t") << nothing >> acks("e") << sends("r:t")


def test_stream_that_is_replaced() -> None:
    """What was on the way on the old stream is answered on none: it is sent again."""
    play = serving(MESH) >> offer(MESH.replace("r:t>a", "r:t=2>a")) << sends("r:t=2") >> connects
    play >> asks("c", has="c:a") >> asks("e", "a", has="e:a") >> asks("r", "t", has="r:t") << sends("r:t=2")
