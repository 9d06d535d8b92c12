"""A plugin's configuration: one declaration gives the form, the CLI, the API and the encryption."""

import types
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from packistry.faults import faults
from packistry.plugin.errors import ConfigError

C = TypeVar("C", bound="Config")

Kind = Literal["text", "secret", "checkbox", "number", "lines", "choice"]

MULTILINE: dict[str, Any] = {"multiline": True}
"""`json_schema_extra` of a text or secret field of several lines, such as a private key."""

ORIGIN: dict[str, Any] = {"origin": True}
"""`json_schema_extra` of a field that says where secrets are sent: when it changes, secrets that
are kept must be entered again, so that nobody can have them sent to a host of their own."""


class Config(BaseModel):
    """What an administrator fills in for a plugin. Subclass it with annotated fields.

    `title` and `description` of a pydantic `Field` are the label and the help text. A `SecretStr`
    is a password field, encrypted at rest and never shown again. Fields may be str, Path, int,
    float, bool, SecretStr, a Literal or Enum of strings, a tuple or list of str, and each of
    these `| None`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


@dataclass(frozen=True, kw_only=True)
class FormField:
    """One field of a configuration, as a form shows it. `default` is None for secrets."""

    name: str
    label: str
    kind: Kind
    required: bool
    help: str = ""
    choices: tuple[str, ...] = ()
    default: object = None
    multiline: bool = False


def form_fields(config_class: type[Config]) -> list[FormField]:
    """The fields in the order they are declared. TypeError for an annotation no form can show."""
    return [_form_field(name, info) for name, info in config_class.model_fields.items()]


def load_config(config_class: type[C], values: Mapping[str, object]) -> C:
    """The configuration these values make, whether typed or strings from a form or the CLI.

    Raises ConfigError with a message for each faulty field; none repeats what was entered.
    """
    given = dict(values)
    for field in form_fields(config_class):
        _read_text(given, field)
    try:
        return config_class.model_validate(given)
    except ValidationError as error:
        raise _config_error(config_class, given, error) from None


def one_word(secret: SecretStr) -> SecretStr:
    """A token without the white space around it, for a validator of its field.

    A secret that comes from a file ends with a line end nobody typed. ValueError, which does not
    repeat it, unless the rest is printable ASCII without spaces; a blank one stays blank.
    """
    word = secret.get_secret_value().strip()
    if not (word.isascii() and word.isprintable()) or " " in word:
        raise ValueError("must be the token alone, on one line")
    return SecretStr(word)


def secret_fields(config_class: type[Config]) -> frozenset[str]:
    """The names of the fields that are encrypted at rest."""
    return frozenset(field.name for field in form_fields(config_class) if field.kind == "secret")


def split_secrets(config: Config) -> tuple[dict[str, Any], dict[str, str]]:
    """(what may be stored as plain JSON, the secrets that are not empty)."""
    names = secret_fields(type(config))
    revealed = {name: _reveal(getattr(config, name)) for name in names}
    secrets = {name: value for name, value in sorted(revealed.items()) if value}
    return config.model_dump(mode="json", exclude=set(names)), secrets


def keep_secrets(
    config_class: type[Config],
    values: Mapping[str, object],
    *,
    plain: Mapping[str, object],
    secrets: Mapping[str, str],
    clear: Collection[str] = (),
) -> dict[str, object]:
    """The values to load when `values` replace a configuration stored as `plain` and `secrets`.

    A secret that is missing or blank in `values` keeps what is stored, unless it is in `clear`.
    Raises ConfigError when one would be kept although an `ORIGIN` field changes.
    """
    merged = dict(values)
    kept = [
        name
        for name in sorted(secret_fields(config_class))
        if secrets.get(name) and not _reveal(values.get(name)) and name not in clear
    ]
    if kept and origin_changes(config_class, values, plain):
        message = "Enter it again: it would be sent to another place than before."
        raise ConfigError(
            "Secrets must be entered again when the place they are sent to changes.",
            fields=dict.fromkeys(kept, message),
        )
    merged.update({name: secrets[name] for name in kept})
    merged.update(dict.fromkeys(set(clear) & secret_fields(config_class), ""))
    return merged


def _form_field(name: str, info: FieldInfo) -> FormField:
    kind, choices = _kind(name, info.annotation)
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    default = info.get_default(call_default_factory=True)
    hidden = kind == "secret" or default is PydanticUndefined
    return FormField(
        name=name,
        label=info.title or name.replace("_", " ").capitalize(),
        kind=kind,
        required=info.is_required(),
        help=info.description or "",
        choices=choices,
        default=None if hidden else default,
        multiline=kind == "lines" or bool(extra.get("multiline")),
    )


def _kind(name: str, annotation: Any) -> tuple[Kind, tuple[str, ...]]:
    if get_origin(annotation) in (Union, types.UnionType):
        options = [each for each in get_args(annotation) if each is not type(None)]
        if len(options) == 1:
            return _kind(name, options[0])
    if get_origin(annotation) is Literal:
        return "choice", tuple(str(choice) for choice in get_args(annotation))
    if get_origin(annotation) in (tuple, list) and set(get_args(annotation)) <= {str, ...}:
        return "lines", ()
    if isinstance(annotation, type):
        if issubclass(annotation, Enum):
            return "choice", tuple(str(choice.value) for choice in annotation)
        for base, kind in _PLAIN:
            if issubclass(annotation, base):
                return kind, ()
    raise TypeError(f"field {name}: a configuration cannot hold {annotation!r}")


# bool before int, of which it is a subclass.
_PLAIN: tuple[tuple[type, Kind], ...] = (
    (SecretStr, "secret"),
    (bool, "checkbox"),
    (int, "number"),
    (float, "number"),
    (str, "text"),
    (Path, "text"),
)


def _read_text(given: dict[str, object], field: FormField) -> None:
    """A form only knows strings: blank means the default, lines are split."""
    value = given.get(field.name)
    if not isinstance(value, str):
        return
    if field.kind == "lines":
        given[field.name] = tuple(line.strip() for line in value.splitlines() if line.strip())
    elif not value.strip():
        del given[field.name]


def _config_error(
    config_class: type[Config], given: Mapping[str, object], error: ValidationError
) -> ConfigError:
    hidden = [_reveal(given.get(name)) for name in secret_fields(config_class)]
    hidden += [str(value) for name, value in given.items() if name not in config_class.model_fields]
    messages = {name: _without(said, hidden) for name, said in faults(error).items()}
    words = (f"{name}: {message}" if name else message for name, message in messages.items())
    return ConfigError("; ".join(words), fields=messages)


def _without(text: str, hidden: Iterable[str]) -> str:
    """The text, in which a plugin's own validator may have quoted a secret, without it."""
    for secret in sorted(filter(None, hidden), key=len, reverse=True):
        text = text.replace(secret, "****")
    return text


def _reveal(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return value if isinstance(value, str) else ""


def origin_changes(
    config_class: type[Config], values: Mapping[str, object], plain: Mapping[str, object]
) -> bool:
    """Whether `values` name another place than the configuration stored as `plain`."""
    fields = config_class.model_fields
    return any(
        str(values.get(name, info.default) or "") != str(plain.get(name, info.default) or "")
        for name, info in fields.items()
        if isinstance(info.json_schema_extra, dict) and info.json_schema_extra.get("origin")
    )
