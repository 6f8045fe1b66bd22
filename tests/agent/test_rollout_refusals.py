"""Transcripts of delivery when Envoy refuses: the guilty one is found, named, not sent again; the rest goes live."""

from agent.channel import shortened
from agent.compiler.envoy_config import Id, Type
from tests.agent.playbook import (
    TYPES,
    Playbook,
    acks,
    asks,
    config,
    connects,
    drops,
    ids,
    later,
    leaves,
    nothing,
    offer,
    refuses,
    removes,
    resource,
    sends,
    serving,
    stand_in,
    version,
)

MESH = "c:a e:a l:L s:S>t r:t>a"


def refused(play: Playbook) -> dict[Id, str]:
    """Return what is refused, with Envoy's words."""
    return {(r.type, r.name): refusal.message for r, refusal in play.rollout.refusals()}


def test_one_is_refused() -> None:
    """What Envoy refuses is not sent again until it changes; what it had before stays, and everything else goes on."""
    play = serving(MESH) >> offer(MESH.replace("c:a", "c:a=2")) << sends("c:a=2") << sends("e:a")
    play >> refuses("c", "no such\n filter") >> acks("e") << nothing

    assert {(Type.CLUSTER, "a"): "no such filter"} == refused(play)
    assert set() == play.unsettled(MESH)
    assert version("c:a") == play.rollout.accepted(Type.CLUSTER)["a"]

    play >> offer(MESH.replace("c:a", "c:a=2").replace("r:t", "r:t=2")) << sends("r:t=2") >> acks("r")
    play >> offer(MESH.replace("c:a", "c:a=3")) << sends("c:a=3") << sends("e:a") << sends("r:t") >> acks("c")

    assert {} == refused(play)


def test_refused_change_is_taken_back() -> None:
    """Back to what Envoy has: nothing is sent, and nothing is refused any more."""
    play = serving(MESH) >> offer(MESH.replace("l:L", "l:L=2")) << sends("l:L=2") >> refuses("l") >> offer(MESH)
    play << nothing

    assert {} == refused(play)
    assert set() == play.unsettled(MESH)


def test_guilty_one_among_many() -> None:
    """After a NACK of several, halves are sent until the guilty one stands alone; all others are accepted."""
    play = Playbook() >> offer("c:a c:b c:c c:d") >> asks("c") << sends("c:a c:b c:c c:d")
    play >> refuses("c") << sends("c:a c:b") << sends("c:c c:d")

    assert ids("c:a c:b c:c c:d") == play.unsettled("c:a c:b c:c c:d")

    play >> acks("c") >> refuses("c", "words") << sends("c:c") << sends("c:d")
    play >> refuses("c", "words") >> acks("c") << nothing

    assert {(Type.CLUSTER, "c"): "words"} == refused(play)
    assert {"a", "b", "d"} == set(play.rollout.accepted(Type.CLUSTER))
    assert set() == play.unsettled("c:a c:b c:c c:d")


def test_several_guilty_ones() -> None:
    """Each of several guilty ones is found, and work goes on meanwhile."""
    play = Playbook() >> offer("c:a c:b c:c") >> asks("c") << sends("c:a c:b c:c")
    play >> refuses("c") << sends("c:a") << sends("c:b c:c") >> offer("c:a c:b c:c c:d") << sends("c:d")
    play >> refuses("c") >> refuses("c") << sends("c:b") << sends("c:c") >> acks("c") >> acks("c") >> refuses("c")
    play << nothing

    assert ids("c:a c:c") == refused(play).keys()
    assert {"b", "d"} == set(play.rollout.accepted(Type.CLUSTER))


def test_suspects_change_or_go() -> None:
    """A suspect that was changed is sent in its new version, one that is gone is not missed."""
    play = Playbook() >> offer("c:a c:b c:c c:d") >> asks("c") << sends("c:a c:b c:c c:d")
    play.rollout.offer(config("c:a c:b=2 c:z"), ids("c:b c:c c:d c:z"))
    play >> refuses("c") << sends("c:z") << sends("c:a c:b=2") << nothing >> asks("r", "t")
    play << removes("c", "c d")


def test_removal_of_what_may_be_in_force() -> None:
    """A resource from a refused response may have been applied all the same: when it goes, it is removed."""
    play = Playbook() >> offer("l:A l:B") >> asks("l") << sends("l:A l:B") >> refuses("l")
    play << sends("l:A") << sends("l:B") >> offer("l:C") << sends("l:C", removed="A B")


def test_doubt_ends_with_the_good_version() -> None:
    """The guilty one of several may be in force after all; the version before it is sent again, to be sure."""
    play = serving("l:A l:B") >> offer("l:A=2 l:B=2") << sends("l:A=2 l:B=2") >> refuses("l")
    play << sends("l:A=2") << sends("l:B=2") >> acks("l") >> refuses("l") << sends("l:B") >> acks("l") << nothing

    assert ids("l:B") == refused(play).keys()


