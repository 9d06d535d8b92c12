import json
import pickle
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, SecretStr, field_validator

from packistry.plugin import (
    MULTILINE,
    ORIGIN,
    Config,
    ConfigError,
    form_fields,
    keep_secrets,
    load_config,
    one_word,
    secret_fields,
    split_secrets,
)

CANARY = "canary-7f3a9c"


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Forge(Config):
    url: str = Field("https://forge.example", title="API URL", json_schema_extra=ORIGIN)
    token: SecretStr = Field(title="Access token", description="Needs the read scope.")
    key: SecretStr = Field(SecretStr(""), json_schema_extra=MULTILINE)
    page_size: int = 50
    ratio: float | None = None
    verify: bool = True
    groups: tuple[str, ...] = ()
    colour: Colour = Colour.RED
    mode: Literal["all", "mine"] = "all"
    folder: Path | None = None

    @field_validator("token")
    @classmethod
    def _shape(cls, value: SecretStr) -> SecretStr:
        if value.get_secret_value().startswith("bad"):
            raise ValueError(f"{value.get_secret_value()} is no token")
        return value


def test_each_annotation_is_a_kind_of_field() -> None:
    assert {field.name: field.kind for field in form_fields(Forge)} == {
        "url": "text",
        "token": "secret",
        "key": "secret",
        "page_size": "number",
        "ratio": "number",
        "verify": "checkbox",
        "groups": "lines",
        "colour": "choice",
        "mode": "choice",
        "folder": "text",
    }


def test_title_and_description_are_label_and_help() -> None:
    token = form_fields(Forge)[1]
    assert (token.label, token.help, token.required) == (
        "Access token",
        "Needs the read scope.",
        True,
    )


def test_a_field_without_title_is_labelled_by_its_name() -> None:
    assert form_fields(Forge)[3].label == "Page size"


def test_choices_and_several_lines_are_known() -> None:
    fields = {field.name: field for field in form_fields(Forge)}
    assert fields["colour"].choices == ("red", "blue")
    assert fields["mode"].choices == ("all", "mine")
    assert fields["key"].multiline
    assert not fields["token"].multiline


def test_a_secret_has_no_default_to_show() -> None:
    class Odd(Config):
        token: SecretStr = SecretStr(CANARY)

    assert form_fields(Odd)[0].default is None


def test_an_annotation_no_form_can_show_is_refused() -> None:
    class Odd(Config):
        table: dict[str, str] = {}

    with pytest.raises(TypeError, match="table"):
        form_fields(Odd)


def test_strings_of_a_form_become_typed_values() -> None:
    config = load_config(
        Forge,
        {
            "token": "t",
            "page_size": "25",
            "verify": "false",
            "groups": " a \n\nb\n",
            "colour": "blue",
            "folder": "/srv",
        },
    )
    assert (config.page_size, config.verify, config.groups) == (25, False, ("a", "b"))
    assert (config.colour, config.folder) == (Colour.BLUE, Path("/srv"))


def test_a_blank_field_takes_the_default() -> None:
    config = load_config(Forge, {"token": "t", "url": "", "page_size": "  ", "ratio": ""})
    assert (config.url, config.page_size, config.ratio) == ("https://forge.example", 50, None)


def test_a_blank_required_field_is_missing() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(Forge, {"token": "  "})
    assert set(caught.value.fields) == {"token"}


def test_every_faulty_field_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(Forge, {"page_size": "many", "colour": "green", "surprise": "1"})
    assert set(caught.value.fields) == {"token", "page_size", "colour", "surprise"}


