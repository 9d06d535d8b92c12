"""Statements compiled once, run on the driver's own connections, one for each thread.

A session, its transaction and its rows cost more than all else that a small read does.
"""

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from operator import itemgetter
from typing import Any

from sqlalchemy import Engine, Select
from sqlalchemy.engine.interfaces import DBAPIConnection, DBAPICursor


class Prepared:
    """SQL text for one dialect, and how that dialect's driver wants the parameters."""

    def __init__(self, statement: Select[Any], engine: Engine) -> None:
        compiled = statement.compile(engine)
        self.sql = str(compiled)
        # A driver may give meaning to an enum's class: it gets plain text.
        self._constants = {
            name: str(value) if isinstance(value, str) else value
            for name, value in compiled.params.items()
        }
        order: list[str] | None = getattr(compiled, "positiontup", None)
        self._arrange = _arranger(order)

    def parameters(self, values: dict[str, Any]) -> Any:
        return self._arrange({**self._constants, **values})


def _arranger(order: list[str] | None) -> Callable[[dict[str, Any]], Any]:
    if order is None:
        return dict
    if len(order) == 1:
        (only,) = order
        return lambda values: (values[only],)
    return itemgetter(*order)


class Connections:
    """Connections in autocommit: each statement sees what is committed when it begins."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._local = threading.local()
        self._lock = threading.Lock()
        self._connections: list[DBAPIConnection] = []

    def prepare(self, statement: Select[Any]) -> Prepared:
        return Prepared(statement, self._engine)

    def rows(self, statement: Prepared, values: dict[str, Any]) -> Sequence[Any]:
        parameters = statement.parameters(values)
        kept: DBAPICursor | None = getattr(self._local, "cursor", None)
        if kept is not None:
            try:
                kept.execute(statement.sql, parameters)
                return kept.fetchall()
            except self._lost:
                # The server closed a connection that was idle, or was restarted.
                self._forget()
        fresh = self._connect()
        fresh.execute(statement.sql, parameters)
        return fresh.fetchall()

    @property
    def driver_error(self) -> type[Exception]:
        """The base of what the driver raises."""
        error: type[Exception] = self._engine.dialect.loaded_dbapi.Error
        return error

    @cached_property
    def _lost(self) -> tuple[type[Exception], ...]:
        driver = self._engine.dialect.loaded_dbapi
        return (driver.OperationalError, driver.InterfaceError)

    def _connect(self) -> DBAPICursor:
        pooled = self._engine.raw_connection()
        connection = pooled.dbapi_connection
        assert connection is not None  # noqa: S101 - a fresh one is always there
        pooled.detach()
        self._engine.dialect.set_isolation_level(connection, "AUTOCOMMIT")
        with self._lock:
            self._connections.append(connection)
        self._local.connection = connection
        cursor: DBAPICursor = connection.cursor()
        self._local.cursor = cursor
        return cursor

    def _forget(self) -> None:
        connection = self._local.connection
        del self._local.connection, self._local.cursor
        with self._lock:
            if connection in self._connections:
                self._connections.remove(connection)
        try:
            connection.close()
        except self.driver_error:
            # It was lost: there is nothing to close.
            return

    def close(self) -> None:
        """Closes the connections of every thread."""
        with self._lock:
            connections, self._connections = self._connections, []
            self._local = threading.local()
        for connection in connections:
            connection.close()
