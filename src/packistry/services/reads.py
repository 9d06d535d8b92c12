"""The hot path: who asks, may they, and what is it, in one prebuilt statement each."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from functools import cached_property
from typing import Any

from sqlalchemy import Engine

from packistry.models import Channel, Role, TokenKind
from packistry.services import lookups
from packistry.services.access import ANONYMOUS, Actor
from packistry.services.prepared import Connections, Prepared
from packistry.services.tokens import TokenText


class Access(Enum):
    """What a reader is told about the thing they named."""

    GRANTED = auto()
    # It does not exist, or must look as if it did not.
    ABSENT = auto()
    # Absent, below a vendor that this repository, which the reader may enter, has reserved.
    RESERVED = auto()
    # Nobody said who they are, and the repository is not public or does not exist.
    STRANGER = auto()
    # The token is unknown, expired or revoked, or its owner is disabled.
    BAD_TOKEN = auto()


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Who asked, as every answer of this module says it.

    `generation` is that of the data the answer was read from. `expires` is when the token does, in
    Unix seconds.
    """

    generation: int
    access: Access
    public: bool
    token_id: int | None
    expires: float | None


@dataclass(frozen=True, kw_only=True, slots=True)
class P2:
    """A p2 document, gzipped, with its Last-Modified in Unix seconds; b"" unless granted."""

    reader: Reader
    package_id: int
    body: bytes
    modified: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Entrance:
    """A repository as one actor sees it. Without access its facts are those of no repository."""

    reader: Reader
    actor: Actor
    repository_id: int
    reserved_vendors: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Archive:
    """A dist that was asked for. `dist_id` is 0 unless granted; `storage_key` "" until built.

    With a `failure` it is never to be served: it cannot be built, or what is stored is damaged.
    """

    reader: Reader
    package_id: int
    dist_id: int
    storage_key: str
    size: int
    sha256: str
    failure: str


