"""What pydantic finds wrong with what was entered, in words for people."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import ValidationError

Context = Mapping[str, Any]
Words = Callable[[Context], str]

_MUST_BE = "must be "
_OBJECT = "must be an object"
_LIST = "must be a list"
_MOMENT = "must be a moment such as 2030-12-31T12:00:00Z"
_DATE = "must be a date such as 2030-12-31"


def _at_least(context: Context) -> str:
    fewest = context["min_length"]
    return "must not be empty" if fewest == 1 else f"must have at least {fewest} characters"


def _entries(context: Context) -> str:
    fewest = context["min_length"]
    return "must not be empty" if fewest == 1 else f"must have at least {fewest} entries"


def _one_of(context: Context) -> str:
    return _MUST_BE + str(context["expected"]).replace("'", "")


# What the right kind of value is, where another was given: of several kinds, any would do.
_KINDS: dict[str, str] = {
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing", "finite_number"), "must be a number"),
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    **dict.fromkeys(("string_type", "string_sub_type", "string_unicode"), "must be text"),
    **dict.fromkeys(
        ("list_type", "tuple_type", "set_type", "frozen_set_type", "iterable_type"), _LIST
    ),
    **dict.fromkeys(
        ("dict_type", "mapping_type", "model_type", "model_attributes_type", "dataclass_type"),
        _OBJECT,
    ),
    **dict.fromkeys(
        ("datetime_type", "datetime_parsing", "datetime_object_invalid"),
        _MOMENT,
    ),
    "datetime_from_date_parsing": _MOMENT,
    **dict.fromkeys(
        ("date_type", "date_parsing", "date_from_datetime_parsing", "date_from_datetime_inexact"),
        _DATE,
    ),
    "path_type": "must be a path",
    "none_required": "must be null",
}

# What a value of the right kind must be besides.
_RULES: dict[str, Words] = {
    "missing": lambda _: "must be given",
    "extra_forbidden": lambda _: "is not known here",
    "invalid_key": lambda _: "is not known here",
    "int_parsing_size": lambda _: "must be a smaller number",
    "greater_than_equal": lambda context: f"must be at least {context['ge']}",
    "greater_than": lambda context: f"must be more than {context['gt']}",
    "less_than_equal": lambda context: f"must be at most {context['le']}",
    "less_than": lambda context: f"must be less than {context['lt']}",
    "string_too_short": _at_least,
    "string_too_long": lambda context: f"must have at most {context['max_length']} characters",
    "string_pattern_mismatch": lambda context: f"must fit the pattern {context['pattern']}",
    "too_short": _entries,
    "too_long": lambda context: f"must have at most {context['max_length']} entries",
    "json_invalid": lambda _: "must be JSON",
    "timezone_aware": lambda _: "must say its time zone",
}


def faults(error: ValidationError) -> dict[str, str]:
    """By field ("rules.0.claim" inside of lists, "" for the whole): what is wrong with it.

    Each is a phrase that follows the field's name, such as "must be a whole number", without a
    full stop; what a validator of ours or of a plugin raised is told as it says it. No other
    repeats what was entered. A field that takes several kinds has one phrase for all of them.
    """
    found: dict[str, list[Mapping[str, Any]]] = {}
    for fault in error.errors(include_input=False, include_url=False):
        found.setdefault(_field(fault["loc"]), []).append(fault)
    return {field: _phrase(several) for field, several in found.items()}


def _field(place: Iterable[int | str]) -> str:
    """The names and numbers of a place, without what pydantic calls the kinds of a union."""
    kept: list[str] = []
    inside = True
    for part in place:
        if isinstance(part, int) or inside:
            kept.append(str(part))
        inside = isinstance(part, int)
    return ".".join(kept)


def _phrase(several: list[Mapping[str, Any]]) -> str:
    kinds = []
    for fault in several:
        kind, context = fault["type"], fault.get("ctx", {})
        if kind in _KINDS:
            kinds.append(_KINDS[kind])
        elif kind in ("literal_error", "enum"):
            kinds.append(_one_of(context))
        else:
            # It was of this kind, so what is wrong beside that is the fault.
            words = _RULES.get(kind)
            said: str = words(context) if words else fault["msg"]
            return said.removeprefix("Value error, ")
    first, *others = dict.fromkeys(kinds)
    return ", or ".join([first, *(each.removeprefix(_MUST_BE) for each in others)])
