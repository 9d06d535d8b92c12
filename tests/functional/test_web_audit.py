"""The audit log in the web admin."""

import csv
import io
import json
from datetime import timedelta
from typing import Any

import pytest

from packistry.inputs import NewRepository, RepositoryChange
from packistry.models import AuditEvent, Via
from packistry.models.base import now
from packistry.runtime import Runtime
from packistry.services.access import SYSTEM
from packistry.services.audit import Author
from tests.functional.browser import Browser, person

HOSTILE = "\"'><img src=x onerror=alert(1)>{{7777*7777}}"


@pytest.fixture
def admin(runtime: Runtime, application: Any) -> Browser:
    return person(runtime, application, "admin@x.org", admin=True, name="Ines")


def write(runtime: Runtime, count: int = 1, **facts: Any) -> None:
    plain = {"via": Via.WEB, "actor": "old@x.org", "action": "package.removed", "kind": "package"}
    with runtime.transaction() as services:
        services.session.add_all(
            AuditEvent(**{**plain, "target": f"acme/p{number}", **facts}) for number in range(count)
        )


def lines(page: Any) -> list[str]:
    return [
        " ".join(line.get_text(" ", strip=True).split())
        for line in page.html.select(".timeline > li > div")
    ]


def test_a_change_is_told_with_who_what_and_the_difference(admin, runtime):
    with runtime.change(Author(actor=SYSTEM, via=Via.CLI)) as services:
        home = services.repositories.add(NewRepository(name="Home", path="home"))
        number = home.id
    admin.submit(admin.get(f"/admin/repositories/{number}/visibility"))
    page = admin.get("/admin/audit")
    newest, first = lines(page)
    assert newest.startswith("Ines changed repository Home from 192.0.2.7")
    assert newest.endswith("public: no public: yes")
    assert first.startswith("system added repository Home on the command line")
    assert page.html.find("a", string="Home")["href"] == f"/admin/repositories/{number}"
    assert "Today, " in page.text
    with runtime.change(Author(actor=SYSTEM, via=Via.CLI)) as services:
        services.repositories.remove(services.repositories.at(number))
    assert not admin.get("/admin/audit").html.find("a", string="Home")


def test_it_is_narrowed_by_who_what_when_and_words(admin, runtime):
    write(runtime, at=now() - timedelta(days=3), target="acme/old", address="198.51.100.9")
    write(runtime, actor="jo@x.org", action="token.added", kind="token", target="100% ci")
    with runtime.change(Author(actor=SYSTEM, via=Via.CLI)) as services:
        home = services.repositories.add(NewRepository(name="Home"))
        services.repositories.edit(home, RepositoryChange(description="x"))

    def targets(**query: str) -> list[str]:
        page = admin.get("/admin/audit", params=query)
        return [thing.get_text() for thing in page.html.select(".timeline .name, .timeline a")]

    day = f"{now() - timedelta(days=1):%Y-%m-%d}"
    assert targets(what="package") == ["acme/old"]
    assert targets(q="OLD 198.51") == ["acme/old"]
    assert targets(until=day) == ["acme/old"]
    assert targets(since=day, what="package") == []
    assert "100% ci" in admin.get("/admin/audit", params={"who": "JO@x", "since": day}).text
    assert "100% ci" in admin.get("/admin/audit", params={"q": "0%"}).text
    assert targets(q="100_") == []
    assert "Nothing of that kind" in admin.get("/admin/audit", params={"who": "nobody"}).text
    admin.get("/admin/audit", params={"since": "0000-99-99", "until": "9999-12-31", "before": "x"})


def test_older_entries_are_a_link_away(admin, runtime):
    write(runtime, 60)
    page = admin.get("/admin/audit")
    assert len(lines(page)) == 50
    older = admin.get(page.html.find("a", {"rel": "next"})["href"])
    assert len(lines(older)) == 10
    assert not older.html.find("a", {"rel": "next"})
    assert older.html.find("a", {"rel": "first"})["href"] == "/admin/audit"


def test_it_is_exported_whole_and_no_cell_is_a_formula(admin, runtime):
    write(runtime, 1100)
    write(runtime, target='=HYPERLINK("http://evil")', note="+1", actor="@who", after={"a": "ü"})
    answer = admin.get("/admin/audit/export", params={"format": "csv", "what": "package"})
    assert answer.content_type == "text/csv"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="packistry-')
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == 1101
    assert (rows[0]["target"], rows[0]["note"], rows[0]["actor"]) == (
        '\'=HYPERLINK("http://evil")',
        "'+1",
        "'@who",
    )
    assert json.loads(rows[0]["after"]) == {"a": "ü"}
    answer = admin.get("/admin/audit/export", params={"format": "jsonl", "q": "hyperlink"})
    (entry,) = [json.loads(line) for line in answer.text.splitlines()]
    assert (entry["target"], entry["after"]) == ('=HYPERLINK("http://evil")', {"a": "ü"})
    admin.get("/admin/audit/export", params={"format": "xml"}, status=422)
    with runtime.reading() as services:
        exported = services.session.query(AuditEvent).filter_by(action="audit.exported")
        assert [event.note for event in exported] == ["csv", "jsonl"]


def test_hostile_entries_are_text(admin, runtime):
    write(
        runtime,
        actor=HOSTILE,
        target=HOSTILE,
        note=HOSTILE,
        address=HOSTILE,
        action="x.<img>",
        before={HOSTILE: HOSTILE},
        after={HOSTILE: [HOSTILE]},
    )
    text = admin.get("/admin/audit", params={"q": "<img", "who": '"', "what": "package"}).text
    assert "<img" not in text
    assert "&lt;img src=x" in text
    assert "60481729" not in text
