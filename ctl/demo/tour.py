"""The seven steps: what each does, what it claims, and how the claim is checked.

How things are printed and run is `stage.py`. A step that does not do what it says raises `StepFailed`.
"""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

from ctl.demo.bookshop import PORT
from ctl.demo.load import Load, ask_once
from ctl.demo.plan import ADDRESSES, INSTANCES, HostPlan
from ctl.demo.processes import Demo
from ctl.demo.stage import Ran, Stage, StepFailed

JASON = "cookie: user=jason"

RESOURCES = 8
"""How many documents are in `bookshop/`."""

MANY = 1000
"""Answers from which a share is read: one in ten is then seen to within 1 % (one standard deviation)."""

LIVE_SECONDS = 15.0
"""How long hosts may take to register, and to tell of an Envoy that died."""

BACK_SECONDS = 3.0
"""How long a host may be without its proxy after its Envoy was killed."""

_CURL = ("curl", "-sSf")
_REVIEWS = f"http://reviews:{PORT}/"
_INVALID = 2
_CURL_HTTP_ERROR = 22


class Tour:
    """The steps, on one stage. Each may rely on the ones before."""

    def __init__(self, demo: Demo, stage: Stage) -> None:
        self._demo = demo
        self._stage = stage

    @property
    def steps(self) -> tuple[tuple[str, Callable[[], None]], ...]:
        """Title and step, in order."""
        return (
            ("Files in: one apply, and a word from every host", self.apply_shop),
            ("One rule: reviews v1 for everybody, v2 for jason", self.route_by_cookie),
            ("A weight moves while requests run", self.move_weight),
            ("In by the Gateway: host name and path", self.enter_by_gateway),
            ("A faulty file is refused, with its line", self.refuse_faulty),
            ("An Envoy is killed", self.kill_envoy),
            ("What is there to look at", self.look_around),
        )

    def set_up(self) -> None:
        """Start everything, and wait until every host is in the mesh."""
        demo, stage = self._demo, self._stage
        with stage.working(f"Starting etcd, three hosts and the book shop under {demo.plan.directory} …"):
            demo.start_etcd()
            for host in demo.plan.hosts.values():
                demo.start_host(host)
            for instance in INSTANCES:
                demo.start_instance(instance)
            demo.wait_serving()
            self._wait_hosts(lambda host: host.get("state") == "live", "state live")
        stage.say(f"  etcd  {demo.plan.etcd}")
        for host in demo.plan.hosts.values():
            runs = ", ".join(f"{i.service} {i.version}" for i in INSTANCES if i.host == host.name)
            labels = "".join(f", label {k}={v}" for k, v in host.labels.items())
            stage.say(f"  {host.name}  {host.address}, proxy {host.proxy}{labels}: {runs}")
        stage.say()
        stage.command("cd", str(demo.plan.directory))
        stage.command("export", f"MESHCTL_ETCD={demo.plan.etcd}")

    def apply_shop(self) -> None:
        """ServiceEntries, DestinationRule, VirtualServices and Gateway in one apply; each host says its verdict."""
        ran = self._stage.run("meshctl", "apply", "-f", "bookshop/", "--wait")
        created = re.findall(r"^\S+ created$", ran.text, re.MULTILINE)
        text = f"{RESOURCES} resources created"
        self._stage.claim(text, len(created) == RESOURCES, expected=text, came=f"{len(created)} created")
        self._claim_verdicts(ran)

    def route_by_cookie(self) -> None:
        """The rule of the announcement, unchanged, decides by a cookie."""
        host = self._demo.plan.hosts["vm-3"]
        self._stage.run("cat", "bookshop/virtualservice-reviews.yaml")
        for extra, version in (((), "v1"), (("-H", JASON), "v2")):
            ran = self._stage.run(*_CURL, "-x", host.proxy, *extra, _REVIEWS)
            who = "jason" if extra else "everybody"
            self._claim_answer(ran, who, version)
        for headers, version in (({}, "v1"), ({"cookie": "user=jason"}, "v2")):
            with Load(host, "reviews", headers, clients=1) as load:
                counts = load.wait_answers(50, 10)
            holds = set(counts) == {version} and load.lost == 0
            text = f"{counts.total()} more {'with' if headers else 'without'} the cookie: all from {version}"
            self._stage.claim(text, holds, expected=f"{version} only", came=f"{dict(counts)}, {load.lost} lost")

    def move_weight(self) -> None:
        """90/10 becomes 50/50 under load; no request is lost."""
        host = self._demo.plan.hosts["vm-2"]
        self._claim_verdicts(self._stage.run("meshctl", "apply", "-f", "changes/reviews-90-10.yaml", "--wait"))
        self._stage.say(f"4 clients now ask for {_REVIEWS} through {host.proxy}, over and over.", "dim")
        with Load(host, "reviews", {}, clients=4) as load:
            self._claim_share(load, 10, within=6)
            before = load.total
            ran = self._stage.run("meshctl", "apply", "-f", "changes/reviews-50-50.yaml", "--wait")
            during = load.total - before
            load.reset()
            self._claim_share(load, 50, within=10)
        self._claim_verdicts(ran)
        came = f"{load.lost} of {load.total} lost, the first by {load.first_loss}"
        text = f"{load.total} requests, {during} of them while the apply ran: 0 lost"
        holds = load.lost == 0 and during > 0
        self._stage.claim(text, holds, expected="requests while the apply ran, and none lost", came=came)

    def enter_by_gateway(self) -> None:
        """From outside: productpage by name and path, which asks the others through the mesh; other names are 404."""
        gateway = self._demo.plan.gateway
        bookinfo = (*_CURL, "-H", "host: bookinfo.com")
        page = self._stage.run(*bookinfo, f"{gateway}/productpage").json()
        reviews = page.get("reviews", {})
        called = [page, page.get("details", {}), reviews, reviews.get("ratings", {})]
        names = [each.get("service") for each in called]
        expected = ["productpage", "details", "reviews", "ratings"]
        text = "bookinfo.com/productpage: productpage answered, and asked details, reviews and ratings"
        self._stage.claim(text, names == expected, expected=str(expected), came=names)
        seen = [each.get("headers", {}) for each in called]
        # No service sets or passes on x-forwarded-proto: whoever sees it was called by an Envoy.
        proxied = all("x-forwarded-proto" in each for each in seen) and len({h.get("x-request-id") for h in seen}) == 1
        text = "each of the four was called through an Envoy (x-forwarded-proto), under one x-request-id"
        self._stage.claim(text, proxied, expected="these headers in all four", came=seen)
        details = self._stage.run(*bookinfo, f"{gateway}/details").json().get("service")
        self._stage.claim("bookinfo.com/details: details", details == "details", expected="details", came=details)
        other = (*_CURL, "-H", "host: elsewhere.example", f"{gateway}/productpage")
        ran = self._stage.run(*other, status=_CURL_HTTP_ERROR)
        self._stage.claim("another host name: 404", "404" in ran.text, expected="404", came=ran.text)

    def refuse_faulty(self) -> None:
        """A field that is none is refused with its place and a hint, and the mesh stays as it was."""
        before = self._head()
        self._stage.run("cat", "changes/reviews-faulty.yaml")
        ran = self._stage.run("meshctl", "apply", "-f", "changes/reviews-faulty.yaml", "--wait", status=_INVALID)
        place = "changes/reviews-faulty.yaml:12:11"
        self._stage.claim(f"refused at {place}", place in ran.text, expected=place, came=ran.text)
        hint = re.search(r'did you mean ["`\']?regex["`\']?', ran.text)
        self._stage.claim("with a hint: regex", hint, expected='did you mean "regex"', came=ran.text)
        after = self._head()
        holds = before == after and after.startswith("apply ")
        self._stage.claim(f"nothing changed: the head is still {after}", holds, expected=before, came=after)

    def kill_envoy(self) -> None:
        """SIGKILL for one Envoy: its agent starts it again, and says so."""
        host = self._demo.plan.hosts["vm-2"]
        pid = self._demo.envoy_pid(host.name)
        killed = time.monotonic()
        self._stage.run("kill", "-9", str(pid), note=f"the Envoy of {host.name}")
        seconds = self._wait_back(host, killed)
        text = f"vm-2 answers again after {seconds:.1f} s, with a new Envoy"
        new = self._demo.envoy_pid(host.name)
        self._stage.claim(text, new != pid, expected="another process", came=f"pid {new}")
        self._stage.run(*_CURL, "-x", host.proxy, _REVIEWS)
        self._wait_hosts(lambda h: h.get("name") != host.name or _tells_of_kill(h), "vm-2 telling of signal 9")
        ran = self._stage.run("meshctl", "hosts")
        telling = [name for name in ADDRESSES if "after signal 9" in ran.row(name)]
        text = "status tells of it: the Envoy of vm-2 was started again, and runs the head"
        self._stage.claim(text, telling == [host.name], expected="signal 9 at vm-2 alone", came=ran.text)

    def look_around(self) -> None:
        """Commands worth knowing."""
        status = self._stage.run("meshctl", "status")
        active = re.findall(r"^\S+ +\S+ +\S+ +active\b", status.text, re.MULTILINE)
        text = f"all {RESOURCES} resources are active"
        self._stage.claim(text, len(active) == RESOURCES, expected=f"{RESOURCES} active", came=status.text)
        hosts = self._stage.run("meshctl", "hosts")
        live = [name for name in ADDRESSES if hosts.cell(name, "STATE") == "live"]
        self._stage.claim("all hosts are live", live == list(ADDRESSES), expected="three times live", came=hosts.text)
        got = self._stage.run("meshctl", "get", "virtualservices")
        listed = got.row("reviews") and got.row("bookinfo")
        self._stage.claim("both rules are there", listed, expected="reviews and bookinfo", came=got.text)
        ran = self._stage.run("meshctl", "get", "virtualservice", "reviews", "-o", "yaml")
        self._stage.claim("as they were applied", "weight: 50" in ran.text, expected="weight: 50", came=ran.text)

    def _claim_verdicts(self, ran: Ran) -> None:
        rows = {name: ran.row(name) for name in ADDRESSES}
        silent = [name for name, row in rows.items() if not re.search(r"\b(active|unaffected)\b", row)]
        words = "active or unaffected"
        self._stage.claim(f"every host says {words}", not silent, expected=f"{words} from {silent}", came=ran.text)

    def _claim_answer(self, ran: Ran, who: str, version: str) -> None:
        came = ran.json().get("version")
        self._stage.claim(f"{who} gets reviews {version}", came == version, expected=version, came=came)

    def _claim_share(self, load: Load, percent: int, *, within: int) -> None:
        counts = load.wait_answers(MANY, 15)
        total = counts.total() or 1
        seen = 100 * counts["v3"] / total
        text = f"{100 - percent}/{percent} wanted: v1 {100 - seen:.1f} %, v3 {seen:.1f} % of {counts.total()}"
        holds = abs(seen - percent) <= within and set(counts) <= {"v1", "v3"}
        self._stage.claim(text, holds, expected=f"v3 {percent} % ± {within}", came=dict(counts))

    def _head(self) -> str:
        """Show `status`; return its first words, `apply <id>`."""
        return " ".join(self._stage.run("meshctl", "status").text.split()[:2])

    def _wait_back(self, host: HostPlan, since: float) -> float:
        """Return the seconds from *since* to the first answer."""
        while (failure := ask_once(host, "reviews")) is not None:
            if time.monotonic() - since > BACK_SECONDS:
                raise StepFailed(f"an answer through {host.proxy} within {BACK_SECONDS:g} s", failure)
            time.sleep(0.02)
        return time.monotonic() - since

    def _wait_hosts(self, wanted: Callable[[dict[str, Any]], bool], words: str) -> None:
        """Wait until all three hosts are as *wanted*."""
        deadline = time.monotonic() + LIVE_SECONDS
        while True:
            hosts = self._stage.ask("hosts").get("hosts", [])
            if len(hosts) == len(ADDRESSES) and all(map(wanted, hosts)):
                return
            if time.monotonic() > deadline:
                raise StepFailed(f"three hosts, {words}, within {LIVE_SECONDS:g} s", str(hosts))
            time.sleep(0.1)


def _tells_of_kill(host: Mapping[str, Any]) -> bool:
    """Whether *host*, as `meshctl hosts -o json` has it, says how its Envoy ended, and that all is well again."""
    process = host.get("process", {})
    runs_head = process.get("state") == "live" and not any("behind" in note for note in host.get("notes", []))
    return runs_head and "signal 9" in process.get("lastExit", "")