def test_refused_first_table() -> None:
    """A service whose first table is refused answers 503, and does not seem unknown."""
    play = serving(MESH) >> offer(MESH + " s:Z>u r:u>a") << sends("s:Z") >> acks("s") >> asks("r", "u") << sends("r:u")
    play >> refuses("r", "bad regex") << sends("r:u=503") >> acks("r") << nothing

    assert {(Type.ROUTES, "u"): "bad regex"} == refused(play)
    assert stand_in("u").version == play.rollout.accepted(Type.ROUTES)["u"]
    assert set() == play.unsettled("s:Z r:u")


def test_refused_first_table_is_repaired() -> None:
    """The repaired table takes the place of the stand-in; refused again, it is what stays."""
    play = serving(MESH + " s:Z>u") >> asks("r", "u") >> offer(MESH + " s:Z>u r:u") << sends("r:u") >> refuses("r")
    play << sends("r:u=503") >> acks("r") >> offer(MESH + " s:Z>u r:u=2") << sends("r:u=2") >> acks("r")

    assert {} == refused(play)

    play >> offer(MESH + " s:Z>u r:u=3") << sends("r:u=3") >> refuses("r") << nothing

    assert version("r:u=2") == play.rollout.accepted(Type.ROUTES)["u"]


def test_refused_first_table_twice() -> None:
    """A second bad version, and then the first again, leave the stand-in where it is."""
    play = serving(MESH + " s:Z>u") >> asks("r", "u") >> offer(MESH + " s:Z>u r:u") << sends("r:u") >> refuses("r")
    play << sends("r:u=503") >> acks("r") >> offer(MESH + " s:Z>u r:u=2") << sends("r:u=2") >> refuses("r") << nothing

    assert ids("r:u") == refused(play).keys()
    assert stand_in("u").version == play.rollout.accepted(Type.ROUTES)["u"]


def test_refused_first_table_is_removed() -> None:
    """With the service its refusal and its stand-in go; one of that name that comes later begins anew."""
    play = serving(MESH + " s:Z>u") >> asks("r", "u") >> offer(MESH + " s:Z>u r:u") << sends("r:u") >> refuses("r")
    play << sends("r:u=503") >> acks("r") >> offer(MESH) << removes("s", "Z") >> acks("s") >> drops("r", "u")

    assert {} == refused(play)

    play >> offer(MESH + " s:Z>u r:u") << sends("s:Z") >> asks("r", "u") << sends("r:u")


def test_refused_stand_in() -> None:
    """Should even the stand-in be refused, nothing is sent any more: no circle."""
    play = serving(MESH + " s:Z>u") >> asks("r", "u") >> offer(MESH + " s:Z>u r:u") << sends("r:u")
    play >> refuses("r", "first") << sends("r:u=503") >> refuses("r", "second") << nothing

    assert {(Type.ROUTES, "u"): "first"} == refused(play)


def test_refused_table_names_no_cluster_that_must_stay() -> None:
    """What only a refused version names may go: Envoy never took that version."""
    play = serving(MESH + " c:b e:b") >> offer(MESH.replace("r:t>a", "r:t=2>b") + " c:b e:b") << sends("r:t=2")
    play >> refuses("r") << nothing >> offer(MESH) << removes("c", "b")


def test_cluster_of_the_version_in_force() -> None:
    """While a change of a table is refused, the clusters of the version before it stay, desired or not."""
    play = serving(MESH + " c:b e:b") >> offer("c:b e:b l:L s:S>t r:t=2>b") << sends("r:t=2") >> refuses("r")
    play << nothing >> offer("c:b e:b l:L s:S>t r:t=3>b") << sends("r:t=3") << nothing >> acks("r") << removes("c", "a")


def test_unknown_table_whose_change_is_refused() -> None:
    """A table from before this agent is left alone when its change is refused: it serves, a stand-in would not."""
    play = Playbook() >> offer(MESH) >> asks("c", has="c:a") >> asks("e", "a", has="e:a")
    play >> asks("r", "t", has="r:t=0") << sends("r:t") >> refuses("r") << nothing

    assert version("r:t=0") == play.rollout.accepted(Type.ROUTES)["t"]


def test_crash_with_a_refused_change() -> None:
    """An Envoy that starts anew is given the last good version of what is refused, at once."""
    desired = "c:a=2 e:a l:L s:S>t r:t=2>a"
    play = serving(MESH) >> offer(desired) << sends("c:a=2") << sends("e:a") << sends("r:t=2")
    play >> refuses("c") >> acks("e") >> refuses("r") << nothing >> leaves >> connects
    play >> asks("c") << sends("c:a") >> acks("c") >> asks("e", "a") << sends("e:a") >> acks("e")
    play >> asks("r", "t") << sends("r:t") >> acks("r") << nothing

    assert ids("c:a r:t") == refused(play).keys()
    assert set() == play.unsettled("c:a e:a r:t")


