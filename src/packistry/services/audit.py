"""Who did what: written by the change itself, in its transaction, from what it did to the rows."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.orm import InstanceState, Session

from packistry.models import (
    AuditEvent,
    AuthenticationSource,
    AutoImport,
    Base,
    ClaimRule,
    Grant,
    IdentityLink,
    Package,
    Project,
    Repository,
    Source,
    Token,
    User,
    Version,
    Via,
)
from packistry.models.base import now
from packistry.services.access import Actor
from packistry.services.grants import describe

CHANGED = "(changed)"
"""What is said of a secret that is another one now."""
LONGEST_VALUE = 500
LONGEST_NAME = 300


@dataclass(frozen=True, kw_only=True)
class Author:
    """Whose change it is, which way it came in, and from which address."""

    actor: Actor
    via: Via
    address: str = ""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How changes of a row are told: what it is called, which columns are secret or no news."""

    word: str
    name: Callable[[Session, Any], str]
    secret: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()


def _grant_name(session: Session, grant: Grant) -> str:
    owner = _named(session, User, grant.user_id) or _named(session, Token, grant.token_id)
    target = _named(session, Repository, grant.repository_id)
    return f"{owner} on {target or _named(session, Package, grant.package_id)}"


def _rule_name(session: Session, rule: ClaimRule) -> str:
    return f"{rule.claim}={rule.value} of {_named(session, AuthenticationSource, rule.source_id)}"


def _identity_name(session: Session, link: IdentityLink) -> str:
    source = _named(session, AuthenticationSource, link.source_id)
    return f"{link.subject} of {source} as {_named(session, User, link.user_id)}"


def _named(session: Session, model: type[Any], number: int | None) -> str:
    row = None if number is None else session.get(model, number)
    return "" if row is None else describe(row)


KINDS: dict[type[Base], Kind] = {
    Repository: Kind(word="repository", name=lambda _, row: row.name),
    Source: Kind(
        word="source",
        name=lambda _, row: row.name,
        secret=frozenset({"secrets", "webhook_secret"}),
    ),
    Project: Kind(
        word="project",
        name=lambda _, row: row.path,
        silent=frozenset(
            {
                "unreachable",
                "away",
                "missing_since",
                "missed_looks",
                "lost_at",
                "told_gone",
                "synced_at",
                "next_look_at",
                "default_branch",
            }
        ),
    ),
    Package: Kind(
        word="package",
        name=lambda _, row: row.name or f"number {row.id}",
        silent=frozenset(
            {
                "stale",
                "description",
                "keywords",
                "type",
                "on_trial",
                "composer_name",
                "modified",
                "source_id",
                "week_downloads",
                "quarter_downloads",
            }
        ),
    ),
    Version: Kind(
        word="version",
        name=lambda session, row: f"{session.get_one(Package, row.package_id).name} {row.name}",
        silent=frozenset({"manifest", "default_branch", "dist_id", "normalized"}),
    ),
    User: Kind(word="user", name=lambda _, row: row.label, secret=frozenset({"password_hash"})),
    Token: Kind(
        word="token",
        name=lambda _, row: row.name,
        secret=frozenset({"hash"}),
        silent=frozenset({"last_used_at"}),
    ),
    Grant: Kind(word="grant", name=_grant_name),
    AuthenticationSource: Kind(
        word="authentication-source",
        name=lambda _, row: row.name,
        secret=frozenset({"secrets"}),
        silent=frozenset({"icon"}),
    ),
    AutoImport: Kind(
        word="auto-import",
        name=lambda session, row: session.get_one(Source, row.source_id).name,
        silent=frozenset({"due_at", "looked_at", "error"}),
    ),
    ClaimRule: Kind(word="sign-in-rule", name=_rule_name),
    IdentityLink: Kind(word="identity", name=_identity_name, silent=frozenset({"used_at"})),
}
"""The rows whose changes are recorded. `tests` holds this list against the models."""

NOT_RECORDED = frozenset(
    {
        "audit_events",
        "branch_heads",
        "bulk_import_projects",
        "bulk_imports",
        "counters",
        "deliveries",
        "dists",
        "documents",
        "download_days",
        "downloads",
        "grams",
        "intents",
        "leases",
        "one_time_links",
        "owed_mails",
        "passed_projects",
        "readmes",
        "ref_verdicts",
        "requirements",
        "second_factors",
        "sessions",
        "settings",
        "sync_items",
        "syncs",
        "tag_pins",
        "throttles",
        "upload_days",
        "user_upload_days",
        "webhooks",
    }
)
"""Tables of what the server itself notes, or whose changes are told by `Audit.note`."""

_ALWAYS_SILENT = frozenset({"id", "uid", "created_at", "updated_at"})