@pytest.mark.parametrize(
    "values",
    [
        {"token": "bad" + CANARY},
        {"token": CANARY, "page_size": "x"},
        {"token": CANARY, CANARY[:3]: CANARY},
        {"token": [CANARY]},
        {"key": CANARY},
    ],
    ids=["validator", "sibling", "unknown", "type", "missing"],
)
def test_no_error_repeats_a_secret(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(Forge, values)
    shown = f"{caught.value} {caught.value!r} {caught.value.fields}"
    assert CANARY not in shown
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_configuration_cannot_change() -> None:
    config = load_config(Forge, {"token": "t"})
    with pytest.raises(ValueError, match="frozen"):
        config.page_size = 1  # type: ignore[misc]  # that it is refused is the point


def test_no_repr_shows_a_secret() -> None:
    config = load_config(Forge, {"token": CANARY})
    assert CANARY not in f"{config!r} {config} {config.model_dump()} {config.model_dump_json()}"


def test_secrets_are_kept_apart_from_what_is_stored_plainly() -> None:
    plain, secrets = split_secrets(load_config(Forge, {"token": CANARY, "colour": "blue"}))
    assert secrets == {"token": CANARY}
    assert CANARY not in json.dumps(plain)
    assert plain["colour"] == "blue"


@given(
    token=st.text(min_size=1).filter(lambda text: text.strip() and not text.startswith("bad")),
    page_size=st.integers(-(2**60), 2**60),
    verify=st.booleans(),
    groups=st.lists(st.text()),
    colour=st.sampled_from(Colour),
)
def test_what_is_stored_loads_as_it_was(
    token: str, page_size: int, verify: bool, groups: list[str], colour: Colour
) -> None:
    config = Forge(
        token=SecretStr(token),
        page_size=page_size,
        verify=verify,
        groups=tuple(groups),
        colour=colour,
    )
    plain, secrets = split_secrets(config)
    assert load_config(Forge, {**json.loads(json.dumps(plain)), **secrets}) == config


def test_the_names_of_the_secret_fields_are_known() -> None:
    assert secret_fields(Forge) == {"token", "key"}


def test_a_blank_secret_keeps_the_stored_one() -> None:
    values = {"token": "", "page_size": "10"}
    kept = keep_secrets(Forge, values, plain={}, secrets={"token": "old"})
    assert load_config(Forge, kept).token.get_secret_value() == "old"


def test_a_secret_that_is_entered_replaces_the_stored_one() -> None:
    kept = keep_secrets(Forge, {"token": "new"}, plain={}, secrets={"token": "old"})
    assert kept["token"] == "new"


def test_a_secret_can_be_cleared() -> None:
    kept = keep_secrets(
        Forge, {"token": "t", "key": ""}, plain={}, secrets={"key": "old"}, clear=["key"]
    )
    assert load_config(Forge, kept).key.get_secret_value() == ""


def test_a_kept_secret_is_not_sent_to_another_place() -> None:
    stored = {"url": "https://forge.example"}
    with pytest.raises(ConfigError) as caught:
        keep_secrets(Forge, {"url": "https://evil.example"}, plain=stored, secrets={"token": "old"})
    assert set(caught.value.fields) == {"token"}


def test_a_secret_that_is_entered_again_may_go_to_another_place() -> None:
    values = {"url": "https://new.example", "token": "new"}
    kept = keep_secrets(Forge, values, plain={"url": "https://old.example"}, secrets={"token": "o"})
    assert kept == values


def test_an_error_survives_a_process_boundary() -> None:
    error = pickle.loads(pickle.dumps(ConfigError("no", fields={"a": "b"})))
    assert (str(error), error.fields) == ("no", {"a": "b"})


@pytest.mark.parametrize(
    ("entered", "word"), [("glpat-1\r\n", "glpat-1"), ("  x-y_z ", "x-y_z"), ("\n", "")]
)
def test_a_token_is_read_without_the_white_space_around_it(entered: str, word: str) -> None:
    assert one_word(SecretStr(entered)).get_secret_value() == word


@pytest.mark.parametrize("entered", ["two words", "a\nb", "t\u00f6ken", "a\x1bb"])
def test_what_is_more_than_a_token_is_refused_without_being_repeated(entered: str) -> None:
    with pytest.raises(ValueError, match="must be the token alone, on one line") as caught:
        one_word(SecretStr(entered))
    assert entered not in str(caught.value)
