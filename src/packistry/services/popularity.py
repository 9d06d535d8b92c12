"""Sums of downloads, kept with every count: of each package lately, of each repository by day.

A package's are those of the last 7 days and 12 weeks up to the day in the counter `downloads`,
which a scheduler moves on. A repository's are those of the packages that are in it now.
"""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from typing import cast

import zope.sqlalchemy
from sqlalchemy import Table, bindparam, func, select, update
from sqlalchemy.orm import Session

from packistry.database import DOWNLOADS, changed_rows, upsert
from packistry.models import Counter as CounterRow
from packistry.models import Download, DownloadDay, Package
from packistry.models.base import now

WEEK = timedelta(days=7)
QUARTER = timedelta(weeks=12)
CHUNK = 500

_PACKAGES = cast(Table, Package.__table__)
_SUMS = ((_PACKAGES.c.week_downloads, WEEK), (_PACKAGES.c.quarter_downloads, QUARTER))
# On the table, not the class: a download changes nothing that a client may read.
_ADD = (
    update(_PACKAGES)
    .where(_PACKAGES.c.id == bindparam("package"))
    .values(
        week_downloads=_PACKAGES.c.week_downloads + bindparam("week"),
        quarter_downloads=_PACKAGES.c.quarter_downloads + bindparam("quarter"),
        updated_at=_PACKAGES.c.updated_at,
    )
)


def first_day(today: date, span: timedelta) -> date:
    """The first of the days of that span that ends with today."""
    return today - span + timedelta(days=1)


def add(
    session: Session, counted: Mapping[tuple[int, date], int], others: Collection[int] = ()
) -> set[int]:
    """Add up downloads, by package id and day. Which of these packages, and `others`, there are."""
    # Before anything else about these packages: two who count lock them in the same order.
    _add_lately(session, counted)
    homes = _homes(session, {package_id for package_id, _ in counted} | set(others))
    days: Counter[tuple[date, int]] = Counter()
    for (package_id, day), number in counted.items():
        if number and package_id in homes:
            days[day, homes[package_id]] += number
    _add_days(session, days)
    return set(homes)


def forget(session: Session, package: Package) -> None:
    """The package is about to go, and its downloads with it."""
    _lock(session, package.id)
    home = package.repository_id
    days = _by_day(session, package.id)
    _add_days(session, {(day, home): -number for day, number in days.items()})


def move(session: Session, package: Package, before: int) -> None:
    """The package, which is flushed, was in the repository of that number."""
    days: Counter[tuple[date, int]] = Counter()
    for day, number in _by_day(session, package.id).items():
        days[day, before] -= number
        days[day, package.repository_id] += number
    _add_days(session, days)


def roll(session: Session, today: date) -> bool:
    """Let the sums be those up to today; False when they are."""
    before = _day(session)
    if before >= today:
        return False
    mine = changed_rows(
        session,
        update(CounterRow)
        .where(CounterRow.name == DOWNLOADS, CounterRow.value == before.toordinal())
        .values(value=today.toordinal()),
    )
    if not mine:
        return False
    for column, span in _SUMS:
        # What is added meanwhile is of later days: nothing of it is lost.
        left = (Download.day >= first_day(before, span), Download.day < first_day(today, span))
        gone = (
            select(func.sum(Download.downloads))
            .where(Download.package_id == _PACKAGES.c.id, *left)
            .scalar_subquery()
        )
        session.execute(
            update(_PACKAGES)
            .where(_PACKAGES.c.id.in_(select(Download.package_id).where(*left)))
            .values({column: column - gone, _PACKAGES.c.updated_at: _PACKAGES.c.updated_at})
        )
    zope.sqlalchemy.mark_changed(session)
    return True


def _day(session: Session) -> date:
    """The day up to which the sums go."""
    value = session.scalar(select(CounterRow.value).where(CounterRow.name == DOWNLOADS))
    return now().date() if value is None else date.fromordinal(value)


def _add_lately(session: Session, counted: Mapping[tuple[int, date], int]) -> None:
    if not any(counted.values()):
        return
    today = _day(session)
    sums: dict[int, list[int]] = {}
    for (package_id, day), number in counted.items():
        for place, (_, span) in enumerate(_SUMS):
            if number and day >= first_day(today, span):
                sums.setdefault(package_id, [0, 0])[place] += number
    rows = [
        {"package": package_id, "week": week, "quarter": quarter}
        for package_id, (week, quarter) in sorted(sums.items())
    ]
    if rows:
        session.execute(_ADD, rows)
        zope.sqlalchemy.mark_changed(session)


def _homes(session: Session, package_ids: Collection[int]) -> dict[int, int]:
    """The repository of each of the packages that there are."""
    homes: dict[int, int] = {}
    wanted = sorted(package_ids)
    for start in range(0, len(wanted), CHUNK):
        some = wanted[start : start + CHUNK]
        rows = session.execute(
            select(Package.id, Package.repository_id).where(Package.id.in_(some))
        )
        homes.update((row.id, row.repository_id) for row in rows)
    return homes


def _by_day(session: Session, package_id: int) -> dict[date, int]:
    query = (
        select(Download.day, func.sum(Download.downloads))
        .where(Download.package_id == package_id)
        .group_by(Download.day)
        .having(func.sum(Download.downloads) > 0)
    )
    return {day: int(number) for day, number in session.execute(query)}


def _add_days(session: Session, days: Mapping[tuple[date, int], int]) -> None:
    rows = [
        {"day": day, "repository_id": repository_id, "downloads": number}
        for (day, repository_id), number in sorted(days.items())
    ]
    upsert(session, DownloadDay, rows, key=("day", "repository_id"), add=("downloads",))


def _lock(session: Session, package_id: int) -> None:
    """Whoever counts waits: what is read now is all there is."""
    session.scalar(select(Package.id).where(Package.id == package_id).with_for_update())
