"""The tables: made and brought up to date by Alembic, by one process at a time."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

MIGRATIONS = Path(__file__).parent / "migrations"
# "packistry" as a number: the name of the advisory lock.
LOCK = 0x7061636B
LOCK_SECONDS = 300


def upgrade(engine: Engine) -> None:
    """Bring the tables up to date. Of many processes that start at once, one does it."""
    with engine.connect() as connection:
        _lock(connection)
        try:
            config = configuration()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
        finally:
            _unlock(connection)


def revision(engine: Engine) -> str | None:
    """The revision the tables are at; None for an empty database."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    """The revision this code needs."""
    return ScriptDirectory.from_config(configuration()).get_current_head()


def knows(revision: str) -> bool:
    """Whether this code's history of the tables holds the revision."""
    scripts = ScriptDirectory.from_config(configuration())
    return any(each.revision == revision for each in scripts.walk_revisions())


def configuration() -> Config:
    """Alembic's configuration; it needs no file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    return config


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
