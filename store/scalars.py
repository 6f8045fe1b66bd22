"""One scalar of a document → a value of ours, by the rules of Istio's own decoder (protojson): quoted numbers, enums by
number, durations as Go writes them; and how messages show a value. A function never raises: it returns the value, or
`Found` where there is something to say.
"""

import base64
import binascii
import difflib
import math
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from fractions import Fraction
from typing import Any

from attrs import frozen

from store.diagnostic import Diagnostic, error
from store.resources.fields import Bytes, Double, Duration

_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,19})", re.ASCII)
_DOUBLE = re.compile(r"-?(0|[1-9][0-9]{0,300})(\.[0-9]{1,300})?([eE][-+]?[0-9]{1,3})?", re.ASCII)
_URL_SAFE = str.maketrans("-_", "+/")
_DURATION = re.compile(r"[-+]?((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+|[-+]?0", re.ASCII)
_DURATION_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z_/][-A-Za-z0-9_./]*", re.ASCII)
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""Words that some reader of YAML takes for something else than text."""

QUOTE = "put it in quotes"
"""The advice for a value that would be right as text; who knows how it is written says it more exactly."""

MAX_COMPARED = 64
"""Longer words than any name of ours are not compared with them: that costs time and finds nothing."""

_NANOSECONDS = {
    "ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9,
}  # fmt: skip
_MAX_NANOSECONDS = 2**63 - 1  # Go's time.Duration


class _Refused:
    """The value of something that could not be understood."""


REFUSED = _Refused()


@frozen
class Found:
    """What became of one value of which something is to be said.

    Attributes:
        value: the structured value, or `REFUSED`; an unknown field beside known ones does not refuse them.
        diagnostics: what was said on the way, paths relative to the value.
        guess: of a refused value, what stands in its place while the rest is judged, or `REFUSED`.
    """

    value: Any
    diagnostics: tuple[Diagnostic, ...] = ()
    guess: Any = REFUSED


Hook = Callable[[Any, Any], object]
"""Takes a value and a type; returns it as one of that type, or `Found` where there is something to say."""


def describe(value: object) -> str:
    """Return *value* as a message shows it: short, on one line, whatever it is."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value.bit_length() < 80 else "a huge number"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, str):
        shown = value if len(value) <= 60 else value[:59] + "…"
        return '"' + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in shown) + '"'
    if isinstance(value, Mapping):
        return "a mapping"
    return "a list" if isinstance(value, list | tuple) else "something else"


def in_flow(value: object) -> str:
    """Return a scalar as one writes it inside brackets or braces, in quotes where YAML needs them; cut when long."""
    plain = isinstance(value, str) and len(value) <= 60 and _PLAIN.fullmatch(value) and value.lower() not in _WORDS
    return str(value) if plain else describe(value)


def wrong_type(value: object, expected: str, hint: str | None = None) -> Diagnostic:
    """Return the diagnostic for a *value* that is not what its field takes."""
    alone = value[0] if isinstance(value, list | tuple) and len(value) == 1 else None
    if hint is None and expected != "a mapping" and isinstance(alone, str | int | float):
        hint = f"write {in_flow(alone)}"
    return error("wrong-type", f"{describe(value)} is not {expected}", expected=expected, hint=hint)


def nearest(word: str, names: Iterable[str]) -> str | None:
    """Return the name that *word* resembles most, or None when none is near."""
    lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(word.lower(), lower, n=1) if len(word) <= MAX_COMPARED else []
    return lower[near[0]] if near else None


def did_you_mean(word: str, names: Iterable[str]) -> str | None:
    """Return a hint with the name that *word* resembles, or None when none is near."""
    name = nearest(word, names)
    return f'did you mean "{name}"?' if name else None


def refuse(diagnostic: Diagnostic) -> Found:
    """Return that a value is refused, and why."""
    return Found(REFUSED, (diagnostic,))


def read_string(value: object, _: type) -> object:
    if not isinstance(value, str):
        quotable = isinstance(value, bool | int | float)
        return refuse(wrong_type(value, "a string", QUOTE if quotable else None))
    if not value.isascii() and any("\ud800" <= character <= "\udfff" for character in value):
        return refuse(error("bad-value", "half of a surrogate pair is not a character"))
    return value


def read_bool(value: object, _: type) -> object:
    if isinstance(value, bool):
        return value
    return refuse(wrong_type(value, "true or false"))


