"""Where the agent's configuration comes from: YAML, flags, variables; each gives (setting, value) pairs.

What settings there are is in `agent/config.py`, what a value may be in `agent/config_values.py`. Nothing is
raised here: mistakes go to the list of diagnostics that the caller brings.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any

from attrs import define, evolve, frozen

from agent.config_values import NotYet, Wrong, WrongType, label_key
from store import reader
from store.diagnostic import Diagnostic, FieldPath, error, render_path
from store.scalars import in_flow

VARIABLE_PREFIX = "MESH_AGENT_"

Report = Callable[[FieldPath, Wrong], None]
"""Takes where in the source, and what is wrong there."""


class Shape(Enum):
    """Whether a key holds one value, a list of them, or a mapping to them."""

    ONE = "one"
    LIST = "list"
    MAP = "map"


@frozen
class Setting:
    """A row of `KEYS`.

    Attributes:
        name: the field of `AgentConfig`.
        path: the key in agent.yaml.
        flag: the command line's; lists and mappings are comma-separated there, and the flag may be repeated.
        parse: takes one value (an item, where there are several); raises `Wrong`.
        default: takes the fields before this one, returns the value when nobody gave one; raises `Wrong`.
        help: what the flag's help says.
        shape: of the value in agent.yaml.
    """

    name: str
    path: tuple[str, ...]
    flag: str
    parse: Callable[[object], Any]
    default: Callable[[Mapping[str, Any]], Any]
    help: str
    shape: Shape = Shape.ONE

    @property
    def variable(self) -> str:
        """The environment variable: the flag's twin, `MESH_AGENT_STATE_DIR`."""
        return VARIABLE_PREFIX + self.flag.removeprefix("--").replace("-", "_").upper()


Chosen = Iterator[tuple[Setting, Any]]


@define(slots=False)
class Table:
    """All settings, and the keys that are known and refused.

    Attributes:
        settings: in the order of their defaults.
        not_yet: keys of agent.yaml that this version does not do.
    """

    settings: tuple[Setting, ...]
    not_yet: frozenset[tuple[str, ...]]

    @cached_property
    def by_path(self) -> Mapping[tuple[str, ...], Setting]:
        """Key in agent.yaml → setting."""
        return {setting.path: setting for setting in self.settings}

    @cached_property
    def sections(self) -> frozenset[tuple[str, ...]]:
        """Keys in agent.yaml that hold other keys."""
        return frozenset(setting.path[:-1] for setting in self.settings if len(setting.path) > 1)


def from_flags(table: Table, flags: Mapping[str, str], found: list[Diagnostic]) -> Chosen:
    """Yield what *flags* (`{"--host": "vm-1"}`) say; mistakes go to *found* under the flag's name."""
    return _from_texts(table, flags, {setting.flag: setting for setting in table.settings}, found)


def from_variables(table: Table, variables: Mapping[str, str], found: list[Diagnostic]) -> Chosen:
    """Yield what *variables* (only ours) say; mistakes go to *found* under the variable's name."""
    return _from_texts(table, variables, {setting.variable: setting for setting in table.settings}, found)


def from_file(table: Table, file: Path, found: list[Diagnostic], *, required: bool) -> Chosen:
    """Yield what the YAML document in *file* says; mistakes go to *found* with their line.

    Args:
        table: the settings there are.
        file: agent.yaml.
        found: grows by what is wrong.
        required: whether it is a mistake that there is no such file.
    """
    try:
        data = file.read_bytes()
    except OSError as e:
        if isinstance(e, FileNotFoundError) and not required:
            return
        found.append(error("unreadable", f"{file}: cannot be read: {e.strerror}"))
        return
    reading = reader.read(data, str(file))
    found += reading.diagnostics
    for more in reading.documents[1:]:
        found.append(evolve(error("invalid-value", "one document too many", hint="leave it out"), place=more.place(())))
    for document in reading.documents[:1]:
        yield from _from_section(table, (), document.value, _with_place(document, found))


def _with_place(document: reader.Document, found: list[Diagnostic]) -> Report:
    """Return a report that knows the line of every path in *document*."""

    def report(path: FieldPath, wrong: Wrong) -> None:
        place = document.place(path, key=wrong.about_key)
        named = f"{render_path(path)}: {wrong.message}" if path else wrong.message
        found.append(evolve(said(wrong, named), path=path, place=place))

    return report


def _from_texts(
    table: Table, texts: Mapping[str, str], known: Mapping[str, Setting], found: list[Diagnostic]
) -> Chosen:
    for name, text in texts.items():
        setting = known.get(name)
        report = _with_name(name, found)
        if setting is None:
            report((), _unknown_text(table, name, known))
            continue
        try:
            raw = _spelled_out(setting, text)
        except Wrong as wrong:
            report((), wrong)
        else:
            yield from _judged(setting, raw, report)


def _with_name(name: str, found: list[Diagnostic]) -> Report:
    """Return a report that names a flag or a variable."""

    def report(_: FieldPath, wrong: Wrong) -> None:
        found.append(said(wrong, f"{name}: {wrong.message}"))

    return report


