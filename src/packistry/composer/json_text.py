"""Reading JSON that a stranger wrote, so that every reader after us sees the same thing."""

import json
import math
import re
from typing import Any, NoReturn

from packistry.composer.text import quoted

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32

_INT64 = range(-(2**63), 2**63)
_INT64_DIGITS = 20
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# A string that is never closed is one token too, so that the scan stays linear.
_STRUCTURE = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


_KINDS = {dict: "an object", list: "a list", str: "a text", bool: "a boolean"}


class BadManifest(ValueError):
    """A composer.json that cannot become a version. `reasons`: sentences for its author."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons

    @property
    def reason(self) -> str:
        return str(self)


def parse(data: bytes) -> dict[str, Any]:
    """The composer.json as a dict. Raises BadManifest.

    Accepts only what PHP's json_decode reads to the same value: strict UTF-8 without byte order
    mark, no NaN or infinite number, integers of 64 bits, no half surrogates; and, for safety, at
    most 1 MiB, 32 levels, no NUL, and no key twice at the top level.
    """
    if len(data) > MAX_BYTES:
        raise BadManifest(f"composer.json is larger than {MAX_BYTES // 1024} KiB")
    text = _decode(data)
    _check_depth(text)
    value, repeated = _load(text)
    if not isinstance(value, dict):
        raise BadManifest(f"composer.json must hold an object, not {described(value)}")
    if repeated is not None:
        raise BadManifest(f"composer.json has the key {quoted(repeated)} twice")
    if not value:
        raise BadManifest("composer.json is empty")
    _check_texts(value)
    return value


def described(value: Any) -> str:
    """What kind of JSON value it is, in words for a reason."""
    if value is None:
        return "null"
    return _KINDS.get(type(value), "a number")


def _decode(data: bytes) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        raise BadManifest("composer.json starts with a byte order mark; save it without")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadManifest(f"composer.json is not UTF-8 at byte {error.start}") from None


def _check_depth(text: str) -> None:
    depth = 0
    for token in _STRUCTURE.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
                if depth > MAX_DEPTH:
                    raise BadManifest(f"composer.json is nested deeper than {MAX_DEPTH} levels")
            case "]" | "}":
                depth -= 1


def _load(text: str) -> tuple[Any, str | None]:
    """The value, and a key that stands twice in the outermost object, if one does."""
    repeated: str | None = None

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # Objects close from the inside out, so the last call is the outermost object's.
        nonlocal repeated
        built = dict(pairs)
        repeated = _first_repeated(pairs) if len(built) < len(pairs) else None
        return built

    try:
        value = json.loads(
            text,
            object_pairs_hook=build,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        # Some of its messages end with "at" themselves.
        what = error.msg.removesuffix(" at")
        raise BadManifest(
            f"composer.json is not valid JSON: {what} at line {error.lineno}, column {error.colno}"
        ) from None
    return value, repeated


def _first_repeated(pairs: list[tuple[str, Any]]) -> str | None:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            return key
        seen.add(key)
    return None


def _integer(digits: str) -> int:
    if len(digits) > _INT64_DIGITS or int(digits) not in _INT64:
        raise BadManifest(f"composer.json holds the number {quoted(digits)}, beyond 64 bits")
    return int(digits)


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise BadManifest(
            f"composer.json holds the number {quoted(digits)}, too large for any reader"
        )
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise BadManifest(f"composer.json is not valid JSON: {name} is no JSON value")


def _check_texts(value: Any) -> None:
    match value:
        case str():
            if "\x00" in value:
                raise BadManifest(f"composer.json holds a NUL character in {quoted(value)}")
            if _LONE_SURROGATE.search(value):
                raise BadManifest(f"composer.json holds half a surrogate pair in {quoted(value)}")
        case dict():
            for key, item in value.items():
                _check_texts(key)
                _check_texts(item)
        case list():
            for item in value:
                _check_texts(item)
