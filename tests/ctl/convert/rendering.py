"""Cases and their golden texts: `NAME.in.yaml` → `NAME.out.yaml`, what is printed, and `NAME.said.txt`, what is told.

An input that is refused has no `.out.yaml`. The file is one of several when a comment `# file: OTHER` stands between
its documents: what follows is in that file.
"""

import re
from pathlib import Path

from ctl.convert.convert import Conversion, convert
from ctl.convert.render import render_all
from ctl.diagnostics import in_order
from store.diagnostic import Diagnostic
from store.reader import Document, read

CASES = Path(__file__).parent / "cases"
_FILE = re.compile(r"^# file: (\S+)\n", re.MULTILINE)


def names() -> list[str]:
    """Return the names of all cases."""
    return sorted(path.name.removesuffix(".in.yaml") for path in CASES.glob("*.in.yaml"))


def documents(text: str, file: str = "a.yaml") -> list[Document]:
    """Return the documents of a YAML text; one that cannot be read fails the test."""
    reading = read(text.encode(), file)
    assert not reading.diagnostics, reading.diagnostics
    return list(reading.documents)


def converted(text: str, file: str = "a.yaml") -> Conversion:
    """Return what becomes of a YAML text, which may be several files."""
    first, *others = _FILE.split(text)
    found = documents(first, file) if first.strip() else []
    for name, part in zip(others[::2], others[1::2], strict=True):
        found += documents(part, name)
    return convert(found)


def golden(name: str) -> dict[str, str]:
    """Return file name → text of what the case *name* gives."""
    conversion = converted((CASES / f"{name}.in.yaml").read_text(), f"{name}.yaml")
    said = in_order(conversion.diagnostics)
    files = {f"{name}.said.txt": "".join(f"{line(one)}\n" for one in said)} if said else {}
    if not any(one.is_error for one in said):
        files[f"{name}.out.yaml"] = render_all(conversion.made)
    return files


def line(said: Diagnostic) -> str:
    """Return a diagnostic on one line, with all that is in it."""
    parts = [f"{said.place}: {said.level}[{said.code}] {said.resource}: {said.message}"]
    parts += [f"expected {said.expected}"] if said.expected else []
    parts += [f"hint: {said.hint}"] if said.hint else []
    parts += [f"see {one.place or ''} {one.message} {one.resource}" for one in said.related]
    return " | ".join(parts)
