"""What must hold on each of the three databases."""

import threading
from datetime import UTC, date, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import func, select

from packistry.database import GENERATION, upsert
from packistry.models import (
    Base,
    Counter,
    Download,
    Package,
    Repository,
    User,
    Version,
    VersionKind,
)
from packistry.runtime import Runtime

WRITERS = 8
EACH = 25


def test_the_migrations_make_the_tables_that_the_models_describe(runtime: Runtime) -> None:
    with runtime.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert compare_metadata(context, Base.metadata) == []


def test_eight_writers_at_once_all_get_through(runtime: Runtime) -> None:
    faults: list[Exception] = []

    def write(number: int) -> None:
        for turn in range(EACH):
            try:
                with runtime.transaction() as services:
                    # Read before write: what fails half-way when the lock is taken too late.
                    services.session.scalar(select(func.count(User.id)))
                    services.session.add(User(name="U", email=f"{number}-{turn}@example.org"))
            except Exception as error:  # noqa: BLE001 - any at all is the finding
                faults.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    with runtime.transaction() as services:
        assert services.session.scalar(select(func.count(User.id))) == WRITERS * EACH


def test_an_upsert_adds_up_and_replaces(runtime: Runtime) -> None:
    with runtime.transaction() as services:
        repository = Repository(name="main")
        package = Package(repository=repository, name="a/b")
        services.session.add(package)
        services.session.flush()
        row = {"package_id": package.id, "version": "1.0.0.0", "day": date(2030, 1, 1)}
        for downloads, installs in ((2, 1), (3, 5)):
            upsert(
                services.session,
                Download,
                [{**row, "downloads": downloads, "installs": installs}],
                key=["package_id", "version", "day"],
                add=["downloads"],
                replace=["installs"],
            )
        found = services.session.scalars(select(Download)).one()
        assert (found.downloads, found.installs) == (5, 5)


def test_names_that_differ_in_case_only_are_two_versions(runtime: Runtime) -> None:
    with runtime.transaction() as services:
        package = Package(repository=Repository(name="main"), name="a/b")
        for name in ("dev-foo", "dev-Foo"):
            package.versions.append(
                Version(
                    name=name,
                    normalized=name,
                    stability="dev",
                    kind=VersionKind.BRANCH,
                    reference="0" * 40,
                    committed_at=datetime(2030, 1, 1, tzinfo=UTC),
                    manifest={"z": 1, "a": "ü🙂", "n": None},
                )
            )
        services.session.add(package)
    with runtime.transaction() as services:
        rows = services.session.scalars(select(Version).order_by(Version.normalized)).all()
        assert [row.name for row in rows] == ["dev-Foo", "dev-foo"]
        assert rows[0].kind is VersionKind.BRANCH
        assert list(rows[0].manifest.items()) == [("z", 1), ("a", "ü🙂"), ("n", None)]
        assert rows[0].committed_at == datetime(2030, 1, 1, tzinfo=UTC)


def generation(runtime: Runtime) -> int:
    with runtime.transaction() as services:
        return services.session.scalars(
            select(Counter.value).where(Counter.name == GENERATION)
        ).one()


@pytest.mark.parametrize("kind", ["a row", "a statement"])
def test_what_readers_depend_on_moves_the_generation(runtime: Runtime, kind: str) -> None:
    with runtime.transaction() as services:
        services.session.add(Repository(name="main"))
    before = generation(runtime)
    with runtime.transaction() as services:
        if kind == "a row":
            services.session.scalars(select(Repository)).one().public = True
        else:
            from sqlalchemy import update

            services.session.execute(update(Repository).values(public=True))
    assert generation(runtime) == before + 1


def test_what_they_do_not_depend_on_leaves_it(runtime: Runtime) -> None:
    before = generation(runtime)
    with runtime.transaction() as services:
        services.session.add(Counter(name="other", value=1))
    assert generation(runtime) == before
