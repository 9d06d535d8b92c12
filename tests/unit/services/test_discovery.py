"""Many projects become packages at once or by themselves, and what is none leaves nothing."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from packistry import jobs, plugin
from packistry.inputs import NewPackage, NewRepository, NewSource
from packistry.jobs import owed
from packistry.models import AutoImport, Package, PassedProject, Project, Sync, Via, Webhook
from packistry.models.base import now
from packistry.queue import Job
from packistry.runtime import Runtime
from packistry.services.access import SYSTEM
from packistry.services.audit import Author
from packistry.services.auto_imports import AutoImportFacts
from packistry.services.discovery import Batch, Wanted
from packistry.services.finder import add_all
from packistry.services.plugins import Plugins
from packistry.services.synchronizer import Synchronizer
from tests import crowded, faulty

SOURCE = "everything"
AUTHOR = Author(actor=SYSTEM, via=Via.CLI)
NO_COMPOSER = "The branch main has no composer.json."


@pytest.fixture
def crowd(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> Iterator[crowded.Crowd]:
    """A source with acme/one, acme/two, acme/web (no composer.json), acme/old (archived)."""
    crowd = crowded.Crowd()
    monkeypatch.setattr(crowded, "CROWD", crowd)
    runtime.plugins = Plugins.load(crowded.POINTS, strict=True)
    with runtime.transaction() as services:
        services.repositories.add(NewRepository(name="root"))
        services.sources.add(NewSource(name=SOURCE, provider=crowded.PROVIDER))
    crowd.library("1", "acme/one")
    crowd.library("2", "acme/two")
    crowd.add("3", "acme/web", pushed="monday")
    faulty.HOSTS["3"].refs["main"] = {"index.html": b"<p>"}
    crowd.library("4", "acme/old", archived=True)
    yield crowd
    for number in [each.id for each in crowd.projects]:
        faulty.HOSTS.pop(number, None)


def add(runtime: Runtime, **wanted: Any) -> Batch:
    """Add all, as a person would; the batches summed up."""
    everything = Wanted(again=True, **wanted)
    batches = list(add_all(runtime, AUTHOR, SOURCE, "", NewPackage(), everything))
    return Batch(
        found=sum(each.found for each in batches),
        added=[added for each in batches for added in each.added],
        left_out=sum((each.left_out for each in batches), Counter()),
    )


def sync_all(runtime: Runtime) -> None:
    with runtime.transaction() as services:
        owed_ids = list(services.session.scalars(select(Sync.id).where(Sync.state == "queued")))
    for number in owed_ids:
        Synchronizer(runtime).run(number)


def names(runtime: Runtime) -> list[str | None]:
    with runtime.transaction() as services:
        return sorted(services.session.scalars(select(Package.name)), key=str)


def verdicts(runtime: Runtime) -> dict[str, str]:
    with runtime.transaction() as services:
        found = services.discovery.passed(services.sources.get(SOURCE))
        return {each.project: each.reason for each in found}


def count(runtime: Runtime, model: type) -> int:
    with runtime.transaction() as services:
        return services.session.scalar(select(func.count()).select_from(model)) or 0


def remove(runtime: Runtime, name: str) -> None:
    with runtime.transaction() as services:
        services.packages.remove(services.packages.get(name))


def start(runtime: Runtime, *patterns: str) -> int:
    with runtime.transaction() as services:
        source = services.sources.get(SOURCE)
        services.auto_imports.start(
            source, patterns=patterns, repository=services.repositories.get("")
        )
        return services.session.scalars(select(AutoImport.id)).one()


def discover(runtime: Runtime, auto_import: int, *, later: timedelta = timedelta()) -> None:
    """Run the job as if it were due, and the syncs it asks for."""
    with runtime.transaction() as services:
        services.session.get_one(AutoImport, auto_import).due_at = now()
        for row in services.session.scalars(select(PassedProject)):
            row.looked_at -= later
    jobs.run(runtime, "discover", auto_import)
    sync_all(runtime)


def state(runtime: Runtime) -> AutoImportFacts:
    with runtime.transaction() as services:
        facts = services.auto_imports.of(services.sources.get(SOURCE))
        assert facts is not None
        return facts


def test_all_is_what_is_not_there_not_archived_and_has_a_composer_json(
    runtime: Runtime, crowd: crowded.Crowd
) -> None:
    batch = add(runtime)
    assert (batch.found, len(batch.added)) == (4, 3)
    assert batch.left_out == {"are archived": 1}
    sync_all(runtime)
    assert names(runtime) == ["acme/one", "acme/two"]
    assert verdicts(runtime) == {"acme/web": NO_COMPOSER}
    # Nothing is left of what is no package.
    assert (count(runtime, Project), count(runtime, Sync)) == (2, 2)
    again = add(runtime, archived=True, patterns=("ACME/O*",))
    assert again.left_out == {"fit no pattern": 2, "are here already": 1}
    assert [each.project for each in again.added] == ["acme/old"]


def test_what_a_host_refuses_half_way_keeps_what_was_added(
    runtime: Runtime, crowd: crowded.Crowd
) -> None:
    for number in range(10, 80):
        crowd.library(str(number), f"acme/p{number}")

    def refuse() -> None:
        if crowd.told > 60:
            raise plugin.RateLimited("Come back later.", retry_after=600)

    crowd.on_page = refuse
    with pytest.raises(plugin.RateLimited):
        add(runtime)
    assert count(runtime, Package) == 49
    assert crowd.told == 61
    crowd.on_page = faulty.nothing
    add(runtime)
    assert count(runtime, Package) == 73


def test_a_name_that_is_taken_and_a_broken_composer_json_are_verdicts(
    runtime: Runtime, crowd: crowded.Crowd
) -> None:
    faulty.HOSTS["2"].push("main", {"name": "acme/one"})
    faulty.HOSTS["3"].refs["main"] = {"composer.json": b"{broken"}
    add(runtime)
    sync_all(runtime)
    assert names(runtime) == ["acme/one"]
    assert "has the name acme/one already" in verdicts(runtime)["acme/two"]
    assert "acme/web" in verdicts(runtime)


def test_new_projects_are_found_by_themselves_and_only_those_that_fit(
    runtime: Runtime, crowd: crowded.Crowd
) -> None:
    crowd.library("5", "other/lib")
    looks = start(runtime, "acme/*")
    assert Job(name="discover", arguments=(looks,)) in owed.waiting(runtime.engine)
    jobs.run(runtime, "discover", looks)
    sync_all(runtime)
    assert names(runtime) == ["acme/one", "acme/two"]
    crowd.library("6", "acme/six")
    # Not due: it looks when every project is looked at.
    jobs.run(runtime, "discover", looks)
    assert owed.waiting(runtime.engine) == []
    assert names(runtime) == ["acme/one", "acme/two"]
    discover(runtime, looks)
    assert names(runtime) == ["acme/one", "acme/six", "acme/two"]
    assert (state(runtime).error, state(runtime).looked_at is not None) == ("", True)


def test_what_a_person_removed_is_not_added_again_unless_by_its_name(
    runtime: Runtime, crowd: crowded.Crowd
) -> None:
    looks = start(runtime, "*")
    discover(runtime, looks)
    remove(runtime, "acme/one")
    discover(runtime, looks, later=timedelta(days=30))
    batch = add(runtime)
    sync_all(runtime)
    assert names(runtime) == ["acme/two"]
    assert batch.left_out["were removed before: add one by its name to have it again"] == 1
    with runtime.transaction() as services:
        home, source = services.repositories.get(""), services.sources.get(SOURCE)
        services.packages.add(home, source, [crowd.projects[0]], NewPackage())
    sync_all(runtime)
    assert names(runtime) == ["acme/one", "acme/two"]
    assert "acme/one" not in verdicts(runtime)


def test_what_has_no_composer_json_is_looked_at_again_only_when_it_changed(
    runtime: Runtime, crowd: crowded.Crowd
) -> None:
    looks = start(runtime, "*")
    discover(runtime, looks)
    web = faulty.HOSTS["3"]
    web.push("main", {"name": "acme/web"})
    discover(runtime, looks, later=timedelta(days=30))
    assert "acme/web" not in names(runtime)
    crowd.add("3", "acme/web", pushed="tuesday")
    discover(runtime, looks)
    assert "acme/web" in names(runtime)
    assert verdicts(runtime) == {}


def test_where_a_listing_tells_no_pushes_it_is_looked_at_again_daily(
    runtime: Runtime, crowd: crowded.Crowd
) -> None:
    crowd.add("3", "acme/web")
    looks = start(runtime, "*")
    discover(runtime, looks)
    faulty.HOSTS["3"].push("main", {"name": "acme/web"})
    discover(runtime, looks, later=timedelta(hours=23))
    assert "acme/web" not in names(runtime)
    discover(runtime, looks, later=timedelta(hours=2))
    assert "acme/web" in names(runtime)


def test_a_rate_limit_puts_the_look_off_and_a_fault_is_told(
    runtime: Runtime, crowd: crowded.Crowd
) -> None:
    def limited() -> None:
        raise plugin.RateLimited("Come back later.", retry_after=7200)

    def broken() -> None:
        raise ZeroDivisionError("a secret")

    crowd.on_page = limited
    looks = start(runtime, "*")
    discover(runtime, looks)
    facts = state(runtime)
    assert (facts.error, facts.looked_at) == ("Come back later.", None)
    assert facts.next_at > now() + timedelta(seconds=7000)
    crowd.on_page = broken
    discover(runtime, looks)
    assert "ZeroDivisionError" in state(runtime).error
    assert "secret" not in state(runtime).error
    assert state(runtime).next_at > now()
    crowd.on_page = faulty.nothing
    with runtime.transaction() as services:
        services.sources.get(SOURCE).secrets = "lost-key.c2VhbGVk"
    discover(runtime, looks)
    assert "key" in state(runtime).error
    assert state(runtime).next_at > now()
    with runtime.transaction() as services:
        services.sources.get(SOURCE).secrets = ""
    discover(runtime, looks)
    assert state(runtime).error == ""


def test_switched_off_half_way_it_stops(runtime: Runtime, crowd: crowded.Crowd) -> None:
    for number in range(10, 140):
        crowd.library(str(number), f"acme/p{number}")
    looks = start(runtime, "*")

    def stop() -> None:
        if crowd.told == 60:
            with runtime.transaction() as services:
                services.auto_imports.stop(services.sources.get(SOURCE))

    crowd.on_page = stop
    jobs.run(runtime, "discover", looks)
    assert count(runtime, Package) == 49


def test_a_package_on_trial_gets_its_webhook_when_it_has_shown_to_be_one(
    runtime: Runtime, crowd: crowded.Crowd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crowded.Crowded, "supports_webhooks", True)
    runtime.settings = runtime.settings.model_copy(update={"url": "https://packages.test"})
    add(runtime)

    def due() -> list[bool]:
        with runtime.transaction() as services:
            rows = services.session.execute(
                select(Webhook).where(Webhook.project_id.is_not(None)).order_by(Webhook.project_id)
            )
            return [row.due_at is not None for row in rows.scalars()]

    assert due() == [False, False, False]
    sync_all(runtime)
    assert due() == [True, True]
