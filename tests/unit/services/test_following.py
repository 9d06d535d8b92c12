"""A project is followed when its host renames, archives, hides or deletes it."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from packistry import plugin
from packistry.models import Channel, Project, SyncState, WebhookState
from packistry.models.base import now
from tests.hooked import PROVIDER, Hooking


def raises(error: plugin.PluginError):
    def fault() -> None:
        raise error

    return fault


@pytest.fixture
def package(hooks: Hooking) -> int:
    """A package whose host has a webhook, imported."""
    package = hooks.added()
    hooks.sync(package)
    return package


def test_a_renamed_project_is_found_under_its_new_name(hooks: Hooking, package: int) -> None:
    hooks.host.path = "acme/renamed"
    assert hooks.sync(package).state == SyncState.DONE
    assert hooks.project(package).path == "acme/renamed"


def test_a_sync_asks_the_host_one_thing(hooks: Hooking, package: int) -> None:
    hooks.host.asked.clear()
    hooks.sync(package)
    assert hooks.host.asked == ["project"]


def test_another_project_under_the_id_is_not_imported(hooks: Hooking, package: int) -> None:
    hooks.host.id_now = "8"
    hooks.host.push("2.0.0", {"name": "acme/lib"})
    sync = hooks.sync(package)
    assert sync.state == SyncState.FAILED
    assert "another project (id 8)" in sync.error
    assert "2.0.0" not in hooks.names(package)


def test_an_archived_project_has_its_packages_abandoned_and_back(
    hooks: Hooking, package: int
) -> None:
    hooks.host.archived = True
    hooks.sync(package)
    assert hooks.package(package).abandoned is True
    assert hooks.document(package, Channel.DEV)["dev-main"]["abandoned"] is True
    hooks.host.archived = False
    hooks.sync(package)
    assert hooks.package(package).abandoned is False
    assert "abandoned" not in hooks.document(package, Channel.DEV)["dev-main"]


def test_the_webhook_of_an_archived_project_is_left_alone(hooks: Hooking, package: int) -> None:
    hooks.host.archived = True
    hooks.sync(package)
    hooks.change_webhook(hooks.webhook(package).id, due_at=now())
    assert hooks.upkeep(package).state == WebhookState.ACTIVE
    assert len(hooks.host.hooks) == 1


def test_a_rate_limit_of_the_host_reschedules_the_sync(hooks: Hooking, package: int) -> None:
    hooks.host.on_project = raises(plugin.RateLimited("Slow down.", retry_after=90))
    sync = hooks.sync(package)
    assert (sync.state, sync.attempts) == (SyncState.QUEUED, 0)
    assert sync.not_before > now() + timedelta(seconds=80)


def backdate(hooks: Hooking, by: timedelta) -> None:
    with hooks.runtime.transaction() as services:
        since = Project.missing_since.is_not(None)
        moment = now() - by
        services.session.execute(update(Project).where(since).values(missing_since=moment))


@pytest.mark.parametrize("error", [plugin.NotFound("Gone."), plugin.CredentialsError("No.")])
def test_a_project_is_unreachable_after_three_looks_over_a_day_and_never_emptied(
    hooks: Hooking, package: int, error: plugin.PluginError
) -> None:
    hooks.host.on_project = raises(error)
    for _ in range(4):
        hooks.sync(package)
    assert hooks.project(package).lost_at is None
    backdate(hooks, timedelta(days=1, seconds=1))
    hooks.sync(package)
    project = hooks.project(package)
    assert project.lost_at is not None
    assert project.unreachable == str(error)
    assert hooks.names(package) == {"dev-main", "1.0.0"}
    with hooks.runtime.transaction() as services:
        (summary,) = services.packages.summaries()
        assert summary.reason.startswith("unreachable since 20")


def test_two_looks_over_a_day_are_not_enough(hooks: Hooking, package: int) -> None:
    hooks.host.on_project = raises(plugin.NotFound("Gone."))
    hooks.sync(package)
    backdate(hooks, timedelta(days=3))
    hooks.sync(package)
    assert hooks.project(package).lost_at is None


def test_a_host_that_is_away_is_not_a_project_that_is_gone(hooks: Hooking, package: int) -> None:
    hooks.host.on_project = raises(plugin.Unavailable("It is away."))
    hooks.sync(package)
    project = hooks.project(package)
    assert (project.missed_looks, project.unreachable) == (0, "It is away.")


def test_a_look_that_succeeds_ends_all_that(hooks: Hooking, package: int) -> None:
    hooks.host.on_project = raises(plugin.NotFound("Gone."))
    hooks.sync(package)
    hooks.host.on_project = lambda: None
    hooks.sync(package)
    project = hooks.project(package)
    assert (project.missed_looks, project.missing_since, project.unreachable) == (0, None, "")
    assert hooks.source(PROVIDER).name == PROVIDER
