"""Rollout against a model of Envoy, under random configurations, refusals, losses of stream and crashes."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from immutables import Map

from agent.compiler.envoy_config import EnvoyConfig, Type, XdsResource
from agent.rollout import Rollout
from agent.warm_gate import WARM_SECONDS
from tests.agent.model_envoy import ModelEnvoy, is_refused
from tests.agent.playbook import body, stand_in

PATIENCE = 400
"""Steps in which everything has to come to rest."""

CONTENTS = st.sampled_from(["1", "1", "2", "3", "bad"])
OWNERS = {"t": (Type.SCOPE, "S"), "u": (Type.SCOPE, "Z"), "g": (Type.LISTENER, "G")}


@st.composite
def configs(draw: st.DrawFn) -> EnvoyConfig:
    """A configuration as a compiler makes them: tables have owners, and name clusters that exist."""

    def add(kind: Type, name: str, needs: frozenset[str] = frozenset()) -> None:
        made[kind, name] = XdsResource(kind, name, body(name, draw(CONTENTS)), needs)

    made: dict[tuple[Type, str], XdsResource] = {}
    clusters = draw(st.sets(st.sampled_from("abc"), min_size=1))
    for cluster in sorted(clusters):
        add(Type.CLUSTER, cluster)
        if draw(st.integers(0, 9)):
            add(Type.ENDPOINTS, cluster)
    for table in sorted(draw(st.sets(st.sampled_from(sorted(OWNERS))))):
        kind, name = OWNERS[table]
        add(kind, name, frozenset({table}))
        needs = draw(st.frozensets(st.sampled_from(sorted(clusters)), max_size=2))
        content = f"{'+'.join(sorted(needs))}{draw(CONTENTS)}"
        content = "bad" if content.endswith("bad") else content
        made[Type.ROUTES, table] = XdsResource(Type.ROUTES, table, body(table, content), needs)
    return EnvoyConfig(Map(made))


class Delivery(RuleBasedStateMachine):
    """One Rollout, one Envoy, and a stream on which everything takes a while."""

    def __init__(self) -> None:
        super().__init__()
        self.rollout = Rollout(stand_in)
        self.envoy = ModelEnvoy()
        self.envoy.connect()
        self.now = 0.0
        self.offered: set[XdsResource] = set()

    # What may happen

    @rule(config=configs())
    def offer(self, config: EnvoyConfig) -> None:
        before = self.rollout.config.resources
        self.offered.update(config.resources.values())
        both = {*config.resources, *before}
        self.rollout.offer(config, {i for i in both if config.resources.get(i) != before.get(i)})
        self._flush()

    @precondition(lambda self: self.envoy.inbox)
    @rule(all_or_nothing=st.booleans())
    def envoy_reads(self, all_or_nothing: bool) -> None:
        self.envoy.read(all_or_nothing=all_or_nothing)

    @precondition(lambda self: self.envoy.outbox)
    @rule()
    def envoy_is_heard(self) -> None:
        self.envoy.outbox.popleft()(self.rollout)
        self._flush()

    @precondition(lambda self: self.envoy.inbox or self.envoy.outbox)
    @rule(steps=st.integers(2, 12))
    def time_for_several(self, steps: int) -> None:
        for _ in range(steps):
            self._step()

    @rule(kind=st.sampled_from([Type.ENDPOINTS, Type.ROUTES]))
    def envoy_says_its_interests(self, kind: Type) -> None:
        self.envoy.say_interests(kind)

    @rule()
    def drained(self) -> None:
        self.envoy.finish_drains()

    @rule(seconds=st.sampled_from([1.0, 8.0, 16.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        if seconds > WARM_SECONDS:
            self.envoy.give_up_warming()
        self._flush()

    @rule()
    def stream_is_lost(self) -> None:
        self.rollout.disconnected()
        self.envoy.connect()

    @rule()
    def envoy_crashes(self) -> None:
        self.rollout.disconnected()
        self.envoy = ModelEnvoy()
        self.envoy.connect()

    @precondition(lambda self: not self.envoy.is_hiding)
    @rule()
    def agent_restarts(self) -> None:
        config, self.rollout = self.rollout.config, Rollout(stand_in)
        self.offered = set(config.resources.values())
        self.rollout.offer(config, config.resources.keys())
        self.envoy.connect()

    # What has to hold

    @invariant()
    def deadlines_are_kept(self) -> None:
        deadline = self.rollout.deadline()

        assert deadline is None or deadline > self.now

    def teardown(self) -> None:
        """In the end Envoy has what is desired, except what it refused, and nothing is sent any more."""
        self.envoy.connect()
        self._come_to_rest()
        if self.rollout.config.resources:
            self._check_wildcards()
            self._check_endpoints()
            self._check_tables()
            self._check_knowledge()

    def _come_to_rest(self) -> None:
        for _ in range(PATIENCE):
            if self._step():
                continue
            self.envoy.finish_drains()
            if not any(self.envoy.interests.values()):
                self._check_starved(self.envoy.give_up_warming())
                deadline = self.rollout.deadline()
                if deadline is None and not self.envoy.outbox:
                    return
                if deadline is None:
                    continue
                self.now = deadline
                self._flush()
        raise AssertionError(f"{self.rollout} does not come to rest")

    def _check_starved(self, clusters: set[str]) -> None:
        """No cluster waits in vain for endpoints that there are."""
        desired = self._desired(Type.ENDPOINTS)

        assert [] == [c for c in clusters if c in desired and not is_refused(desired[c])]

    def _step(self) -> bool:
        for kind in self.envoy.interests:
            self.envoy.say_interests(kind)
        if self.envoy.inbox:
            self.envoy.read(all_or_nothing=bool(len(self.envoy.inbox) % 2))
        elif self.envoy.outbox:
            self.envoy.outbox.popleft()(self.rollout)
            self._flush()
        else:
            return False
        return True

    def _flush(self) -> None:
        for response in self.rollout.responses(self.now):
            self.envoy.inbox.append(response)
            if self.rollout.overdue().keys() & {r.name for r in response.resources}:
                self.envoy.late.add(response.nonce)

        assert [] == self.rollout.responses(self.now), "nothing is left to say"

    def _desired(self, kind: Type) -> dict[str, XdsResource]:
        return {name: r for (k, name), r in self.rollout.config.resources.items() if k is kind}

    def _check_wildcards(self) -> None:
        for kind in (Type.CLUSTER, Type.LISTENER, Type.SCOPE):
            desired, has = self._desired(kind), self.envoy.has[kind]
            good = {name: r.version for name, r in desired.items() if not is_refused(r)}

            assert good == {name: r.version for name, r in has.items() if name in good}
            assert has.keys() <= desired.keys() | self._used(kind)

    def _used(self, kind: Type) -> set[str]:
        """Return what may be there though it is not desired.

        After a refusal tables are in force that are not desired; if the agent does not know which, all clusters stay.
        """
        if kind is not Type.CLUSTER:
            return set()
        tables, desired = self.envoy.has[Type.ROUTES].values(), self._desired(Type.ROUTES)
        if any(not self._is_known(table) for table in tables if table != desired.get(table.name)):
            return set(self.envoy.has[kind])
        return {cluster for table in tables for cluster in table.needs}

    def _is_known(self, table: XdsResource) -> bool:
        return table in self.offered or table == stand_in(table.name)

    def _check_endpoints(self) -> None:
        desired = self._desired(Type.ENDPOINTS)
        for cluster in self.envoy.has[Type.CLUSTER]:
            if cluster in desired and not is_refused(desired[cluster]):
                assert desired[cluster] == self.envoy.has[Type.ENDPOINTS].get(cluster)
                assert cluster not in self.envoy.warming | self.envoy.cold

    def _check_tables(self) -> None:
        desired = self._desired(Type.ROUTES)
        for table in self.envoy.subscribed[Type.ROUTES] & desired.keys():
            in_force = self.envoy.has[Type.ROUTES].get(table)

            assert in_force is not None, f"{table} was left without a table"
            assert in_force == desired[table] or is_refused(desired[table])

    def _check_knowledge(self) -> None:
        assert set() == self.rollout.unsettled(self.rollout.config.resources)
        assert {} == self.rollout.stuck()
        for kind in Type:
            assert self.envoy.reported[kind] == self.rollout.accepted(kind)
        refused = {(r.type, r.name) for r, _ in self.rollout.refusals()}

        assert refused <= {i for i, r in self.rollout.config.resources.items() if is_refused(r)}


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
