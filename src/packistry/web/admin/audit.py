"""The audit log: by day, narrowed, and as a file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from typing import Any, get_args

from pyramid.response import Response
from sqlalchemy import select

from packistry.errors import Invalid
from packistry.models import (
    AuditEvent,
    AuthenticationSource,
    Base,
    Package,
    Repository,
    Source,
    Token,
    User,
    Via,
)
from packistry.models.base import now
from packistry.services import Services
from packistry.services.access import Permission
from packistry.services.audit_log import AuditLog, Form, Narrowed, export
from packistry.services.provenance import called
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit

SHOWN = 50
KINDS_SECONDS = 60
FILTERS = ("q", "who", "what", "since", "until")
TYPES: Mapping[Form, str] = {"csv": "text/csv", "jsonl": "application/jsonl"}

# The page about a row: its name, and what its path calls the row.
_PAGES: Mapping[str, tuple[type[Base], str, str]] = {
    "repository": (Repository, "repository", "repository"),
    "package": (Package, "package", "package"),
    "source": (Source, "source", "source"),
    "user": (User, "member", "user"),
    "token": (Token, "token", "token"),
    "authentication-source": (AuthenticationSource, "auth-source", "auth"),
}
_SENTENCES = {
    "sign-in.succeeded": "signed in",
    "sign-in.refused": "was turned away",
    "sign-in.ended": "signed out",
    "sign-in.proved": "proved once more who they are",
    "sign-in.revoked": "signed browsers out",
}
# What is followed by what it is about.
_PHRASES = {
    "audit.exported": "exported the audit log",
    "grant.added": "gave a right to",
    "grant.changed": "changed a right of",
    "grant.removed": "took a right from",
    "mail.failed": "could not mail to",
    "package.sync-cancelled": "stopped the import of",
    "package.synced": "had imported",
    "package.uploaded": "uploaded a version of",
    "package.webhook-repaired": "repaired the webhook of",
    "project.sync-cancelled": "stopped the import of",
    "project.sync-retried": "had imported again",
    "project.webhook-repaired": "repaired the webhook of",
    "setup-link.made": "made a link to set up",
    "sync.forgotten": "forgot imports:",
    "user.connected": "connected an account of",
    "user.link-mailed": "mailed a one-time link to",
    "user.link-made": "made a one-time link for",
    "user.password-asked-for": "asked for another password of",
    "user.password-chosen": "chose a password for",
}
_ICONS = {
    "sign-in.succeeded": ("ok", "ok"),
    "sign-in.refused": ("bad", "bad"),
    "sign-in.ended": ("out", ""),
}
_VERBS = {"added": "plus", "removed": "minus", "changed": "edit"}
_VIA = {Via.API: "through the API", Via.CLI: "on the command line"}


@dataclass(frozen=True, kw_only=True)
class Line:
    """An entry as it is told."""

    entry: AuditEvent
    icon: str
    kind: str
    who: str
    who_href: str
    did: str
    target: str
    href: str
    how: str
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)


def index(visit: Visit, services: Services) -> Shown:
    """The newest that are wanted, or those before the entry that the address names."""
    log = AuditLog(services.session)
    before = visit.query("before")
    older = int(before) if before.isascii() and before.isdigit() and len(before) < 10 else None
    narrowed = _narrowed(visit)
    entries = log.entries(narrowed, limit=SHOWN + 1, before=older)
    lines = _lines(visit, services, entries[:SHOWN])
    return {
        "days": [
            (_day(day), list(group))
            for day, group in groupby(lines, key=lambda line: line.entry.at.date())
        ],
        "next": entries[SHOWN - 1].id if len(entries) > SHOWN else None,
        "newest": older is None,
        "narrowed": narrowed != Narrowed(),
        "kinds": [
            (kind, _noun(kind).capitalize())
            for kind in visit.kept.get(("audit-kinds",), KINDS_SECONDS, log.kinds)
        ],
        "query": {name: visit.query(name) for name in FILTERS if visit.query(name)},
    }


def download(visit: Visit) -> Response:
    """The same as a file, however long."""
    wanted = visit.query("format") or "csv"
    form = next((each for each in get_args(Form) if each == wanted), None)
    if form is None:
        raise Invalid("Format: the log is exported as csv or as jsonl.", field="format")
    with visit.change() as services:
        services.audit.note("audit.exported", note=form)
    response = Response(app_iter=export(visit.runtime, _narrowed(visit), form))
    response.content_type, response.charset = TYPES[form], "utf-8"
    name = f"packistry-audit-{now():%Y-%m-%d}.{form}"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "no-store"
    return response


def _narrowed(visit: Visit) -> Narrowed:
    return Narrowed(
        text=visit.query("q"),
        who=visit.query("who").strip(),
        kind=visit.query("what"),
        since=_date(visit.query("since")),
        until=_date(visit.query("until")),
    )


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        # A browser sends none until all of it is entered.
        return None


def _lines(visit: Visit, services: Services, entries: Sequence[AuditEvent]) -> list[Line]:
    there = {
        kind: _there(services, model, [each.target_id for each in entries if each.kind == kind])
        for kind, (model, page, _) in _PAGES.items()
        if visit.has(page)
    }
    people: dict[int, str] = {
        row.id: row.name
        for row in services.session.scalars(
            select(User).where(User.id.in_({each.user_id for each in entries if each.user_id}))
        )
    }
    return [_line(visit, entry, there, people) for entry in entries]


def _there(services: Services, model: Any, numbers: list[int | None]) -> set[int]:
    """Those of the rows that still exist."""
    if not numbers:
        return set()
    return set(services.session.scalars(select(model.id).where(model.id.in_(numbers))))


def _line(
    visit: Visit, entry: AuditEvent, there: Mapping[str, set[int]], people: Mapping[int, str]
) -> Line:
    verb = entry.action.partition(".")[2]
    icon, kind = _ICONS.get(entry.action, (_VERBS.get(verb, "edit"), ""))
    if entry.kind == "token" and verb not in _VERBS:
        icon = "key"
    href = ""
    if entry.target_id in there.get(entry.kind, ()):
        _, page, part = _PAGES[entry.kind]
        href = visit.url(page, **{part: entry.target_id})
    told = _SENTENCES.get(entry.action)
    strange = entry.action == "sign-in.refused" and entry.user_id is None
    return Line(
        entry=entry,
        icon=icon,
        kind=kind,
        who=entry.target if strange and entry.target else _who(entry, people),
        who_href=(
            visit.url("member", user=entry.user_id)
            if entry.user_id in people and visit.has("member")
            else ""
        ),
        did=told or _PHRASES.get(entry.action) or f"{verb.replace('-', ' ')} {_noun(entry.kind)}",
        target="" if told else entry.target,
        href=href,
        how=" ".join(
            part
            for part in (_VIA.get(entry.via, ""), f"from {entry.address}" if entry.address else "")
            if part
        ),
        before={key: _plain(value) for key, value in entry.before.items()},
        after={key: _plain(value) for key, value in entry.after.items()},
    )


def _who(entry: AuditEvent, people: Mapping[int, str]) -> str:
    return people.get(entry.user_id or 0, called(entry.actor))


def _noun(kind: str) -> str:
    words = {"grant": "right", "user": "member", "identity": "account"}
    return words.get(kind, kind.replace("-", " "))


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value in ("", [], {}):
        return "–"
    if isinstance(value, list):
        return ", ".join(_plain(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{key}={_plain(each)}" for key, each in value.items())
    return str(value)


def _day(day: date) -> str:
    words = f"{day:%A} {day.day} {day:%B}" + ("" if day.year == now().year else f" {day.year}")
    today = now().date()
    if day == today:
        return f"Today, {words}"
    return f"Yesterday, {words}" if day == today - timedelta(days=1) else words


PAGES = (
    Page(
        name="audit",
        path="/admin/audit",
        permission=Permission.ADMINISTER,
        template="audit.jinja2",
        show=index,
    ),
    Page(
        name="audit-export",
        path="/admin/audit/export",
        permission=Permission.ADMINISTER,
        act=download,
    ),
)
