"""What a class that a plugin offers must be, to be used."""

import inspect
import re
from collections.abc import Iterable
from typing import Any

from packistry.plugin import Config, SourceProvider, form_fields

_NAME = re.compile(r"[a-z][a-z0-9-]{0,99}", re.ASCII)


def by_name(classes: Iterable[Any], contract: type[Any]) -> dict[str, Any]:
    """The classes by name. TypeError says what keeps one from being used."""
    by_name: dict[str, Any] = {}
    for each in classes:
        _check(each, contract)
        if each.name in by_name:
            raise TypeError(f"two classes are named {each.name!r}")
        by_name[each.name] = each
    return by_name


def _check(offered: Any, contract: type[Any]) -> None:
    what = getattr(offered, "__name__", repr(offered))
    if not (isinstance(offered, type) and issubclass(offered, contract)):
        raise TypeError(f"{what} is no subclass of {contract.__name__}")
    if inspect.isabstract(offered):
        missing = ", ".join(sorted(getattr(offered, "__abstractmethods__", ())))
        raise TypeError(f"{what} does not implement {missing}")
    name, title = getattr(offered, "name", None), getattr(offered, "title", None)
    if not (isinstance(name, str) and _NAME.fullmatch(name)):
        raise TypeError(f"{what}.name must be lower-case letters, digits and -")
    if not (isinstance(title, str) and title.strip()):
        raise TypeError(f"{what}.title must be what people call it")
    _check_config(what, getattr(offered, "Config", None))
    if issubclass(offered, SourceProvider):
        _check_listing(what, offered)
        _check_webhooks(what, offered)


def _check_config(what: str, config: Any) -> None:
    if not (isinstance(config, type) and issubclass(config, Config)):
        raise TypeError(f"{what}.Config must be a subclass of packistry.plugin.Config")
    form_fields(config)


def _check_listing(what: str, offered: type[SourceProvider[Any]]) -> None:
    if offered.lists_projects and "projects" not in _overridden(offered):
        raise TypeError(f"{what} lists projects and does not implement projects")


def _check_webhooks(what: str, offered: type[SourceProvider[Any]]) -> None:
    methods = ("create_webhook", "delete_webhook", "receive_webhook")
    missing = [name for name in methods if name not in _overridden(offered)]
    if offered.supports_webhooks and missing:
        raise TypeError(f"{what} supports webhooks and does not implement {', '.join(missing)}")


def _overridden(offered: type[SourceProvider[Any]]) -> set[str]:
    mro = offered.__mro__
    return {name for each in mro[: mro.index(SourceProvider)] for name in vars(each)}
