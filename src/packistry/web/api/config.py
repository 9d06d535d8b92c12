"""The configuration of a plugin in the API: its own fields, and the PHP Packistry's names."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

from pydantic import SecretStr

from packistry.errors import Invalid
from packistry.plugin import Config
from packistry.plugin.config import form_fields, secret_fields


def config_of(
    config: type[Config], given: Mapping[str, Any], named: Mapping[str, Any]
) -> dict[str, Any]:
    """The values for a `config`: those `given` by its own names, and `named` ones that it has.

    Of those that are None nothing is said. Raises Invalid for what it has no field for.
    """
    known = {field.name for field in form_fields(config)}
    unknown = sorted(set(given) - known)
    if unknown:
        message = f"Config: it has no {unknown[0]}; it has {', '.join(sorted(known))}."
        raise Invalid(message, field=f"config.{unknown[0]}")
    plain = {name: _plain(value) for name, value in named.items() if value is not None}
    values = {name: value for name, value in plain.items() if name in known}
    if "email" in known and "token" in values:
        values |= _email_and_token(values["token"])
    return {**values, **given}


def shown(config: type[Config] | None, stored: Mapping[str, Any]) -> dict[str, Any]:
    """What may be shown of a stored configuration."""
    hidden = secret_fields(config) if config else frozenset()
    return {name: value for name, value in stored.items() if name not in hidden}


def _plain(value: Any) -> Any:
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def _email_and_token(token: str) -> dict[str, str]:
    """The PHP Packistry takes Bitbucket's credentials as base64 of "email:token"."""
    try:
        email, colon, secret = base64.b64decode(token, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return {}
    return {"email": email, "token": secret} if colon and "@" in email else {}