def integer_reader(cls: type[int], low: int, high: int) -> Hook:
    expected = f"a whole number from {low} to {high}"

    def read_integer(value: object, _: type) -> object:
        number: int | None = None
        if isinstance(value, int) and not isinstance(value, bool):
            number = value
        elif (isinstance(value, float) and value.is_integer()) or (
            isinstance(value, str) and _INTEGER.fullmatch(value)
        ):
            number = int(value)
        if number is None:
            return refuse(wrong_type(value, "a whole number", _without_percent(value)))
        if not low <= number <= high:
            return refuse(error("bad-value", f"{describe(number)} is out of range", expected=expected))
        return cls(number)

    return read_integer


def _without_percent(value: object) -> str | None:
    percent = isinstance(value, str) and value.endswith("%") and _INTEGER.fullmatch(value[:-1])
    return f"write {str(value)[:-1]}" if percent else None


def read_double(value: object, _: type) -> object:
    if isinstance(value, str) and _DOUBLE.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return refuse(wrong_type(value, "a number"))
    if not math.isfinite(value) or abs(value) > sys.float_info.max:
        return refuse(error("bad-value", f"{describe(value)} is out of range", expected="a finite number"))
    return Double(value)


def read_bytes(value: object, _: type) -> object:
    if not isinstance(value, str):
        return refuse(wrong_type(value, "bytes in base64", "put it in quotes" if value is not None else None))
    plain = value.rstrip("=").translate(_URL_SAFE)
    try:
        decoded = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (ValueError, binascii.Error):
        return refuse(error("bad-value", f"{describe(value)} is not base64", expected="bytes in base64"))
    return Bytes(decoded)


def render_bytes(value: bytes) -> str:
    """Return *value* in base64, as documents write it."""
    return base64.b64encode(value).decode()


def read_duration(value: object, _: type) -> object:
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        unit = isinstance(value, int | float) and not isinstance(value, bool)
        unit = unit or (isinstance(value, str) and _INTEGER.fullmatch(value) is not None)
        hint = f'a unit is missing: "{describe(value).strip(chr(34))}s"?' if unit else _unit_in_words(value)
        return refuse(wrong_type(value, 'a duration such as "5s", "250ms" or "1h30m"', hint))
    if len(value) > 64:
        return refuse(error("bad-value", "the duration is longer than 64 characters"))
    exact = sum((Fraction(n if n[0] != "." else "0" + n) * _NANOSECONDS[u] for n, u in _parts(value)), Fraction(0))
    nanoseconds = int(exact) * (-1 if value[0] == "-" else 1)
    if abs(nanoseconds) > _MAX_NANOSECONDS:
        return refuse(error("bad-value", f"{describe(value)} is too long", expected="at most 292 years"))
    return Duration(nanoseconds / 10**9)


_IN_WORDS = re.compile(
    r"(\d{1,9}(?:\.\d{1,9})?) ?"
    r"(?:(ms|milli(?:s|seconds?)?|msecs?)|(s|secs?|seconds?)|(m|mins?|minutes?)|(h|hrs?|hours?))",
    re.ASCII | re.IGNORECASE,
)


def _unit_in_words(value: object) -> str | None:
    """Return the advice for a duration whose unit is a word or stands apart: `5sec`, `1 m`; None for anything else."""
    found = _IN_WORDS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    number, *words = found.groups()
    unit = next(unit for unit, word in zip(("ms", "s", "m", "h"), words, strict=True) if word)
    return f'write "{number}{unit}"'


def _parts(text: str) -> list[tuple[str, str]]:
    return [(number.removesuffix("."), unit) for number, unit in _DURATION_PART.findall(text)]


def render_duration(seconds: float) -> str:
    """Return *seconds* as a duration that reads back as the same number: `0.5s`."""
    nanoseconds = max(-_MAX_NANOSECONDS, min(round(Fraction(seconds) * 10**9), _MAX_NANOSECONDS))
    whole, rest = divmod(abs(nanoseconds), 10**9)
    fraction = f"{rest:09d}".rstrip("0")
    return ("-" if nanoseconds < 0 else "") + str(whole) + ("." + fraction if fraction else "") + "s"


def read_enum(value: object, cls: type[StrEnum]) -> object:
    if isinstance(value, str) and value in cls.__members__:
        return cls[value]
    names = tuple(cls)
    # Istio's decoder takes numbers; our members stand in the order of the proto's.
    if isinstance(value, int | float) and not isinstance(value, bool) and value in range(len(names)):
        return names[int(value)]
    expected = f"one of {', '.join(names)}"
    if not isinstance(value, str):
        return refuse(error("wrong-type", f"{describe(value)} is not a value of this field", expected=expected))
    name = nearest(value, names)
    hint = f'did you mean "{name}"?' if name else None
    said = error("bad-value", f"{describe(value)} is not a value of this field", expected=expected, hint=hint)
    return Found(REFUSED, (said,), cls(name) if name else REFUSED)
