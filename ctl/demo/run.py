"""One demo from start to end: signals, the tour, what is said when a step fails, and the exit code."""

import select
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ctl.demo.processes import Demo, open_demo
from ctl.demo.stage import Stage, StepFailed
from ctl.demo.tour import JASON, Tour
from ctl.output import terminal
from store.errors import ProcessFailed

EXIT_OK = 0
EXIT_FAILED = 1

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOG_LINES = 5


class Stopped(BaseException):  # no library's `except Exception` may swallow it
    """A signal asks the demo to end; `number` says which."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def show(*, keep: bool) -> int:
    """Run the demo. Signals are not what they were afterwards: the process is expected to exit.

    Args:
        keep: leave it running after the tour until a signal comes; after a failure keep its directory.

    Returns:
        0: every step did what it says; 1: one did not; 128 + n: signal n ended it before that was known.

    Raises:
        ProgramMissing: etcd or Envoy is not installed.
    """
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal without ✓ is no failure
    console = terminal(stderr=False)
    done = False
    try:
        with open_demo() as (demo, guarded), _signals_stop():
            done = _tour(demo, Stage(demo, console), keep=keep)
            guarded.keep = keep and not done
            if keep and done:
                _wait_stop()
    except Stopped as stopped:
        return EXIT_OK if done else 128 + stopped.number
    return EXIT_OK if done else EXIT_FAILED


def _tour(demo: Demo, stage: Stage, *, keep: bool) -> bool:
    """Return whether every step did what it says."""
    began = time.monotonic()
    tour = Tour(demo, stage)
    name = "setting up"
    try:
        tour.set_up()
        steps = tour.steps
        for number, (title, step) in enumerate(steps, 1):
            name = f"step {number}, {title}"
            stage.title(f"[{number}/{len(steps)}] {title}")
            step()
            stage.pause()
    except (StepFailed, ProcessFailed) as failure:
        _say_failure(demo, stage, name, failure, keep=keep)
        return False
    stage.say()
    stage.say(f"All {len(steps)} steps did what they say, in {time.monotonic() - began:.0f} s.", "bold green")
    _say_how_to_go_on(demo, stage, keep=keep)
    return True


def _say_failure(demo: Demo, stage: Stage, name: str, failure: Exception, *, keep: bool) -> None:
    stage.say()
    stage.say(f"✗ {name}: failed", "bold red")
    if isinstance(failure, StepFailed):
        stage.say(f"expected: {failure.expected}")
        stage.say(f"came:     {failure.came}")
    else:
        stage.say(str(failure))
    for line in demo.dead():
        stage.say(line)
    for log in demo.logs():
        _say_log(stage, log)
    directory = demo.plan.directory
    stage.say(f"The logs stay in {directory}." if keep else "To keep all of the logs: meshctl demo --keep")


def _say_log(stage: Stage, log: Path) -> None:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    if lines:
        stage.say(f"the end of {log}:", "dim")
    for line in lines[-_LOG_LINES:]:
        stage.say(f"  {line}", "dim")


def _say_how_to_go_on(demo: Demo, stage: Stage, *, keep: bool) -> None:
    if not keep:
        stage.say("To try by hand: meshctl demo --keep leaves all of this running until Ctrl-C.")
        return
    plan = demo.plan
    stage.say("It goes on until Ctrl-C; then everything is removed. In another terminal:")
    stage.say()
    stage.say(f"cd {plan.directory}")
    stage.say(f"export MESHCTL_ETCD={plan.etcd}")
    stage.say(f"export http_proxy={plan.hosts['vm-3'].proxy}   # what programs on vm-3 are given")
    stage.say("meshctl apply -f bookshop/ --wait              # the rule for jason again")
    stage.say(f"curl -H '{JASON}' http://reviews:9080/")
    stage.say(f"curl --noproxy '*' -H 'host: bookinfo.com' {plan.gateway}/productpage")


def _wait_stop() -> None:
    """Wait for a signal (which raises), or until nobody reads what we say any more."""
    poll = select.poll()
    poll.register(sys.stdout, 0)  # errors and hang-ups are told unasked
    while not poll.poll(1000):
        pass


@contextmanager
def _signals_stop() -> Iterator[None]:
    """Have the first SIGINT, SIGTERM or SIGHUP raise `Stopped`. From then on, and after the context, they do nothing:
    the end has begun, and nobody is faster than the guard. What is ignored already (`nohup`) stays so.
    """
    caught = [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]

    def stop(number: int, _frame: FrameType | None) -> None:
        ignore()
        raise Stopped(number)

    def ignore() -> None:
        for number in caught:
            signal.signal(number, signal.SIG_IGN)

    for number in caught:
        signal.signal(number, stop)
    try:
        yield
    finally:
        ignore()
