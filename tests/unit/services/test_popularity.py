"""Sums of downloads are what counting them anew would give, whatever happens to packages."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from packistry.inputs import NewRepository
from packistry.jobs.scheduler import Scheduler
from packistry.models import Download, DownloadDay, Package
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services import Services, popularity
from tests.counting import download

LIB, THEME = "acme/lib", "acme/theme"


@pytest.fixture
def stocked(runtime: Runtime) -> Runtime:
    """Two packages in the repository home, and the empty repository away."""
    with runtime.transaction() as services:
        home = services.repositories.add(NewRepository(name="home", path="home"))
        services.repositories.add(NewRepository(name="away", path="away"))
        services.session.add_all(Package(repository=home, name=name) for name in (LIB, THEME))
    return runtime


def count(runtime: Runtime, name: str, by_age: dict[int, int]) -> None:
    with runtime.transaction() as services:
        download(services, services.packages.get(name).id, by_age)


def sums(runtime: Runtime, name: str) -> tuple[int, int]:
    with runtime.reading() as services:
        package = services.packages.get(name)
        return package.week_downloads, package.quarter_downloads


def by_day(services: Services) -> dict[tuple[str, date], int]:
    """What is kept, by repository and day, without the days on which nothing was downloaded."""
    rows = services.session.execute(select(DownloadDay).where(DownloadDay.downloads != 0)).scalars()
    homes = {each.id: each.path for each in services.repositories.all()}
    return {(homes[row.repository_id], row.day): row.downloads for row in rows}


def counted_anew(services: Services) -> dict[tuple[str, date], int]:
    homes = {each.id: each.path for each in services.repositories.all()}
    query: Any = (
        select(Package.repository_id, Download.day, func.sum(Download.downloads))
        .join(Package, Package.id == Download.package_id)
        .group_by(Package.repository_id, Download.day)
    )
    return {
        (homes[home], day): int(number) for home, day, number in services.session.execute(query)
    }


def test_what_is_counted_is_added_up_for_the_last_week_and_twelve(stocked: Runtime) -> None:
    count(stocked, LIB, {0: 1, 6: 2, 7: 4, 83: 8, 84: 16})
    count(stocked, LIB, {0: 32})
    assert sums(stocked, LIB) == (35, 47)
    assert sums(stocked, THEME) == (0, 0)


def test_a_day_later_what_is_too_old_counts_no_more(stocked: Runtime) -> None:
    count(stocked, LIB, {0: 1, 6: 2, 83: 4})
    count(stocked, THEME, {1: 1})
    tomorrow = now().date() + timedelta(days=1)
    with stocked.transaction() as services:
        changed = services.packages.get(LIB).updated_at
        assert popularity.roll(services.session, tomorrow)
        assert not popularity.roll(services.session, tomorrow)
    assert sums(stocked, LIB) == (1, 3)
    assert sums(stocked, THEME) == (1, 1)
    with stocked.reading() as services:
        assert services.packages.get(LIB).updated_at == changed


def test_after_months_without_a_look_nothing_is_left(stocked: Runtime) -> None:
    count(stocked, LIB, {0: 1, 6: 2, 83: 4})
    with stocked.transaction() as services:
        popularity.roll(services.session, now().date() + timedelta(days=200))
    assert sums(stocked, LIB) == (0, 0)


def test_the_scheduler_sees_to_it_once_a_day(
    stocked: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    count(stocked, LIB, {6: 2})
    scheduler = Scheduler(stocked)
    assert not scheduler.notice_new_day()
    monkeypatch.setattr("packistry.jobs.scheduler.now", lambda: now() + timedelta(days=1))
    assert scheduler.tick()
    assert sums(stocked, LIB) == (0, 2)


def test_a_repository_has_by_day_what_the_packages_in_it_have(stocked: Runtime) -> None:
    count(stocked, LIB, {0: 1, 100: 2})
    count(stocked, THEME, {0: 4})
    today = now().date()
    with stocked.transaction() as services:
        assert by_day(services) == counted_anew(services)
        assert by_day(services)["home", today] == 5
        services.moving.move(services.packages.get(LIB), services.repositories.get("away"))
        assert by_day(services) == counted_anew(services)
        assert by_day(services)["away", today] == 1
        services.packages.remove(services.packages.get(THEME))
        assert by_day(services) == counted_anew(services)
        assert ("home", today) not in by_day(services)


def test_downloads_of_what_is_gone_are_forgotten(stocked: Runtime) -> None:
    with stocked.transaction() as services:
        package = services.packages.get(LIB)
        number = package.id
        services.packages.remove(package)
    with stocked.transaction() as services:
        download(services, number, {0: 1})
        assert by_day(services) == counted_anew(services) == {}
