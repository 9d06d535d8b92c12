"""What the pages of a source and of a place to sign in share: a plugin's form, and its check."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from pyramid.response import Response

from packistry.errors import ConfigurationError, Invalid, NotFound
from packistry.plugin import Config
from packistry.services import Services
from packistry.web import pages
from packistry.web.forms import ConfigField, config_defaults, config_form
from packistry.web.pages import Shown
from packistry.web.visit import Visit

T = TypeVar("T")


def entered_before(
    config: type[Config] | None, plain: Mapping[str, Any], secrets: Callable[[], Mapping[str, str]]
) -> tuple[list[ConfigField], dict[str, Any], str]:
    """The fields, their values, and why the secrets, which `secrets` opens, are lost; "" if not.

    `config` is what the plugin asks for, None when it is gone; `plain` is what is no secret.
    """
    if config is None:
        return [], {}, ""
    kept: Mapping[str, str] = {}
    lost = ""
    try:
        kept = secrets()
    except ConfigurationError as error:
        lost = str(error)
    return list(config_form(config, kept=kept)), config_defaults(config, plain), lost


def told(ask: Callable[[], T]) -> T:
    """What a plugin has to say. Raises Invalid, with its own words, where something is wrong."""
    try:
        return ask()
    except (NotFound, ConfigurationError) as error:
        raise Invalid(str(error)) from None


def with_notes(
    visit: Visit,
    show: Callable[[Visit, Services], Shown],
    template: str,
    notes: Sequence[str],
) -> Response:
    """The page that was checked, with what there is to know although all works."""
    with visit.reading() as services:
        shown = show(visit, services)
        assert isinstance(shown, Mapping)  # noqa: S101 - it is never a response
        return pages.answer(visit, services, template, {**shown, "notes": notes})
