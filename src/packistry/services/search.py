"""Which of many packages may have words somewhere in what they say, without reading them all.

It only narrows down (models.gram): who searches asks each package for the words all the same.
"""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, false, func, literal, select, union_all
from sqlalchemy.orm import Session

from packistry.models import Gram, Package
from packistry.models.gram import ranges

RARE = 4000
"""Of more packages than these, reading them in the order they are shown in finds some as soon."""
MOST_GRAMS = 8


def rare(session: Session, words: Sequence[str]) -> ColumnElement[bool] | None:
    """Whether the Package at hand is one of the few that may have all the words.

    None: there is no such word among them. A word holds no space.
    """
    wanted = _spread([each for word in words for each in ranges(word)])
    if not wanted:
        return None
    counts = [
        select(literal(place).label("place"), func.count().label("packages")).select_from(
            select(literal(1)).where(*_within(each)).limit(RARE + 1).subquery()
        )
        for place, each in enumerate(wanted)
    ]
    statement = counts[0] if len(counts) == 1 else union_all(*counts)
    number, place = min((row.packages, row.place) for row in session.execute(statement))
    if number == 0:
        return false()
    if number > RARE:
        return None
    return Package.id.in_(select(Gram.package_id).where(*_within(wanted[place])))


def _within(grams: tuple[int, int]) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    first, end = grams
    return Gram.gram >= first, Gram.gram < end


def _spread(grams: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Of many, some all over what was entered."""
    return grams[:: -(-len(grams) // MOST_GRAMS)] if grams else []
