"""Where the tour happens: commands are printed, really run, and their output shown; claims are compared.

What the steps are is in `tour.py`. Nothing is interpreted for the person at the terminal: what they read is what
`meshctl` and `curl` said.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import httpx
from attrs import frozen
from rich.console import Console
from rich.text import Text

from ctl.demo.processes import Demo

COMMAND_SECONDS = 45.0
"""How long one command may take; the longest, `apply --wait`, gives up by itself after 30 s."""

PAUSE_SECONDS = 2.5
"""Between two steps, on a terminal."""

_MESHCTL = (sys.executable, "-P", "-c", "import sys; sys.argv[0] = 'meshctl'; from ctl.main import main; main()")
"""This very meshctl, wherever its script was installed."""

_CURL_HTTP_ERROR = 22
_CURL_CONNECT_ERROR = 7


class StepFailed(Exception):  # noqa: N818 - named as what it reports
    """A step did not do what it says.

    Attributes:
        expected: what was to come.
        came: what did.
    """

    def __init__(self, expected: str, came: str) -> None:
        super().__init__(f"expected {expected}, got {came}")
        self.expected = expected
        self.came = came


@frozen
class Ran:
    """A command that has ended.

    Attributes:
        status: its exit status.
        text: what it said, stdout and stderr in the order said.
    """

    status: int
    text: str

    def row(self, first: str) -> str:
        """Return the line whose first word is *first*; empty when there is none."""
        return next((line for line in self.text.splitlines() if line.split()[:1] == [first]), "")

    def cell(self, first: str, column: str) -> str:
        """Return what the table's row of *first* has under the heading *column*; empty when it has none."""
        header = _columns(self.text.partition("\n")[0])
        row = _columns(self.row(first))
        return row[header.index(column)] if column in header and len(row) == len(header) else ""

    def json(self) -> dict[str, Any]:
        """Return *text* read as a JSON object.

        Raises:
            StepFailed: it is none.
        """
        try:
            value = json.loads(self.text)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise StepFailed("an answer in JSON", self.text.strip() or "nothing")
        return value


class Stage:
    """Prints to one console and runs commands against one demo."""

    def __init__(self, demo: Demo, console: Console) -> None:
        self._demo = demo
        self._console = console

    def say(self, text: str = "", style: str = "") -> None:
        """Print a line of our own."""
        self._console.print(Text(text, style), soft_wrap=True)

    def pause(self) -> None:
        """Leave a person the time to read; a pipe needs none."""
        if self._console.is_terminal:
            time.sleep(PAUSE_SECONDS)

    def title(self, text: str) -> None:
        """Print the heading of a step."""
        self.say()
        self.say(text, "bold cyan")

    def command(self, *words: str, note: str = "") -> None:
        """Print a command as a person would type it."""
        line = Text("$ ", "green") + Text(shlex.join(words), "bold")
        if note:
            line += Text(f"   # {note}", "dim")
        self._console.print(line, soft_wrap=True)

    def run(self, *words: str, status: int = 0, note: str = "") -> Ran:
        """Print a command, run it, and print what it said.

        Args:
            words: the command and its arguments; `meshctl` is this one.
            status: the exit status that it ends with when all is well.
            note: a remark beside the command.

        Raises:
            StepFailed: it ended with another, or not at all.
        """
        self.command(*words, note=note)
        with self._console.status(""):
            ran = self._execute(words)
        if ran.text.strip():
            self.say(ran.text.rstrip())
        if ran.status != status:
            raise StepFailed(f"exit status {status} of `{shlex.join(words)}`", f"exit status {ran.status}")
        return ran

    def ask(self, *words: str) -> dict[str, Any]:
        """Return what `meshctl … -o json` answers, without showing it.

        Raises:
            StepFailed: it does not answer.
        """
        ran = self._execute(("meshctl", *words, "-o", "json"))
        if ran.status != 0:
            came = f"exit status {ran.status}: {ran.text}"
            raise StepFailed(f"exit status 0 of `meshctl {shlex.join(words)}`", came.strip())
        return ran.json()

    def claim(self, text: str, holds: object, *, expected: str, came: object) -> None:
        """Print *text* as seen.

        Raises:
            StepFailed: it does not hold.
        """
        if not holds:
            raise StepFailed(expected, str(came).strip() or "nothing")
        self.say(f"✓ {text}", "green")

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        """Show *text* while something takes time; on a terminal with a sign of life."""
        if not self._console.is_terminal:
            self.say(text)
        with self._console.status(text):
            yield

    def _execute(self, words: Sequence[str]) -> Ran:
        if words[0] == "curl" and shutil.which("curl") is None:
            return _get(words[1:])
        try:
            done = subprocess.run(
                _real(words),
                cwd=self._demo.plan.directory,
                env=self._demo.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                errors="replace",
                timeout=COMMAND_SECONDS,
                check=False,
                start_new_session=True,
            )
        except subprocess.TimeoutExpired as e:
            raise StepFailed(f"the end of `{shlex.join(words)}`", f"none after {e.timeout:g} s") from e
        return Ran(done.returncode, done.stdout)


def _columns(line: str) -> list[str]:
    """Return the cells of a table's line: two blanks and more lie between them."""
    return re.split(r"\s{2,}", line.strip())


def _real(words: Sequence[str]) -> Sequence[str]:
    """Return what runs for a command as typed: this very meshctl, and the shell's own `kill`."""
    if words[0] == "meshctl":
        return (*_MESHCTL, *words[1:])
    return ("sh", "-c", shlex.join(words)) if words[0] == "kill" else words


def _get(arguments: Sequence[str]) -> Ran:
    """Do what `curl -sSf [-x PROXY] [-H 'name: value'] URL` does, on a machine without it."""
    headers: dict[str, str] = {}
    proxy = None
    url = ""
    words = iter(arguments)
    for word in words:
        if word == "-x":
            proxy = next(words)
        elif word == "-H":
            name, _, value = next(words).partition(":")
            headers[name.strip()] = value.strip()
        elif not word.startswith("-"):
            url = word
    try:
        with httpx.Client(proxy=proxy, trust_env=False, timeout=COMMAND_SECONDS) as client:
            answer = client.get(url, headers=headers)
    except httpx.HTTPError as e:
        return Ran(_CURL_CONNECT_ERROR, f"curl: ({_CURL_CONNECT_ERROR}) {e}\n")
    if answer.is_error:
        message = f"curl: ({_CURL_HTTP_ERROR}) The requested URL returned error: {answer.status_code}\n"
        return Ran(_CURL_HTTP_ERROR, message)
    return Ran(0, answer.text)