@dataclass(kw_only=True)
class _Seen:
    """A row that a change touches: what it was, and its name once it is gone."""

    row: Any
    what: str
    before: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    id: int | None = None


class Audit:
    """The log of one transaction. Without an author nothing can be noted."""

    def __init__(self, session: Session, author: Author | None) -> None:
        self._session = session
        self._author = author
        self._seen: dict[int, _Seen] = {}

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Everything that the body does to rows of a recorded kind is written down at its end."""
        event.listen(self._session, "before_flush", self._look)
        try:
            yield
            self._session.flush()
            self._write()
        finally:
            event.remove(self._session, "before_flush", self._look)

    def note(
        self,
        action: str,
        target: Base | None = None,
        *,
        name: str = "",
        note: str = "",
        actor: Actor | None = None,
        target_id: int | None = None,
        before: Mapping[str, Any] | None = None,
        after: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down what no row shows: "user.signed-in", "package.synced".

        `action` begins with the kind of what it is about. `actor`: who it was, where it is not
        the author. Raises RuntimeError outside of a change.
        """
        if self._author is None:
            raise RuntimeError("Only a change is noted: use Runtime.change.")
        who = actor or self._author.actor
        kind = KINDS.get(type(target)) if target is not None else None
        self._session.add(
            AuditEvent(
                at=now(),
                via=self._author.via,
                actor=who.label[:LONGEST_NAME],
                user_id=who.user_id,
                address=self._author.address[:64],
                action=action,
                kind=action.partition(".")[0],
                target_id=target_id if target is None else getattr(target, "id", None),
                target=(name or (kind.name(self._session, target) if kind else ""))[:600],
                before=dict(before or {}),
                after=dict(after or {}),
                note=note,
            )
        )

    def _look(self, session: Session, _context: object, _instances: object) -> None:
        for row in session.new:
            self._see(row, "added")
        for row in session.dirty:
            if type(row) in KINDS and session.is_modified(row):
                seen = self._see(row, "changed")
                if seen is not None and seen.what == "changed":
                    for key, value in _replaced(row, KINDS[type(row)]).items():
                        seen.before.setdefault(key, value)
        for row in session.deleted:
            self._lose(session, row)

    def _see(self, row: Any, what: str) -> _Seen | None:
        if type(row) not in KINDS:
            return None
        return self._seen.setdefault(id(row), _Seen(row=row, what=what))

    def _lose(self, session: Session, row: Any) -> None:
        seen = self._see(row, "removed")
        if seen is None:
            return
        if seen.what == "added":
            # Added and removed by the same change: nothing happened.
            self._seen[id(row)] = _Seen(row=row, what="nothing")
            return
        kind = KINDS[type(row)]
        seen.what, seen.name, seen.id = "removed", kind.name(session, row), row.id
        seen.before = {**_values(row, kind), **seen.before}

    def _write(self) -> None:
        for seen in list(self._seen.values()):
            kind = KINDS[type(seen.row)]
            if seen.what == "nothing":
                continue
            after = {} if seen.what == "removed" else _values(seen.row, kind)
            before = seen.before
            if seen.what == "changed":
                keys = [key for key, old in before.items() if old != after[key] or old == CHANGED]
                if not keys:
                    continue
                before, after = (
                    {key: before[key] for key in keys},
                    {key: after[key] for key in keys},
                )
            self.note(
                f"{kind.word}.{seen.what}",
                None if seen.what == "removed" else seen.row,
                name=seen.name,
                target_id=seen.id,
                before=before,
                after=after,
            )
        self._seen.clear()
        self._session.flush()


def _columns(row: Any, kind: Kind) -> list[str]:
    state: InstanceState[Any] = inspect(row)
    skipped = kind.silent | _ALWAYS_SILENT
    return [each.key for each in state.mapper.column_attrs if each.key not in skipped]


def _values(row: Any, kind: Kind) -> dict[str, Any]:
    """What a row says, in JSON. Secrets are left out when empty and told as changed otherwise."""
    values = {}
    for key in _columns(row, kind):
        value = getattr(row, key)
        if key in kind.secret:
            value = CHANGED if value else ""
        values[key] = _json(value)
    return values


def _replaced(row: Any, kind: Kind) -> dict[str, Any]:
    """The columns with another value than the row had, and the value it had."""
    state: InstanceState[Any] = inspect(row)
    replaced = {}
    for key in _columns(row, kind):
        history = state.attrs[key].load_history() if key in state.dict else None
        if history is None or not history.has_changes():
            continue
        old = history.deleted[0] if history.deleted else None
        replaced[key] = CHANGED if key in kind.secret else _json(old)
    return replaced


def _json(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value if len(value) <= LONGEST_VALUE else value[:LONGEST_VALUE] + "…"
    if isinstance(value, Mapping):
        return {str(key): _json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_json(each) for each in value]
    return value
