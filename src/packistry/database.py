"""The engine and the session: what makes three databases behave alike.

SQLite runs in WAL mode. A transaction that will write takes the write lock when it begins
(BEGIN IMMEDIATE), so that it waits for its turn there and can never fail half-way with
"database is locked".
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import zope.sqlalchemy
from sqlalchemy import (
    CTE,
    Connection,
    CursorResult,
    Engine,
    Executable,
    Table,
    Update,
    create_engine,
    event,
    func,
    select,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import InstrumentedAttribute, ORMExecuteState, Session, sessionmaker
from sqlalchemy.pool import ConnectionPoolEntry

from packistry.errors import ConfigurationError
from packistry.models import (
    Base,
    Counter,
    Document,
    Grant,
    Package,
    Repository,
    Token,
    User,
    Version,
)

GENERATION = "generation"
FLOOR = "floor"
DOWNLOADS = "downloads"
READING = "reading"
"""In a session's `info`: it only reads."""

# Whoever changes one of these may have changed what a client may read.
WATCHED: tuple[type[Base], ...] = (Document, Grant, Package, Repository, Token, User, Version)

SQLITE_BUSY_MS = 60_000

DRIVERS = {
    "sqlite": "sqlite",
    "postgresql": "postgresql+psycopg",
    "mysql": "mysql+pymysql",
    "mariadb": "mysql+pymysql",
}
NO_URL = (
    "PACKISTRY_DATABASE_URL cannot be used: it is postgresql+psycopg://USER:PASSWORD@HOST/NAME, "
    "mysql+pymysql://USER:PASSWORD@HOST/NAME?charset=utf8mb4 or sqlite:////PATH."
)


def connect(url: str, *, pool_size: int = 20) -> Engine:
    """An engine for `url`, the same to use whichever database it is.

    Raises ConfigurationError: it is no address of a database that we know, or a driver is missing.
    """
    options: dict[str, Any] = {"hide_parameters": True}
    backend = _backend(url)
    if backend == "sqlite":
        options["connect_args"] = {"timeout": SQLITE_BUSY_MS / 1000}
    else:
        options |= {"pool_pre_ping": True, "pool_size": pool_size, "max_overflow": pool_size}
    if backend in ("mysql", "mariadb"):
        # The default, REPEATABLE READ, shows a transaction the past and lets it write the present.
        options["isolation_level"] = "READ COMMITTED"
    try:
        engine = create_engine(url, **options)
    except (ArgumentError, TypeError):
        raise ConfigurationError(NO_URL) from None
    except ModuleNotFoundError as error:
        extra = "postgresql" if backend == "postgresql" else "mysql"
        raise ConfigurationError(
            f"PACKISTRY_DATABASE_URL needs the Python package {error.name}, which is not here. "
            f"{DRIVERS[backend]} comes with: pip install 'packistry[{extra}]'"
        ) from None
    event.listen(engine, "handle_error", _hide_row)
    if backend == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_immediate)
    return engine


def _backend(url: str) -> str:
    try:
        backend = make_url(url).get_backend_name()
    except (ArgumentError, ValueError):
        backend = ""
    if backend not in DRIVERS:
        raise ConfigurationError(NO_URL)
    return backend


def _hide_row(context: ExceptionContext) -> None:
    """PostgreSQL adds the row that it refused to what it says; what is in it is nobody's business.

    Hiding the parameters of a statement, as the engine does, would be in vain otherwise.
    """
    fault, told = context.original_exception, context.sqlalchemy_exception
    primary = getattr(getattr(fault, "diag", None), "message_primary", None)
    if primary is not None:
        kind = type(fault)
        fault.args = (primary,)
        if told is not None:
            told.args = (f"({kind.__module__}.{kind.__name__}) {primary}",)


def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # The driver's own BEGIN comes too late and is deferred: we issue ours.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout={SQLITE_BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    mode = connection.get_execution_options().get("begin", "IMMEDIATE")
    connection.exec_driver_sql(f"BEGIN {mode}")


