"""What words are found by: every three letters that follow each other in what a package says.

A number stands for three letters, so that order and equality are the same in every database; what
begins with one or two letters is a range of them. Letters are folded more coarsely than any
database does it: whatever has a word has its grams, and whoever has the grams is to be looked at.
"""

import json
from collections.abc import Iterable
from typing import Any, cast

from sqlalchemy import BigInteger, Connection, ForeignKey, Table, delete, event, insert, select
from sqlalchemy.orm import Mapped, Mapper, mapped_column
from sqlalchemy.orm import attributes as orm

from packistry.models.base import TABLE, Base
from packistry.models.package import Package

LETTERS = 3
BITS = 16
SEARCHED = ("name", "description", "keywords")
# What Turkish "İ" becomes beside its "i", in some databases and not in others.
_DOT_ABOVE = "\u0307"


class Gram(Base):
    """Three letters that a package has somewhere, or its last one or two of a word."""

    __tablename__ = "grams"
    __table_args__ = {"sqlite_with_rowid": False, **TABLE}

    gram: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    package_id: Mapped[int] = mapped_column(
        ForeignKey("packages.id", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
        index=True,
    )


_TABLE = cast(Table, Gram.__table__)


def grams(text: str) -> set[int]:
    """The grams of what is said in `text`."""
    return {
        _number(word[start : start + LETTERS])
        for word in _folded(text).split()
        for start in range(len(word))
    }


def ranges(word: str) -> list[tuple[int, int]]:
    """For each gram that whoever has `word` (which has no space in it) must have: from, and below.

    None for a word of which nothing is left.
    """
    letters = _folded(word)
    if not letters:
        return []
    if len(letters) < LETTERS:
        first = _number(letters)
        return [(first, first + (1 << BITS * (LETTERS - len(letters))))]
    found = {_number(letters[each : each + LETTERS]) for each in range(len(letters) - LETTERS + 1)}
    return [(each, each + 1) for each in sorted(found)]


def said(name: str | None, description: str, keywords: Iterable[str]) -> str:
    """All of a package that words are looked for in, as it is stored."""
    listed = json.dumps(list(keywords), ensure_ascii=False, separators=(",", ":"))
    return f"{name or ''} {description} {listed}"


def _folded(text: str) -> str:
    return text.casefold().replace(_DOT_ABOVE, "")


def _number(letters: str) -> int:
    number = 0
    for place in range(LETTERS):
        letter = ord(letters[place]) & 0xFFFF if place < len(letters) else 0
        number = number << BITS | letter
    return number


@event.listens_for(Package, "after_insert")
def _write(_mapper: Mapper[Any], connection: Connection, package: Package) -> None:
    _insert(connection, package.id, grams(_said_by(package)))


@event.listens_for(Package, "after_update")
def _write_again(_mapper: Mapper[Any], connection: Connection, package: Package) -> None:
    if not any(orm.get_history(package, each).has_changes() for each in SEARCHED):
        return
    of_package = _TABLE.c.package_id == package.id
    before = set(connection.scalars(select(_TABLE.c.gram).where(of_package)))
    after = grams(_said_by(package))
    if gone := sorted(before - after):
        connection.execute(delete(_TABLE).where(of_package, _TABLE.c.gram.in_(gone)))
    _insert(connection, package.id, after - before)


def _said_by(package: Package) -> str:
    return said(package.name, package.description or "", package.keywords or ())


def _insert(connection: Connection, package_id: int, found: set[int]) -> None:
    if found:
        rows = [{"gram": gram, "package_id": package_id} for gram in sorted(found)]
        connection.execute(insert(_TABLE), rows)
