from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Engine

from packistry.plugin import Storage
from packistry.services.plugins import Plugins
from packistry.services.secrets import SecretBox
from packistry.settings import Settings


class Level(StrEnum):
    """An error keeps packages from being served; a warning will, or is unsafe."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One fact about the installation; `remedy` is "" when all is well."""

    level: Level
    title: str
    remedy: str = ""


class Patient(Protocol):
    """What is examined. Each part may raise when it is asked for: that is a finding too."""

    @property
    def settings(self) -> Settings: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def plugins(self) -> Plugins: ...
    @property
    def storage(self) -> Storage[Any]: ...
    @property
    def secrets(self) -> SecretBox: ...


Check = Callable[[Patient], Iterator[Finding]]


def ok(title: str) -> Finding:
    """A check that found no fault."""
    return Finding(level=Level.OK, title=title)


def warning(title: str, remedy: str) -> Finding:
    """Something that works, and should not stay as it is."""
    return Finding(level=Level.WARNING, title=title, remedy=remedy)


def error(title: str, remedy: str) -> Finding:
    """Something that does not work, or must not be so."""
    return Finding(level=Level.ERROR, title=title, remedy=remedy)
