"""Which files `-f` means, and their bytes: never more than we would read, never waiting for a pipe nobody named.

What is in them is not known here (`ctl/inputs.py`).
"""

import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from attrs import Factory, define, evolve, frozen

from store.diagnostic import Diagnostic, Place, error
from store.reader import MAX_FILE_BYTES

SUFFIXES = (".yaml", ".yml", ".json")
STDIN = "-"

MAX_FILES = 10_000
MAX_DIRECTORIES = 10_000
MAX_DIRECTORY_DEPTH = 32
MAX_TOTAL_BYTES = 64 * 1024 * 1024
"""Of all files together: some hundred thousand resources, and as much memory as a workstation has to spare."""


@frozen
class Texts:
    """Files that were read.

    Attributes:
        texts: name → bytes.
        names: of all files in the order in which they were given or found, also of those that could not be read.
        diagnostics: why files could not be read.
    """

    texts: Mapping[str, bytes]
    names: tuple[str, ...]
    diagnostics: tuple[Diagnostic, ...]


def read_texts(paths: Iterable[str]) -> Texts:
    """Read the files of *paths*, each once.

    Args:
        paths: files, directories with all below them, `-`. A file that is named may be a pipe or a device; one that is
            found in a directory has to be a regular file. Links to directories are not followed from inside one, what
            begins with a dot is somebody's own: editors, version control.

    Returns:
        What could be read, under the names that the user knows: as given, or joined to the directory given. Never
        raises for what is in the file system.
    """
    reading = _Reading()
    for given in paths:
        reading.take(given)
    return Texts(reading.texts, tuple(reading.names), tuple(reading.diagnostics))


class _TooMuch(Exception):  # noqa: N818 - carries a diagnostic
    """There is more than we read."""

    def __init__(self, said: Diagnostic) -> None:
        super().__init__(said.message)
        self.said = said


@define
class _Reading:
    texts: dict[str, bytes] = Factory(dict)
    names: dict[str, None] = Factory(dict)
    diagnostics: list[Diagnostic] = Factory(list)
    left: int = MAX_TOTAL_BYTES

    def take(self, given: str) -> None:
        """Read the file or the directory *given*."""
        try:
            if given != STDIN and Path(given).is_dir():
                self._take_directory(given)
            else:
                self._take_file(given, named=True)
        except (OSError, ValueError) as refused:  # a name too long, or no name at all
            self._refuse(given, refused)
        except _TooMuch as too_much:
            self.diagnostics.append(too_much.said)

    def _take_directory(self, given: str) -> None:
        found = sorted(self._below(Path(given)))
        if not found:
            message = f"no resources: there are no {', '.join('*' + s for s in SUFFIXES)} files in this directory"
            self.diagnostics.append(_at(given, error("no-resources", message)))
        if len(found) > MAX_FILES:
            message = f"more than {MAX_FILES} files are below this directory"
            raise _TooMuch(_at(given, error("too-large", message, hint="name the directories inside it one by one")))
        for file in found:
            try:
                self._take_file(str(file), named=False)
            except OSError as refused:
                self._refuse(str(file), refused)

    def _below(self, top: Path) -> Iterator[Path]:
        """Yield the files below *top* that hold resources by their names; counts directories, and how deep they are."""
        waiting = [(top, 0)]
        seen = 0
        while waiting:
            directory, depth = waiting.pop()
            seen += 1
            if depth > MAX_DIRECTORY_DEPTH:
                message = f"a directory more than {MAX_DIRECTORY_DEPTH} levels below {top}"
                raise _TooMuch(_at(str(directory), error("too-large", message)))
            if seen > MAX_DIRECTORIES:
                raise _TooMuch(_at(str(top), error("too-large", f"more than {MAX_DIRECTORIES} directories are below")))
            try:
                entries = [entry for entry in os.scandir(directory) if not entry.name.startswith(".")]
            except OSError as refused:
                self._refuse(str(directory), refused)
                continue
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((directory / entry.name, depth + 1))
                elif Path(entry.name).suffix in SUFFIXES and not _leads_to_directory(entry):
                    yield directory / entry.name

    def _take_file(self, path: str, *, named: bool) -> None:
        """Read the file at *path*; *named* says that the user wrote its name."""
        name = _printable(path)
        if name in self.names:
            return  # given twice, or given and found
        self.names[name] = None
        if not named and not stat.S_ISREG(Path(path).stat().st_mode):
            self.diagnostics.append(_at(name, error("unreadable", "is not a file: a pipe, a socket or a device")))
            return
        if path == STDIN:
            text = _bounded(sys.stdin.buffer)
        else:
            with Path(path).open("rb") as file:
                text = _bounded(file)
        self.left -= len(text)
        if self.left < 0:
            message = f"the files together have more than {MAX_TOTAL_BYTES} bytes"
            raise _TooMuch(_at(name, error("too-large", message, hint="apply them in several parts")))
        self.texts[name] = text

    def _refuse(self, path: str, refused: OSError | ValueError) -> None:
        name = _printable(path)
        self.names[name] = None
        reason = getattr(refused, "strerror", None) or str(refused)
        self.diagnostics.append(_at(name, error("unreadable", f"cannot be read: {reason.lower()}")))


def _leads_to_directory(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle: who reads it says so
        return False


def _bounded(file: BinaryIO) -> bytes:
    """Return what is in *file*, but not much more than its reader takes: it says then that there is too much."""
    parts: list[bytes] = []
    left = MAX_FILE_BYTES + 1
    while left > 0 and (part := file.read(left)):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def _at(path: str, said: Diagnostic) -> Diagnostic:
    return evolve(said, place=Place(_printable(path), 1))


def _printable(path: str) -> str:
    """Return *path* as text of any encoding: names of files are bytes, and some are no text."""
    return path if path.isascii() else os.fsencode(path).decode(errors="backslashreplace")