def test_crash_with_a_refused_listener() -> None:
    """To an Envoy that starts anew a refused listener is offered again: its port may be free by now."""
    play = serving(MESH) >> offer(MESH + " l:G") << sends("l:G") >> refuses("l", "in use") >> leaves >> connects
    play >> asks("l") << sends("l:G l:L") >> acks("l")

    assert {} == refused(play)


def test_reconnect_after_a_refused_change() -> None:
    """Envoy comes back with the version from before the refusal: nothing is sent."""
    play = serving(MESH) >> offer(MESH.replace("r:t", "r:t=2")) << sends("r:t=2") >> refuses("r") >> connects
    play >> asks("c", has="c:a") >> asks("e", "a", has="e:a") >> asks("r", "t", has="r:t") << nothing

    assert ids("r:t") == refused(play).keys()


def test_reconnect_in_doubt() -> None:
    """What Envoy may have taken from a response that it refused as a whole is sent again: it names the old version."""
    play = serving("l:A l:B") >> offer("l:A=2 l:B=2") << sends("l:A=2 l:B=2") >> refuses("l")
    play << sends("l:A=2") << sends("l:B=2") >> offer("l:A l:B") << sends("l:A l:B") >> connects
    play >> asks("l", has="l:A l:B") << sends("l:A l:B")


def test_refused_removal() -> None:
    """A removal that is refused is tried name by name, and then reported, once; another one is not held up."""
    play = serving(MESH + " s:Y s:Z") >> offer(MESH) << removes("s", "Y Z") >> refuses("s") << removes("s", "Y")
    play << removes("s", "Z")

    assert ids("s:Y s:Z") == play.unsettled("s:Y s:Z")

    play >> acks("s") >> refuses("s", "cannot") << nothing

    assert {(Type.SCOPE, "Z"): "cannot"} == play.rollout.stuck()
    assert set() == play.unsettled("s:Y s:Z")

    play >> offer(MESH + " s:Z") << sends("s:Z") >> acks("s")

    assert {} == play.rollout.stuck()


def test_refused_removal_of_what_is_desired_again() -> None:
    """A removal that fails after its name is desired again does not remove it in the end."""
    play = serving(MESH + " l:G") >> offer(MESH) << removes("l", "G") >> offer(MESH + " l:G") << sends("l:G")
    play >> refuses("l") >> acks("l") << nothing

    assert version("l:G") == play.rollout.accepted(Type.LISTENER)["G"]
    assert set() == play.unsettled("l:G")


def test_removal_beside_a_refused_addition() -> None:
    """When a response with a removal is refused, both are tried by themselves."""
    play = serving("l:A") >> offer("l:B") << sends("l:B", removed="A") >> refuses("l") << sends("l:B")
    play << removes("l", "A") >> refuses("l", "in use") >> acks("l") << nothing

    assert {(Type.LISTENER, "B"): "in use"} == refused(play)


def test_what_envoy_never_asks_for() -> None:
    """What hangs on a refused scope, listener or cluster does not keep the rest from being settled."""
    play = Playbook() >> offer(MESH) >> asks("c") << sends("c:a") >> refuses("c") >> asks("l") << sends("l:L")
    play >> acks("l") >> asks("s") << sends("s:S") >> refuses("s") << nothing

    assert set() == play.unsettled(MESH)


def test_table_behind_a_refused_cluster() -> None:
    """A table that waits for a cluster which will never come waits its time, but keeps no verdict waiting."""
    play = serving(MESH) >> offer(MESH.replace("r:t>a", "r:t=2>b") + " c:b e:b") << sends("c:b")

    assert ids("c:b e:b r:t") == play.unsettled(MESH + " c:b e:b")

    play >> refuses("c") << nothing

    assert set() == play.unsettled(MESH + " c:b e:b")


def test_overdue_tables_that_are_refused_together() -> None:
    """Tables that have waited long enough once do not wait again while the guilty one of them is sought."""
    play = serving(MESH + " s:Z>u r:u>a") >> offer(MESH.replace("r:t>a", "r:t=2>b") + " s:Z>u r:u=2>b c:b")
    play << sends("c:b") >> later(15) << sends("r:t=2 r:u=2") >> refuses("r") << sends("r:t=2") << sends("r:u=2")


def test_words() -> None:
    """Envoy's words are one line of bounded length."""
    assert "a b c" == shortened("a\n  b\tc\n")
    assert 600 == len(shortened("x" * 10_000))


def test_resource_words() -> None:
    """The language of these transcripts says what it seems to say."""
    spelled = resource("r:t=2>a+b")

    assert (TYPES["r"], "t", b"t=2", {"a", "b"}) == (spelled.type, spelled.name, spelled.body, set(spelled.needs))
