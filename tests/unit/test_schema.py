from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Column, MetaData, text
from sqlalchemy.exc import IntegrityError

from packistry import schema
from packistry.database import connect
from packistry.models.base import new_uid, now
from packistry.models.gram import grams
from packistry.runtime import Runtime


def test_the_newest_file_is_the_revision_that_alembic_ends_at() -> None:
    scripts = ScriptDirectory.from_config(schema.configuration())
    assert schema.head() == scripts.get_current_head()


def test_a_prepared_installation_is_at_that_revision(runtime: Runtime) -> None:
    assert schema.revision(runtime.engine) == schema.head()


def test_what_refers_to_a_table_outlives_a_change_of_its_columns(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/old.sqlite")
    schema.upgrade(engine, "0004")
    insert = (
        "INSERT INTO users (id, name, email, role, password_hash, active, created_at) "
        "VALUES (1, 'Ada', 'ada@x.org', 'user', '', 1, '2026-01-01')",
        "INSERT INTO grants (id, user_id, can_read, can_write) VALUES (1, 1, 1, 0)",
    )
    with engine.begin() as connection:
        for statement in insert:
            connection.execute(text(statement))
    schema.upgrade(engine)
    with engine.begin() as connection:
        assert connection.scalar(text("SELECT user_id FROM grants")) == 1
        with pytest.raises(IntegrityError):
            connection.execute(text("UPDATE grants SET user_id = 7"))
    engine.dispose()


def test_what_lists_are_sorted_and_found_by_is_filled_in(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/old.sqlite")
    schema.upgrade(engine, "0019")
    today = now().date()
    with engine.begin() as connection:
        tables = MetaData()
        tables.reflect(connection)
        for name, row in (
            ("repositories", {"id": 1, "name": "Home", "path": ""}),
            ("sources", {"id": 5, "name": "Host"}),
            ("projects", {"id": 3, "source_id": 5, "unreachable": "Gone."}),
            ("packages", {"id": 7, "repository_id": 1, "name": "acme/lib", "project_id": 3}),
            ("packages", {"id": 8, "repository_id": 1}),
            ("documents", {"package_id": 7, "channel": "stable", "modified": 11}),
            ("documents", {"package_id": 7, "channel": "dev", "modified": 12}),
            ("downloads", {"package_id": 7, "version": "1", "day": today, "downloads": 1}),
            ("downloads", {"package_id": 7, "version": "2", "day": today, "downloads": 2}),
            (
                "downloads",
                {
                    "package_id": 7,
                    "version": "1",
                    "day": today - timedelta(days=83),
                    "downloads": 4,
                },
            ),
        ):
            connection.execute(tables.tables[name].insert().values(_whole(tables, name, row)))
    schema.upgrade(engine)
    lists = "SELECT modified, week_downloads, quarter_downloads, source_id FROM packages"
    by_gram = "SELECT DISTINCT package_id FROM grams WHERE gram = :gram"
    with engine.connect() as connection:
        rows = connection.execute(text(f"{lists} ORDER BY id")).all()
        assert rows == [(12, 3, 7, 5), (0, 0, 0, None)]
        assert connection.scalar(text("SELECT away FROM projects")) == 1
        days = "SELECT repository_id, downloads FROM download_days ORDER BY day"
        assert connection.execute(text(days)).all() == [(1, 4), (1, 3)]
        for gram in grams("acme/lib"):
            assert connection.scalars(text(by_gram), {"gram": gram}).all() == [7]
    engine.dispose()


def _whole(tables: MetaData, name: str, row: dict[str, Any]) -> dict[str, Any]:
    """The row with something in each other column that must not be empty."""
    lacking = [
        column
        for column in tables.tables[name].columns
        if not column.nullable and column.server_default is None
    ]
    made = {
        column.name: _anything(column)
        for column in lacking
        if column.name != "id" and column.name not in row
    }
    return made | row


def _anything(column: Column[Any]) -> Any:
    kind = column.type.python_type
    if kind is str:
        return {"uid": new_uid(), "keywords": "[]"}.get(column.name, "")
    return now() if kind is datetime else kind()
