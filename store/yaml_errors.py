"""What is wrong with a text that is no YAML, or no YAML of ours, in the words of who wrote it.

`Refusal` carries it out of the parser; libyaml's own words are turned into plain ones here.
"""

import re
from collections.abc import Sequence
from typing import Any

import yaml

from store.diagnostic import Diagnostic, Level, Place
from store.yaml_slips import MAX_LOOKED_AT, RENDER, Slip, incomplete_key, never_closed, template_in, unclosed

_BREAK = re.compile("[\n\x85\u2028\u2029]")
_ELLIPSIS = re.compile(r"[ \t]+(\.\.\.|…)[ \t]*(#.*)?\r?")

_PLAIN_WORDS = (
    ("could not find expected ':'", "a key without a colon, or text at the indentation of a key"),
    (
        "mapping values are not allowed",
        "a colon where no key can be: wrong indentation, or a value that needs quotes",
    ),
    (
        "did not find expected key",
        "wrong indentation: here is neither a key of the mapping above nor its end",
    ),
    (
        "did not find expected '-' indicator",
        "wrong indentation: here is neither a list item nor the end of the list",
    ),
    (
        "block sequence entries are not allowed",
        "a list item where none can be: it belongs on a line of its own",
    ),
    ("did not find expected ',' or ']'", "a list in brackets without comma or closing bracket"),
    ("did not find expected ',' or '}'", "a mapping in braces without comma or closing brace"),
    ("did not find expected node content", "a value is missing here, or a bracket before it is never closed"),
    ("did not find expected <document start>", "here begins another document: a line with --- has to stand before it"),
    ("did not find expected alphabetic", "a * or & begins an alias or an anchor, and here none can be meant"),
    ("unexpected end of stream", "a quotation mark is never closed"),
    ("unexpected document indicator", "a quotation mark is never closed"),
    ("cannot start any token", "a character that cannot start a value: put the value in quotes"),
    (
        "unknown escape character",
        "an unknown escape in double quotes: write two backslashes, or use single quotes",
    ),
)
"""What libyaml says → what it means to who wrote the file."""

_TAB = "a tab as indentation: YAML wants spaces"
_INDENTED_BY_TAB = re.compile(r"( *\t)[ \t]*")
_IN_TEXT_OR_BRACKETS = ("unexpected end", "unexpected document", "',' or", "escape character")
"""What libyaml says of places where a tab is no indentation."""


class Refusal(Exception):  # noqa: N818 - carries a diagnostic out of the parser
    """This text is no document of ours. Caught by `store/reader.py`, always.

    Attributes:
        said: why, with line and column of the file, without the file's name.
        lines: other lines of the text, from 0, that the parser named.
    """

    def __init__(self, said: Diagnostic, lines: frozenset[int] = frozenset()) -> None:
        super().__init__(said.message)
        self.said = said
        self.lines = lines


def said_at(code: str, message: str, line: int, column: int = 1, *, hint: str | None = None) -> Diagnostic:
    """Return an error with a position in a file that the caller knows."""
    return Diagnostic(Level.ERROR, code, message, place=Place("", line, column), hint=hint)


def is_ellipsis(line: str) -> bool:
    """Say whether *line* holds nothing but an indented ellipsis."""
    return _ELLIPSIS.fullmatch(line) is not None


def ellipsis_at(line: int, column: int) -> Diagnostic:
    """Return the diagnostic for an ellipsis."""
    message = "an ellipsis stands for something that was left out; it has to be filled in"
    return said_at("ellipsis", message, line, column, hint="write what belongs here, or remove the line")


def first_column(line: str) -> int:
    """Return the column of the first character of *line* that is no blank."""
    return len(line) - len(line.lstrip()) + 1


def syntax_error(wrong: yaml.YAMLError, first_line: int, text: str) -> Refusal:
    """Return what libyaml found *wrong* in *text*, whose first line is number *first_line* of the file."""
    problem = str(getattr(wrong, "problem", None) or wrong)
    context = getattr(wrong, "context_mark", None)
    mark = getattr(wrong, "problem_mark", None) or context
    said = next((words for part, words in _PLAIN_WORDS if part in problem), f"this is not YAML: {problem}")
    if context is not None and any(words in said for words in _BEGAN_EARLIER):
        mark = context
    named = frozenset(one.line for one in (mark, context, getattr(wrong, "problem_mark", None)) if one is not None)
    line, column = (mark.line, mark.column + 1) if mark is not None else (0, 1)
    lines = _BREAK.split(text.rstrip())
    slip = _slip(problem, mark, context, text, lines)
    if slip is not None:
        return Refusal(said_at("syntax", slip.message, slip.line + first_line, slip.column, hint=slip.hint), named)
    if line >= len(lines):  # noticed at the end: behind the last line that has something
        line, column = len(lines) - 1, len(lines[-1]) + 1
    tab = _tab_before(lines[line], column)
    if "cannot start any token" in problem and column != tab:  # the tab before it was taken as a blank
        tab = None
    if tab is not None and not any(part in problem for part in _IN_TEXT_OR_BRACKETS):
        said, column = _TAB, tab
    elif "tab character" in problem:
        said = _TAB
    hint = None if said == _TAB or "escape" in said else _advice(lines[line], column)
    return Refusal(said_at("syntax", said, line + first_line, column, hint=hint), named)


def _slip(problem: str, mark: Any, context: Any, text: str, lines: Sequence[str]) -> Slip | None:
    """Return what the look of the *lines* says of a *problem*, or None when the parser's own words are best."""
    if len(text) > MAX_LOOKED_AT:
        return None
    line = mark.line if mark is not None else len(lines)
    if any("\t" in lines[i][: first_column(lines[i])] for i in {line, line - 1} if 0 <= i < len(lines)):
        return None
    template = template_in(lines, line)
    if template is not None:
        return template
    if "expected ':'" in problem or "mapping values" in problem:
        return incomplete_key(lines, line)
    if "',' or" in problem and context is not None and mark is not None and mark.line > context.line:
        return never_closed(lines[context.line][context.column], context.line, context.column + 1)
    return unclosed(text) if "node content" in problem and line >= len(lines) else None


_BEGAN_EARLIER = ("never closed", "without a colon", "begins an alias or")
"""Words of what libyaml notices later than where it began."""


def _tab_before(written: str, column: int) -> int | None:
    """Return the column of a tab that indents what stands on the line *written* at *column*, or None."""
    found = _INDENTED_BY_TAB.match(written)
    return found.end(1) if found and found.end(1) <= column <= found.end() + 1 else None


_CONFLICT = re.compile(r"(<{7}|={7}|>{7})(?= |$)")
_BARE = re.compile(r"[^\s,\[\]{}#]+")


def _advice(written: str, column: int) -> str | None:
    """Return what to do about a mistake on the line *written* at *column*, where its look tells, or None."""
    rest, before = written[column - 1 :], written[: column - 1].rstrip()
    if _CONFLICT.match(written):
        return "two versions were merged and their conflict is left here: choose one"
    if "{{" in written:
        return RENDER
    if rest.startswith(("*", "&")) and (bare := _BARE.match(rest)):
        return f'write "{bare.group()}"'
    if rest.strip() and before.endswith(("]", "}", '"', "'")):
        return "what begins with a bracket or a quotation mark ends at its counterpart: put all of the value in quotes"
    return None
