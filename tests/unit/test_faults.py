"""What pydantic finds wrong is told in our words, whatever the field takes."""

import json
import re
from collections.abc import Iterator
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, create_model

from packistry.faults import faults
from packistry.inputs import Input
from packistry.plugin import Config
from packistry.services.plugins import Plugins
from packistry.settings import Settings
from packistry.web.api import CALLS

PYDANTICS = re.compile(r"Input should|Field required|Extra inputs|should have|Value error|valid ")
HOSTILE: tuple[Any, ...] = (
    *("", "x", "1.5", "1" * 5000, "é" * 70_000, "2026-13-45", "\0"),
    *(-1, 0, 1.5, 10**30, 1e300, True, None),
    *([], [None], [1], [[]], ["x"] * 2000, {}, {"x": 1}, [{}], [{"x": "y"}]),
)


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(BaseModel):
    claim: int


def told(kind: Any, value: Any) -> dict[str, str]:
    model = create_model("Model", field=(kind, ...))
    with pytest.raises(ValidationError) as caught:
        model(field=value)
    return faults(caught.value)


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        (int, "many", "must be a whole number"),
        (int, 1.5, "must be a whole number"),
        (int, None, "must be a whole number"),
        (int, "1" * 5000, "must be a smaller number"),
        (Annotated[int, Field(ge=0)], -1, "must be at least 0"),
        (Annotated[int, Field(le=9)], 10, "must be at most 9"),
        (Annotated[int, Field(gt=0)], 0, "must be more than 0"),
        (Annotated[float, Field(lt=1)], 1, "must be less than 1.0"),
        (float, "many", "must be a number"),
        (bool, "perhaps", "must be true or false"),
        (str, 7, "must be text"),
        (SecretStr, 7, "must be text"),
        (Annotated[str, Field(min_length=1)], "", "must not be empty"),
        (Annotated[str, Field(min_length=3)], "ab", "must have at least 3 characters"),
        (Annotated[str, Field(max_length=3)], "abcd", "must have at most 3 characters"),
        (Annotated[str, Field(pattern="^a$")], "b", "must fit the pattern ^a$"),
        (Annotated[list[str], Field(min_length=1)], [], "must not be empty"),
        (Annotated[list[str], Field(min_length=2)], ["a"], "must have at least 2 entries"),
        (Annotated[list[str], Field(max_length=1)], ["a", "b"], "must have at most 1 entries"),
        (list[str], "a", "must be a list"),
        (tuple[str, ...], 7, "must be a list"),
        (frozenset[str], 7, "must be a list"),
        (dict[str, int], 7, "must be an object"),
        (Inner, 7, "must be an object"),
        (datetime, "soon", "must be a moment such as 2030-12-31T12:00:00Z"),
        (date, "soon", "must be a date such as 2030-12-31"),
        (Path, 7, "must be a path"),
        (Colour, "green", "must be red or blue"),
        (Literal["a", "b", "c"], "d", "must be a, b or c"),
        (int | Literal["inherit"], "x", "must be a whole number, or inherit"),
        (Annotated[int, Field(ge=0)] | Literal["inherit"], -1, "must be at least 0"),
        (bool | int | None, "x", "must be true or false, or a whole number"),
    ],
)
def test_each_kind_of_value_has_words_of_ours(kind, value, words):
    assert told(kind, value) == {"field": words}


def test_a_field_that_is_missing_or_not_known_is_named():
    model = create_model("Model", __config__=ConfigDict(extra="forbid"), name=(str, ...))
    with pytest.raises(ValidationError) as caught:
        model(other="x")
    assert faults(caught.value) == {"name": "must be given", "other": "is not known here"}


def test_a_fault_within_a_list_is_found_by_its_number():
    assert told(list[Inner], [{"claim": 1}, {"claim": "x"}]) == {
        "field.1.claim": "must be a whole number"
    }


def test_no_phrase_repeats_what_was_entered():
    assert "canary" not in str(told(int | Colour | Literal["inherit"], "canary"))


def test_nothing_that_anybody_can_enter_is_answered_in_pydantics_words():
    said = {
        (model.__name__, field, words)
        for model in _models()
        for field, words in _faults_of(model)
        if PYDANTICS.search(words) or not re.fullmatch(r"(?:[a-z][\w.]*|filter\[\w+\])?", field)
    }
    assert said == set()


def _models() -> Iterator[type[BaseModel]]:
    """All inputs, what the API takes, what plugins and the operator configure."""
    yield Settings
    yield from _below(Input)
    for call in CALLS:
        yield from filter(None, (call.body, call.query))
    plugins = Plugins.load(strict=True)
    for kinds in (plugins.source_providers, plugins.auth_backends, plugins.storages):
        for kind in kinds.values():
            yield kind.Config


def _below(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for each in model.__subclasses__():
        yield from _below(each)


def _faults_of(model: type[BaseModel]) -> Iterator[tuple[str, str]]:
    for name, info in model.model_fields.items():
        for value in HOSTILE:
            given = {info.alias or name: value}
            yield from _refused(model, given)
            if not issubclass(model, (Config, Settings)):
                yield from _refused_as_json(model, given)


def _refused(model: type[BaseModel], given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    try:
        model.model_validate(given)
    except ValidationError as error:
        yield from faults(error).items()


def _refused_as_json(model: type[BaseModel], given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    try:
        model.model_validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        yield from faults(error).items()