class Reads:
    """Answers what `composer` asks most. One object serves a process, from many threads."""

    def __init__(self, engine: Engine) -> None:
        self._connections = Connections(engine)

    @property
    def driver_error(self) -> type[Exception]:
        """What the database's driver raises: these statements run on it directly."""
        return self._connections.driver_error

    def generation(self) -> int:
        """The number that rises with every commit that can change an answer."""
        value: int = self._row(self._generation, {})[0]
        return value

    def p2(self, token: TokenText | None, repository: str, name: str, channel: Channel) -> P2:
        """The document of a package; `token` None asks as nobody."""
        row = self._row(
            self._p2, _who(token, repository) | {"name": name, "channel": channel.value}
        )
        visible, reserved, vendors, package_id, body, modified = row[7:]
        found = bool(visible) and body is not None
        access = _access(row, token, found)
        if access is Access.ABSENT and reserved and name.partition("/")[0] in json.loads(vendors):
            access = Access.RESERVED
        granted = access is Access.GRANTED
        return P2(
            reader=_reader(row, access),
            package_id=package_id if granted else 0,
            body=bytes(body) if granted else b"",
            modified=modified if granted else 0,
        )

    def entrance(self, token: TokenText | None, repository: str) -> Entrance:
        """A repository, and the actor that `token` speaks for."""
        row = self._row(self._entrance, _who(token, repository))
        enters, repository_id, vendors, user_id, role, can_read, can_write, label = row[7:]
        access = _access(row, token, bool(enters) and repository_id is not None)
        granted = access is Access.GRANTED
        actor = ANONYMOUS
        if token is not None and access is not Access.BAD_TOKEN:
            actor = Actor(
                user_id=user_id,
                token_id=row[1],
                deploy_token_id=row[1] if row[2] == TokenKind.DEPLOY else None,
                admin=role == Role.ADMIN,
                can_read=bool(can_read),
                can_write=bool(can_write),
                label=f"{row[2]} {label}",
            )
        return Entrance(
            reader=_reader(row, access),
            actor=actor,
            repository_id=repository_id if granted else 0,
            reserved_vendors=tuple(json.loads(vendors)) if granted else (),
        )

    def names(self, entrance: Entrance) -> list[str]:
        """The names of the packages this actor may read in the repository entered, sorted."""
        actor = entrance.actor
        parameters = {
            "admin": actor.admin,
            "allowed": actor.can_read,
            "user_id": actor.user_id,
            "deploy_token_id": actor.deploy_token_id,
            "repository_id": entrance.repository_id,
        }
        return [row[0] for row in self._connections.rows(self._names, parameters)]

    def dist(
        self, token: TokenText | None, repository: str, name: str, *, reference: str
    ) -> Archive:
        """The dist of (package, reference)."""
        return self._archive(self._dist, token, repository, name, {"reference": reference})

    def version_dist(
        self, token: TokenText | None, repository: str, name: str, *, normalized: str
    ) -> Archive:
        """The dist that a version, given in its normalised form, has now."""
        return self._archive(
            self._version_dist, token, repository, name, {"normalized": normalized}
        )

    def close(self) -> None:
        """Closes the connections of every thread."""
        self._connections.close()

    def _archive(
        self,
        statement: Prepared,
        token: TokenText | None,
        repository: str,
        name: str,
        which: dict[str, str],
    ) -> Archive:
        row = self._row(statement, _who(token, repository) | {"name": name} | which)
        visible, package_id, dist_id, storage_key, size, sha256, failure = row[7:]
        access = _access(row, token, bool(visible) and dist_id is not None)
        granted = access is Access.GRANTED
        return Archive(
            reader=_reader(row, access),
            package_id=package_id if granted else 0,
            dist_id=dist_id if granted else 0,
            storage_key=storage_key if granted else "",
            size=size if granted else 0,
            sha256=sha256 if granted else "",
            failure=failure if granted else "",
        )

    @cached_property
    def _generation(self) -> Prepared:
        return self._connections.prepare(lookups.generation())

    @cached_property
    def _p2(self) -> Prepared:
        return self._connections.prepare(lookups.p2())

    @cached_property
    def _entrance(self) -> Prepared:
        return self._connections.prepare(lookups.entrance())

    @cached_property
    def _names(self) -> Prepared:
        return self._connections.prepare(lookups.names())

    @cached_property
    def _dist(self) -> Prepared:
        return self._connections.prepare(lookups.dist())

    @cached_property
    def _version_dist(self) -> Prepared:
        return self._connections.prepare(lookups.version_dist())

    def _row(self, statement: Prepared, values: dict[str, Any]) -> Any:
        return self._connections.rows(statement, values)[0]


def _who(token: TokenText | None, repository: str) -> dict[str, Any]:
    if token is None:
        return {"hash": None, "kind": None, "repository": repository}
    return {"hash": token.hash, "kind": token.kind.value, "repository": repository}


def _access(row: Any, token: TokenText | None, found: bool) -> Access:
    if token is not None and not _usable(row):
        return Access.BAD_TOKEN
    if found:
        return Access.GRANTED
    return Access.STRANGER if token is None and not row[6] else Access.ABSENT


def _usable(row: Any) -> bool:
    # The rule of services.tokens.usable, on the columns of a driver's row.
    _, token_id, kind, revoked_at, expires_at, active, _ = row[:7]
    if token_id is None or revoked_at is not None:
        return False
    if expires_at is not None and _moment(expires_at) <= datetime.now(UTC):
        return False
    return kind == TokenKind.DEPLOY or bool(active)


def _reader(row: Any, access: Access) -> Reader:
    expires_at = row[4]
    return Reader(
        generation=row[0],
        access=access,
        public=bool(row[6]),
        token_id=None if access is Access.BAD_TOKEN else row[1],
        expires=None if expires_at is None else _moment(expires_at).timestamp(),
    )


def _moment(value: str | datetime) -> datetime:
    """A stored date as the driver gives it: SQLite's as text."""
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at.replace(tzinfo=UTC)
