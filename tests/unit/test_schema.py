from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from packistry import schema
from packistry.database import connect
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
