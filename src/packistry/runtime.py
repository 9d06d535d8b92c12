"""What one process shares: settings, database, plugins, storage, queue. Ties layers together."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import transaction
from sqlalchemy import Engine, Inspector, func, inspect, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

from packistry import database, schema
from packistry.errors import ConfigurationError
from packistry.git.policy import GitPolicy
from packistry.models import Project, Source
from packistry.netguard import NetGuard
from packistry.plugin import HttpClient, HttpLimits, SourceProvider, Storage
from packistry.plugin.config import secret_fields
from packistry.queue import Queue, connect
from packistry.services import Services, logs
from packistry.services.audit import Author
from packistry.services.backends import Backends
from packistry.services.context import Context
from packistry.services.plugins import Plugins
from packistry.services.rotation import SEALED
from packistry.services.secrets import KEY_FILE, KEY_ID_LENGTH, SecretBox, load_keys
from packistry.settings import Settings

T = TypeVar("T")

ATTEMPTS = 6
SIGN_IN_LIMITS = HttpLimits(connect=5, read=10, total=20, max_bytes=256 * 1024)


class Runtime:
    """Everything a process needs, each part made when it is first asked for."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        logs.hide(_secrets_of(settings))

    def prepare(self) -> None:
        """Make the data directory (0700) and bring the tables up to date.

        Of many processes that start at once, one does it and the others wait. Raises
        ConfigurationError when the directory cannot be made.
        """
        os.umask(0o077)
        try:
            self.settings.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise ConfigurationError(
                f"The data directory {self.settings.root} cannot be made: {error.strerror}. Make "
                "it for the account that runs this, or name another in PACKISTRY_DATA_DIR."
            ) from None
        schema.upgrade(self.engine)

    def close(self) -> None:
        """Give back connections."""
        # What was never asked for may be what cannot be made.
        if "queue" in self.__dict__:
            self.queue.close()
        if "engine" in self.__dict__:
            self.engine.dispose()

    @cached_property
    def engine(self) -> Engine:
        return database.connect(self.settings.database)

    @cached_property
    def sessions(self) -> sessionmaker[Session]:
        return database.session_factory(self.engine)

    @cached_property
    def secrets(self) -> SecretBox:
        """Raises ConfigurationError when the key file is gone that stored secrets need."""
        setting, root = self.settings.secret_key.get_secret_value(), self.settings.root
        return SecretBox(
            load_keys(setting, root, may_make=lambda: not self._sealed()),
            reload=lambda: load_keys(setting, root, may_make=lambda: False),
        )

    def check_keys(self) -> None:
        """Raises ConfigurationError when a stored secret needs a key that is not here."""
        lost = sorted(key for key in self._sealed() if not self.secrets.holds(key))
        if lost:
            raise ConfigurationError(
                f"Stored secrets were encrypted with the key {lost[0]}, which is not among those "
                "given. Put it back, after the new one, in PACKISTRY_SECRET_KEY or in the file "
                f"{KEY_FILE}."
            )

    def _sealed(self) -> set[str]:
        """The ids of the keys that stored secrets were encrypted with."""
        # SQLite: who asks may hold the write lock in another connection.
        with self.engine.connect().execution_options(begin="DEFERRED") as connection:
            tables = inspect(connection)
            known = set(tables.get_table_names())
            found: set[str] = set()
            for column, _place in SEALED:
                table = column.class_.__tablename__
                # Before a migration the tables are those of an older version.
                if table in known and _has_column(tables, table, column.key):
                    name = func.substr(column, 1, KEY_ID_LENGTH)
                    found.update(connection.scalars(select(name).where(column != "").distinct()))
            return found

    @cached_property
    def plugins(self) -> Plugins:
        return Plugins.load(
            only=self.settings.plugins,
            disabled=self.settings.disabled_plugins,
            strict=self.settings.strict_plugins,
        )

    @cached_property
    def storage(self) -> Storage[Any]:
        options: dict[str, object] = dict(self.settings.storage_options)
        config = self.plugins.storage(self.settings.storage).Config
        logs.hide(str(options.get(name, "")) for name in secret_fields(config))
        if "path" in config.model_fields:
            options.setdefault("path", str(self.settings.root / "dists"))
        return self.plugins.make_storage(self.settings.storage, options)

    @cached_property
    def guard(self) -> NetGuard:
        """Private networks are open to the hosts an administrator configured, and only those."""
        return NetGuard(self.settings.allow_hosts, private=True)

    @cached_property
    def git(self) -> GitPolicy:
        return GitPolicy(
            allow_http=self.settings.git_allow_http,
            local_roots=self.settings.git_local_roots,
            netguard=self.guard,
            timeout=self.settings.git_timeout,
            lock_timeout=self.settings.git_timeout,
            max_bytes=self.settings.max_mirror_bytes,
            max_archive_bytes=self.settings.max_unpacked_bytes,
            max_files=self.settings.max_archive_files,
            max_refs=self.settings.max_refs,
        )

    @cached_property
    def http(self) -> HttpClient:
        limits = HttpLimits(max_download_bytes=self.settings.max_archive_bytes)
        return HttpClient(self.guard, limits=limits)

    @cached_property
    def backends(self) -> Backends:
        """Whoever signs in waits for what is asked here, so it is little and soon."""
        return Backends(self.plugins, self.secrets, HttpClient(self.guard, limits=SIGN_IN_LIMITS))

    @cached_property
    def queue(self) -> Queue:
        return connect(self.settings)

    @cached_property
    def context(self) -> Context:
        return Context(
            settings=self.settings,
            secrets=self.secrets,
            plugins=self.plugins,
            storage=self.storage,
            queue=self.queue,
            git=self.git,
            http=self.http,
            backends=self.backends,
        )

    @contextmanager
    def transaction(self) -> Iterator[Services]:
        """One transaction: committed at the end, undone if the body raises."""
        with transaction.manager:
            yield Services(self.context, self.sessions())

    @contextmanager
    def reading(self) -> Iterator[Services]:
        """One transaction that only reads: it waits for no writer, and writing raises."""
        with transaction.manager:
            session = self.sessions(info={database.READING: True})
            # SQLite: without this it would wait for, and take, the lock of those who write.
            session.connection(execution_options={"begin": "DEFERRED"})
            yield Services(self.context, session)

    @contextmanager
    def change(self, author: Author) -> Iterator[Services]:
        """One transaction, as `transaction`; what it changes is recorded as the author's."""
        with transaction.manager:
            services = Services(self.context, self.sessions(), author)
            with services.audit.recording():
                yield services

    def attempt(self, work: Callable[[Services], T], author: Author | None = None) -> T:
        """Run `work` in a transaction, again when the database chose it as a deadlock's victim.

        With an `author` it is a `change`.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                with self._open(author) as services:
                    return work(services)
            except OperationalError:
                # A deadlock or a serialization failure. A database that is away fails every time.
                continue
        with self._open(author) as services:
            return work(services)

    def _open(self, author: Author | None) -> AbstractContextManager[Services]:
        return self.transaction() if author is None else self.change(author)

    def provider(self, source: Source) -> SourceProvider[Any]:
        """The configured provider of a source. Raises PluginMissing and ConfigError."""
        return self.context.provider(source)

    def workspace(self, project: Project) -> Path:
        """The folder of one project, for its provider to cache in."""
        return self.context.workspace(project)


def _has_column(tables: Inspector, table: str, name: str) -> bool:
    return any(column["name"] == name for column in tables.get_columns(table))


def _secrets_of(settings: Settings) -> Iterator[str]:
    yield from settings.secret_key.get_secret_value().split(",")
    for url in (settings.database_url, settings.redis_url, settings.smtp_url):
        password = urlsplit(url.get_secret_value()).password or ""
        yield from (password, unquote(password))
