"""Forms: what was entered and what was wrong with it; and forms made from a plugin's `Config`."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packistry.plugin.config import Config, FormField, form_fields

CONFIG = "config."
"""What the names of the fields of a plugin's configuration begin with."""
CLEAR = "clear."


class Form:
    """The values and faults of a form, for the template that shows it."""

    def __init__(
        self, defaults: Mapping[str, Any], entered: Any | None, faults: Mapping[str, str]
    ) -> None:
        self._defaults = defaults
        self._entered = entered
        self._faults = faults

    @property
    def faults(self) -> Mapping[str, str]:
        return self._faults

    def value(self, name: str) -> str:
        """What a text field shows."""
        if self._entered is not None:
            value = self._entered.get(name, "")
            return value if isinstance(value, str) else ""
        default = self._defaults.get(name)
        if isinstance(default, list | tuple):
            return "\n".join(str(each) for each in default)
        return "" if default is None else str(default)

    def ticked(self, name: str) -> bool:
        """Whether a checkbox is ticked."""
        if self._entered is not None:
            return bool(self._entered.get(name))
        return bool(self._defaults.get(name))

    def chosen(self, name: str) -> list[str]:
        """The values of a field that may have several."""
        if self._entered is not None:
            return [value for value in self._entered.getall(name) if isinstance(value, str)]
        return [str(value) for value in self._defaults.get(name) or ()]

    def fault(self, name: str) -> str:
        """What is wrong with a field; "" when nothing is."""
        # A fault of one of a field's several values is named "{field}.{number}".
        inner = (text for key, text in self._faults.items() if key.startswith(f"{name}."))
        text = self._faults.get(name) or next(inner, "")
        # Beside the field its own name need not be said again.
        said, colon, rest = text.partition(": ")
        own = colon and said.lower() == name.replace("_", " ")
        return rest[:1].upper() + rest[1:] if own else text


@dataclass(frozen=True, kw_only=True)
class ConfigField:
    """A field of a plugin's configuration in a form. `kept`: a secret is stored already."""

    name: str
    field: FormField
    kept: bool = False


def config_form(config: type[Config], *, kept: Collection[str] = ()) -> Sequence[ConfigField]:
    """The fields that ask for a configuration; `kept` names the secrets that are stored."""
    return [
        ConfigField(name=CONFIG + each.name, field=each, kept=each.name in kept)
        for each in form_fields(config)
    ]


def config_defaults(config: type[Config], stored: Mapping[str, Any]) -> dict[str, Any]:
    """What the fields show at first: what is stored, else the defaults; never a secret."""
    return {
        CONFIG + each.name: stored.get(each.name, each.default)
        for each in form_fields(config)
        if each.kind != "secret"
    }


def config_values(config: type[Config], entered: Any) -> dict[str, object]:
    """What was entered, for `load_config` or a `SourceChange`: a blank secret is left out."""
    values: dict[str, object] = {}
    for each in form_fields(config):
        text = entered.get(CONFIG + each.name, "")
        text = text if isinstance(text, str) else ""
        if each.kind == "checkbox":
            values[each.name] = bool(text)
        elif each.kind != "secret" or text:
            # A text area sends line ends as CR LF.
            values[each.name] = text.replace("\r\n", "\n")
    return values


def config_cleared(config: type[Config], entered: Any) -> frozenset[str]:
    """The secrets that shall be forgotten."""
    return frozenset(
        each.name
        for each in form_fields(config)
        if each.kind == "secret" and entered.get(CLEAR + each.name)
    )


def config_faults(fields: Mapping[str, str]) -> dict[str, str]:
    """The faults of a ConfigError, by the names of the form's fields."""
    return {CONFIG + name if name else "": text for name, text in fields.items()}
