"""The tables: made and brought up to date by Alembic, by one process at a time.

Alembic is imported only where it has something to do: most commands find the tables up to date.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATIONS = Path(__file__).parent / "migrations"
# "packistry" as a number: the name of the advisory lock.
LOCK = 0x7061636B
LOCK_SECONDS = 300


def upgrade(engine: Engine, to: str = "head") -> None:
    """Bring the tables up to date. Of many processes that start at once, one does it."""
    if revision(engine) == head():
        return
    from alembic import command

    with engine.connect() as connection:
        _check_references(connection, on=False)
        _lock(connection)
        try:
            config = configuration()
            config.attributes["connection"] = connection
            command.upgrade(config, to)
            connection.commit()
        finally:
            _unlock(connection)
            _check_references(connection, on=True)


def revision(engine: Engine) -> str | None:
    """The revision the tables are at; None for an empty database."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return None
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found


def head() -> str:
    """The revision this code needs: revisions are numbered, and so are their files."""
    return max(_revisions())


def knows(revision: str) -> bool:
    """Whether this code's history of the tables holds the revision."""
    return revision in _revisions()


def configuration() -> "Config":
    """Alembic's configuration; it needs no file."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


def _revisions() -> set[str]:
    return {path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("0*.py")}


def _check_references(connection: Connection, *, on: bool) -> None:
    """SQLite changes a column by making the table anew, which would remove what refers to it.

    It takes note between transactions only.
    """
    if connection.dialect.name == "sqlite":
        connection.rollback()
        raw = connection.connection.dbapi_connection
        assert raw is not None  # noqa: S101 - the connection is open
        raw.cursor().execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")


def _lock(connection: Connection) -> None:
    # SQLite needs none: its transaction begins by taking the only write lock.
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
    elif connection.dialect.name in ("mysql", "mariadb"):
        connection.execute(
            text("SELECT GET_LOCK(:lock, :seconds)"), {"lock": "packistry", "seconds": LOCK_SECONDS}
        )


def _unlock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": LOCK})
        connection.commit()
    elif connection.dialect.name in ("mysql", "mariadb"):
        connection.rollback()
        connection.execute(text("SELECT RELEASE_LOCK(:lock)"), {"lock": "packistry"})