def session_factory(engine: Engine) -> sessionmaker[Session]:
    """Sessions that join the thread's `transaction` and move the generation on when they write."""
    factory: sessionmaker[Session] = sessionmaker(engine)
    event.listen(factory, "before_flush", _refuse_to_write)
    event.listen(factory, "before_flush", _note_watched_rows)
    event.listen(factory, "do_orm_execute", _note_watched_statements)
    event.listen(factory, "before_commit", _move_generation)
    zope.sqlalchemy.register(factory)
    return factory


def _refuse_to_write(session: Session, _context: object, _instances: object) -> None:
    if session.info.get(READING) and (session.new or session.dirty or session.deleted):
        raise RuntimeError("A transaction that only reads must not write: use Runtime.change.")


def _note_watched_rows(session: Session, _context: object, _instances: object) -> None:
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, WATCHED):
            session.info["watched"] = True
            return


def _note_watched_statements(state: ORMExecuteState) -> None:
    if state.is_select or state.bind_mapper is None:
        return
    if issubclass(state.bind_mapper.class_, WATCHED):
        state.session.info["watched"] = True
    # A bulk statement leaves no changed object behind to tell zope.sqlalchemy of the write.
    zope.sqlalchemy.mark_changed(state.session)


def _move_generation(session: Session) -> None:
    session.flush()
    if session.info.pop("watched", False):
        session.connection().execute(
            update(Counter.__table__)  # type: ignore[arg-type]  # a Table, typed FromClause
            .where(Counter.name == GENERATION)
            .values(value=Counter.value + 1)
        )


def changed_rows(
    session: Session, statement: Update, values: Mapping[str, Any] | None = None
) -> int:
    """Run an UPDATE that no loaded row needs to know of; how many rows it found."""
    if values:
        statement = statement.values(**values)
    result = session.execute(statement.execution_options(synchronize_session=False))
    return cast("CursorResult[Any]", result).rowcount


def distinct_values(column: InstrumentedAttribute[Any]) -> CTE:
    """The different values, as the column `value`, of a column that an index begins with.

    One step each in the index, where DISTINCT passes every row.
    """
    known = select(func.min(column).label("value")).cte(recursive=True)
    following = select(func.min(column)).where(column > known.c.value).scalar_subquery()
    known = known.union_all(select(following).where(known.c.value.is_not(None)))
    return select(known.c.value).where(known.c.value.is_not(None)).cte()


def upsert(
    session: Session,
    model: type[Base],
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Iterable[str],
    add: Iterable[str] = (),
    replace: Iterable[str] = (),
) -> None:
    """Insert `rows`; where `key` exists already, add up the `add` columns, overwrite `replace`."""
    if not rows:
        return
    table = model.__table__
    assert isinstance(table, Table)  # noqa: S101 - narrows the type: mapped classes have tables
    dialect = session.get_bind().dialect.name
    write = _on_duplicate_key if dialect in ("mysql", "mariadb") else _on_conflict
    # Many sets of parameters for one statement, which is compiled once.
    session.execute(write(table, dialect, list(key), list(add), list(replace)), list(rows))
    zope.sqlalchemy.mark_changed(session)


def _on_duplicate_key(
    table: Table, _dialect: str, key: list[str], add: list[str], replace: list[str]
) -> Executable:
    from sqlalchemy.dialects import mysql

    statement = mysql.insert(table)
    changes = {name: table.c[name] + statement.inserted[name] for name in add}
    changes |= {name: statement.inserted[name] for name in replace}
    return statement.on_duplicate_key_update(changes or {key[0]: table.c[key[0]]})


def _on_conflict(
    table: Table, dialect: str, key: list[str], add: list[str], replace: list[str]
) -> Executable:
    from sqlalchemy.dialects import postgresql, sqlite

    statement = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    changes = {name: table.c[name] + statement.excluded[name] for name in add}
    changes |= {name: statement.excluded[name] for name in replace}
    if not changes:
        return statement.on_conflict_do_nothing(index_elements=key)
    return statement.on_conflict_do_update(index_elements=key, set_=changes)
