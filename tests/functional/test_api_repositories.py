"""Repositories by the API, in the shapes of the PHP Packistry."""

from sqlalchemy import select

from packistry.models import AuditEvent, Via
from tests.functional.caller import caller


def test_a_repository_is_added_changed_listed_and_removed(runtime, application):
    who = caller(runtime, application, "ada@x.org", admin=True, by="api")
    root = who.post("/repositories", name="Main", path=None, description=None)
    assert (root["path"], root["url"], root["packages_count"]) == (None, "http://packages.test", 0)
    team = who.post("/repositories", name="Team", path="team", public=True)
    assert team["url"] == "http://packages.test/r/team"
    assert who.get(f"/repositories/{team['id']}") == team
    changed = who.patch(f"/repositories/{team['id']}", public=False, reserved_vendors=["acme"])
    assert (changed["name"], changed["public"], changed["reserved_vendors"]) == (
        "Team",
        False,
        ["acme"],
    )
    assert who.put(f"/repositories/{team['id']}", name="Team B")["name"] == "Team B"
    taken = who.post("/repositories", status=422, name="Again", path="team")
    assert list(taken["errors"]) == ["path"]
    wrong = who.post("/repositories", status=422, name="", path="Not A Slug", publik=True)
    assert set(wrong["errors"]) == {"publik"}
    wrong = who.post("/repositories", status=422, name="", path="Not A Slug")
    assert set(wrong["errors"]) == {"name", "path"}
    who.delete(f"/repositories/{team['id']}")
    who.get(f"/repositories/{team['id']}", status=404)
    with runtime.reading() as services:
        events = services.session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
        assert [event.action for event in events] == [
            "repository.added",
            "repository.added",
            "repository.changed",
            "repository.changed",
            "repository.removed",
        ]
        assert {(event.via, event.actor) for event in events} == {
            (Via.API, 'ada@x.org by the token "api"')
        }


def test_a_list_is_paged_sorted_and_narrowed_as_before(runtime, application):
    who = caller(runtime, application, "ada@x.org", admin=True)
    for number in range(12):
        who.post("/repositories", name=f"R{number:02}", path=f"r{number:02}", public=number == 7)
    page = who.get("/repositories?page=2&size=5&sort=-name")
    assert [each["name"] for each in page["data"]] == ["R06", "R05", "R04", "R03", "R02"]
    meta = page["meta"]
    assert (meta["current_page"], meta["from"], meta["to"], meta["last_page"]) == (2, 6, 10, 3)
    assert (meta["per_page"], meta["total"], meta["path"]) == (
        5,
        12,
        "http://packages.test/api/repositories",
    )
    assert page["links"]["next"] == (
        "http://packages.test/api/repositories?page=3&size=5&sort=-name"
    )
    assert len(who.get("/repositories")["data"]) == 10
    found = who.get("/repositories?filter[public]=1&filter[search]=r0")
    assert [each["name"] for each in found["data"]] == ["R07"]
    for query in ("page=0", "size=1001", "sort=id", "filter[public]=maybe", "page=1&page=2"):
        assert who.get(f"/repositories?{query}", status=422)["errors"]