def _unknown_text(table: Table, name: str, known: Mapping[str, Setting]) -> Wrong:
    words = name.removeprefix(VARIABLE_PREFIX).replace("-", "").replace("_", "").lower()
    if words in {"".join(path).replace("-", "").lower() for path in table.not_yet}:
        return NotYetKey()
    return Unknown("there is no such setting", known, name, f"one of {', '.join(sorted(known))}")


def _spelled_out(setting: Setting, text: str) -> object:
    """Return what YAML would have given for *text*."""
    if setting.shape is Shape.ONE or text == "off":
        return text
    items = [item.strip() for item in text.split(",") if item.strip()]
    if setting.shape is Shape.LIST:
        return items
    for item in items:
        if "=" not in item:
            raise Wrong(f"`{item}` has no `=`", "key=value")
    return dict(item.split("=", 1) for item in items)


def _from_section(table: Table, path: tuple[str, ...], section: object, report: Report) -> Chosen:
    """Yield what one mapping of agent.yaml and the sections in it say; an empty key was not given."""
    if section is None:
        return
    if not isinstance(section, Mapping):
        off = section is False or section == "off"
        report(path, NotYet("`off`") if off else WrongType("is not a mapping", f"a mapping with {_keys(table, path)}"))
        return
    for key, raw in section.items():
        here = (*path, str(key))
        setting = table.by_path.get(here)
        if here in table.sections:
            yield from _from_section(table, here, raw, report)
        elif setting is None:
            report(here, _unknown_key(table, here))
        elif raw is not None:
            yield from _judged(setting, raw, report, at=here)


def _unknown_key(table: Table, here: tuple[str, ...]) -> Wrong:
    if here in table.not_yet:
        return NotYetKey()
    depth = len(here) - 1
    words = f"one of {_keys(table, here[:-1])}"
    keys = (*table.by_path, *table.not_yet)
    siblings = {path[depth] for path in keys if len(path) > depth and path[:depth] == here[:depth]}
    elsewhere = next((f"did you mean `{render_path(path)}`?" for path in table.by_path if path[-1] == here[-1]), None)
    return Unknown("there is no such key", siblings, here[-1], words, elsewhere)


def _keys(table: Table, section: tuple[str, ...]) -> str:
    """Return the keys that *section* of agent.yaml takes, as a message lists them."""
    depth = len(section)
    return ", ".join(sorted({path[depth] for path in table.by_path if len(path) > depth and path[:depth] == section}))


def _judged(setting: Setting, raw: object, report: Report, *, at: FieldPath = ()) -> Chosen:
    """Yield the setting with its value, or nothing when something in *raw* (found *at*) was wrong."""
    right = True

    def judge(parse: Callable[[Any], Any], part: object, *below: str | int) -> Any:
        nonlocal right
        try:
            return parse(part)
        except Wrong as wrong:
            right = False
            report((*at, *below), wrong)
            return None

    value: Any
    if setting.shape is Shape.ONE:
        value = judge(setting.parse, raw)
    elif setting.shape is Shape.LIST:
        value = tuple(judge(setting.parse, item, i) for i, item in enumerate(judge(_listed, raw) or ()))
    else:
        pairs = (judge(_mapped, raw) or {}).items()
        value = {judge(label_key, k, str(k)): judge(setting.parse, v, str(k)) for k, v in pairs}
    if right:
        yield setting, value


def _listed(raw: object) -> list[object]:
    if raw is False or raw == "off":
        raise NotYet("`off`")
    if not isinstance(raw, list):
        hint = f"write [{in_flow(raw)}]" if isinstance(raw, str) else None
        raise WrongType("is not a list", "a list such as [a, b]", hint)
    if not raw:
        raise Wrong("is empty", "at least one item")
    for i, item in enumerate(raw):
        if item in raw[:i]:
            raise Wrong(f"`{item}` is there twice")
    return raw


def _mapped(raw: object) -> Mapping[str, object]:
    if not isinstance(raw, Mapping):
        raise WrongType("is not a mapping", "a mapping such as {key: value}")
    return raw


class Unknown(Wrong):
    """A key, flag or variable that does not exist, with the name of one that may be meant, or else all of them."""

    code = "unknown-field"
    about_key = True

    def __init__(self, message: str, known: Iterable[str], name: str, words: str, hint: str | None = None) -> None:
        near = get_close_matches(name, sorted(known), n=1)
        hint = hint or (f"did you mean `{near[0]}`?" if near else None)
        super().__init__(message, None if hint else words, hint)


class NotYetKey(Wrong):
    """A key, flag or variable of the design that this version does not do."""

    code = "not-supported"
    about_key = True

    def __init__(self) -> None:
        super().__init__("not supported yet", hint="leave it out")


def said(wrong: Wrong, message: str) -> Diagnostic:
    """Return the diagnostic of *wrong*, with *message* (which says where) in place of its own."""
    return error(wrong.code, message, expected=wrong.expected, hint=wrong.hint)
