"""Deliveries of webhooks, as hosts and strangers send them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from webtest import TestApp, TestResponse

from packistry import jobs, plugin
from packistry.app import make_app
from packistry.inputs import SourceChange, read
from packistry.models import AutoImport, Project, SyncState
from packistry.models.base import now
from packistry.services.ledger import Ledger
from packistry.services.synchronizer import Synchronizer
from packistry.services.webhook_secrets import unseal, webhook_place
from tests import faulty
from tests.hooked import PROVIDER, Hooked, Hooking, Sent, signed, signed_body

PUSH = ("push", "7", "branch", "main")
OLD_SECRET = "what the PHP Packistry used"


@pytest.fixture
def app(hooks: Hooking) -> Iterator[TestApp]:
    application = make_app(hooks.runtime)
    yield TestApp(application)
    application.close()


@pytest.fixture
def package(hooks: Hooking) -> int:
    """A package whose host has a webhook, imported."""
    package = hooks.added()
    hooks.sync(package)
    return package


@pytest.fixture
def source(hooks: Hooking, package: int) -> Any:
    """Its source, with the secret that migrated webhooks are signed with."""
    change_secret(hooks, OLD_SECRET)
    return hooks.source(PROVIDER)


def change_secret(hooks: Hooking, secret: str) -> None:
    with hooks.runtime.transaction() as services:
        change = read(SourceChange, webhook_secret=secret)
        services.sources.edit(services.sources.get(PROVIDER), change)


def send(app: TestApp, sent: Sent, status: int | str = 202) -> TestResponse:
    return app.post(sent.path, sent.body, headers=sent.headers, status=status)


def verdicts(hooks: Hooking) -> list[str]:
    return [str(row.verdict) for row in hooks.deliveries()]


def test_a_signed_push_owes_a_sync(hooks: Hooking, app: TestApp, package: int) -> None:
    answer = send(app, hooks.delivery(PUSH))
    assert answer.json["status"] == "accepted"
    (sync,) = hooks.owed()
    (row,) = hooks.deliveries()
    assert (row.verdict, row.sync_id, row.changes) == (
        "accepted",
        sync.id,
        ["branch main pushed"],
    )
    assert (row.event, row.label) == ("push", "d-1")


def test_what_was_pushed_is_served_after_that_sync(
    hooks: Hooking, app: TestApp, package: int
) -> None:
    hooks.host.push("1.1.0", {"name": "acme/lib"})
    send(app, hooks.delivery(("push", "7", "tag", "1.1.0")))
    Synchronizer(hooks.runtime).run(hooks.owed()[0].id)
    assert "1.1.0" in hooks.document(package)


def test_a_ping_is_answered(hooks: Hooking, app: TestApp, package: int) -> None:
    send(app, hooks.delivery(), 200)
    assert (verdicts(hooks), hooks.owed()) == (["ignored"], [])


def test_the_same_delivery_is_taken_once(hooks: Hooking, app: TestApp, package: int) -> None:
    sent = hooks.delivery(PUSH)
    send(app, sent)
    hooks.sync(package)
    send(app, sent, 200)
    assert len(hooks.deliveries()) == 1
    assert [sync.state for sync in hooks.owed()] == [SyncState.DONE]


def test_a_delivery_without_an_id_is_taken_each_time(
    hooks: Hooking, app: TestApp, package: int
) -> None:
    sent = hooks.delivery(PUSH, delivery="")
    send(app, sent)
    send(app, sent)
    assert verdicts(hooks) == ["accepted", "accepted"]


def test_an_old_push_replayed_under_a_new_id_changes_no_version(
    hooks: Hooking, app: TestApp, package: int
) -> None:
    before = {name: version.reference for name, version in hooks.versions(package).items()}
    send(app, hooks.delivery(PUSH))
    hooks.sync(package)
    send(app, hooks.delivery(PUSH, delivery="another"))
    hooks.sync(package)
    assert {n: v.reference for n, v in hooks.versions(package).items()} == before


def test_a_push_while_a_sync_runs_owes_another_and_a_burst_but_one(
    hooks: Hooking, app: TestApp, package: int
) -> None:
    sync = hooks.request(package)

    def burst() -> None:
        for _ in range(5):
            send(app, hooks.delivery(PUSH))

    hooks.host.on_open = burst
    Synchronizer(hooks.runtime).run(sync)
    assert [sync.state for sync in hooks.owed()] == [SyncState.QUEUED]


def test_a_redelivery_after_our_500_is_worked(
    hooks: Hooking, app: TestApp, package: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = hooks.delivery(PUSH)
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "request", lambda *_: 1 / 0)
        send(app, sent, 500)
    assert hooks.deliveries() == []
    send(app, sent)
    assert len(hooks.owed()) == 1


def forgeries(hooks: Hooking) -> dict[str, Sent]:
    true = hooks.delivery(PUSH)
    key = "X-Hub-Signature-256"
    other = hooks.new_host("8", "acme/other")
    hooks.added("8", path="team")
    theirs = hooks.delivery(PUSH, project="8")
    assert other.hooks

    def with_signature(value: str) -> Sent:
        return Sent(path=true.path, headers=true.headers | {key: value}, body=true.body)

    headers = {name: value for name, value in true.headers.items() if name != key}
    return {
        "missing": Sent(path=true.path, headers=headers, body=true.body),
        "empty": with_signature(""),
        "truncated": with_signature(true.headers[key][:-1]),
        "not ASCII": with_signature("sha256=\u00e9\u00e9"),
        "of another project": Sent(path=true.path, headers=theirs.headers, body=theirs.body),
        "of another body": Sent(path=true.path, headers=true.headers, body=true.body + b" "),
        "of the source": signed(true.path, OLD_SECRET, [PUSH]),
    }


def test_a_forged_delivery_is_answered_as_an_unknown_address_is_and_changes_nothing(
    hooks: Hooking, app: TestApp, source: Any
) -> None:
    forged = forgeries(hooks)
    path = forged["missing"].path
    unknown = [
        path[:-1] + ("a" if path[-1] != "a" else "b"),
        path.replace(source.uid, "0" * 32),
        path.replace(source.uid, "999999"),
        "/incoming/hooked/999999",
        f"/incoming/hooked/{'0' * 32}",
    ]
    body, headers = forged["missing"].body, forged["of another project"].headers
    answers = {
        name: (answer.status, answer.body, answer.headerlist)
        for name, answer in (
            *((name, send(app, sent, 401)) for name, sent in forged.items()),
            *((where, app.post(where, body, headers=headers, status=401)) for where in unknown),
        )
    }
    assert len({repr(answer) for answer in answers.values()}) == 1, answers
    assert hooks.owed() == []
    assert set(verdicts(hooks)) == {"refused"}


def test_forged_deliveries_cannot_fill_the_disk(hooks: Hooking, app: TestApp, package: int) -> None:
    true = hooks.delivery(PUSH)
    forged = Sent(path=true.path, headers=true.headers, body=b"{}")
    for _ in range(100):
        send(app, forged, 401)
    assert len(hooks.deliveries()) == 10
    # Nor does that keep a true one from being taken.
    send(app, true)


def test_what_is_signed_and_cannot_be_read_is_refused_and_written_down(
    hooks: Hooking, app: TestApp, package: int
) -> None:
    ((url, secret),) = hooks.host.hooks.values()
    answer = send(app, signed_body(url, secret, b"{not json"), 400)
    assert "not JSON" in answer.json["message"]
    (row,) = hooks.deliveries()
    assert (row.verdict, row.reason) == ("unreadable", "The delivery's body is not JSON.")


@pytest.mark.parametrize("error", [KeyError("c4nary"), SystemExit("c4nary"), RecursionError()])
def test_a_plugin_that_raises_what_it_likes_gives_no_500(
    hooks: Hooking, app: TestApp, package: int, error: BaseException
) -> None:
    def fail() -> None:
        raise error

    hooks.host.on_receive = fail
    answer = send(app, hooks.delivery(PUSH), 400)
    (row,) = hooks.deliveries()
    assert "c4nary" not in answer.text + row.reason
    assert type(error).__name__ in row.reason


def test_a_delivery_that_is_too_large_is_refused_and_written_down(
    hooks: Hooking, app: TestApp, package: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("packistry.web.webhooks.MAX_DELIVERY", 1000)
    ((url, secret),) = hooks.host.hooks.values()
    sent = signed_body(url, secret, b" " * 1001)
    assert "at most 1000 bytes" in send(app, sent, 413).json["message"]
    assert verdicts(hooks) == ["unreadable"]


@pytest.mark.parametrize("provider", ["git", "nothing", "hooked2"])
def test_a_provider_that_sends_none_is_not_found(
    hooks: Hooking, app: TestApp, package: int, provider: str
) -> None:
    app.post(f"/incoming/{provider}/1", b"{}", status=404)


def test_a_signed_payload_about_another_project_opens_none(
    hooks: Hooking, app: TestApp, package: int
) -> None:
    hooks.new_host("8", "acme/other")
    hooks.added("8", path="team")
    send(app, hooks.delivery(("push", "8", "branch", "main"), project="7"), 404)
    assert hooks.owed() == []


def test_no_host_is_asked_while_a_delivery_is_taken(
    hooks: Hooking, app: TestApp, package: int
) -> None:
    hooks.host.asked.clear()
    send(app, hooks.delivery(PUSH, ("rename", "7", "acme/new"), ("gone", "7")))
    assert hooks.host.asked == []


def test_the_address_of_the_php_packistry_still_takes_deliveries(
    hooks: Hooking, app: TestApp, source: Any
) -> None:
    for number, where in enumerate((str(source.id), source.uid)):
        path = f"/incoming/hooked/{where}"
        send(app, signed(path, OLD_SECRET, [PUSH], delivery=f"old-{number}"))
    assert verdicts(hooks) == ["accepted", "accepted"]


def test_it_does_below_a_repository_for_its_packages(
    hooks: Hooking, app: TestApp, source: Any
) -> None:
    hooks.added("7", path="team")
    send(app, signed(f"/r/team/incoming/hooked/{source.id}", OLD_SECRET, [PUSH]))
    answer = send(app, signed(f"/r/none/incoming/hooked/{source.id}", OLD_SECRET, [PUSH]))
    assert answer.json["status"] == "ignored"


def test_a_webhook_of_a_group_may_tell_of_projects_without_a_package(
    hooks: Hooking, app: TestApp, source: Any
) -> None:
    path = f"/incoming/hooked/{source.id}"
    hooks.new_host("9")
    # Hosts switch a webhook off that often gets a 4xx.
    answer = send(app, signed(path, OLD_SECRET, [("push", "9", "branch", "main")]))
    assert answer.json["status"] == "ignored"
    assert "No package here is made from this project" in answer.json["message"]
    assert (verdicts(hooks), hooks.owed()) == (["unknown"], [])


def test_a_push_to_a_project_that_was_passed_over_has_it_looked_at_within_a_minute(
    hooks: Hooking, app: TestApp, source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = hooks.new_host("9", "acme/new")
    host.refs = {"main": {"index.html": b""}}
    told = ["monday"]

    def found(number: str) -> plugin.Project:
        return plugin.Project(id=number, path=faulty.HOSTS[number].path, pushed=told[0])

    monkeypatch.setattr(Hooked, "projects", lambda _self, search="": iter([found("9")]))
    monkeypatch.setattr(Hooked, "project", lambda _self, number: found(number))
    runtime = hooks.runtime
    with runtime.transaction() as services:
        services.auto_imports.start(
            services.sources.get(PROVIDER), patterns=["*"], repository=services.repositories.get("")
        )
    jobs.drain(runtime)

    def next_look() -> timedelta:
        with runtime.transaction() as services:
            facts = services.auto_imports.of(services.sources.get(PROVIDER))
            assert facts is not None
            return facts.next_at - now()

    def passed() -> list[str]:
        with runtime.transaction() as services:
            found = services.discovery.passed(services.sources.get(PROVIDER))
            return [each.project for each in found]

    def look() -> None:
        with runtime.transaction() as services:
            row = services.session.query(AutoImport).one()
            row.due_at, number = now(), row.id
        jobs.run(runtime, "discover", number)
        jobs.drain(runtime)

    assert passed() == ["acme/new"]
    # Nothing was pushed: the hint is the same, and it is left alone.
    look()
    assert (passed(), next_look() > timedelta(minutes=10)) == (["acme/new"], True)
    host.push("main", {"name": "acme/new"})
    told[0] = "tuesday"
    push = ("push", "9", "branch", "main")
    send(app, signed(f"/incoming/hooked/{source.id}", OLD_SECRET, [push]))
    assert next_look() <= timedelta(minutes=1)
    look()
    assert passed() == []
    assert "dev-main" in hooks.versions(hooks.package_of("9"))


def test_a_source_without_such_a_secret_takes_nothing_for_all_its_projects(
    hooks: Hooking, app: TestApp, package: int
) -> None:
    number = hooks.source(PROVIDER).id
    send(app, signed(f"/incoming/hooked/{number}", "", [PUSH]), 401)


def test_while_a_secret_is_changed_both_verify_and_afterwards_only_the_new_one(
    hooks: Hooking, app: TestApp, package: int
) -> None:
    old = hooks.delivery(PUSH)
    hooks.repair(package)
    send(app, old)
    webhook = hooks.upkeep(package)
    send(app, hooks.delivery(PUSH))
    send(app, Sent(path=old.path, headers=old.headers | {"X-Hooked-Delivery": "2"}, body=old.body))
    pair = unseal(hooks.runtime.secrets, webhook.secret, webhook_place(webhook))
    assert pair is not None
    assert pair.good(now()) == (pair.secret, pair.previous)
    assert pair.good(now() + timedelta(hours=2)) == (pair.secret,)


def test_while_a_sources_secret_is_changed_both_verify(
    hooks: Hooking, app: TestApp, source: Any
) -> None:
    change_secret(hooks, "the secret after that")
    path = f"/incoming/hooked/{source.id}"
    for secret in (OLD_SECRET, "the secret after that"):
        send(app, signed(path, secret, [PUSH]))
    change_secret(hooks, "the one after both")
    send(app, signed(path, OLD_SECRET, [PUSH]), 401)


def test_a_removed_package_closes_the_address_of_its_webhook(
    hooks: Hooking, app: TestApp, package: int
) -> None:
    sent = hooks.delivery(PUSH)
    with hooks.runtime.transaction() as services:
        services.packages.remove(services.packages.get(str(package)))
    send(app, sent, 401)


def test_a_rename_is_asked_for_and_not_believed(hooks: Hooking, app: TestApp, package: int) -> None:
    send(app, hooks.delivery(("rename", "7", "evil/name")))
    hooks.sync(package)
    assert hooks.project(package).path == "acme/lib"
    hooks.host.path = "acme/renamed"
    hooks.sync(package)
    assert hooks.project(package).path == "acme/renamed"


def test_a_delivery_can_be_worked_again(hooks: Hooking, app: TestApp, package: int) -> None:
    send(app, hooks.delivery(PUSH))
    hooks.sync(package)
    with hooks.runtime.transaction() as services:
        (row,) = services.deliveries.recent(services.packages.get(str(package)))
        assert services.deliveries.retry(row).state == SyncState.QUEUED


def test_a_project_told_gone_is_marked_when_a_look_confirms_it(
    hooks: Hooking, app: TestApp, package: int
) -> None:
    def gone() -> None:
        raise plugin.NotFound("There is no such project.")

    send(app, hooks.delivery(("gone", "7")))
    hooks.host.on_project = gone
    hooks.sync(package)
    assert hooks.project(package).lost_at is not None
    assert hooks.names(package) == {"dev-main", "1.0.0"}
    hooks.host.on_project = lambda: None
    hooks.sync(package)
    with hooks.runtime.transaction() as services:
        project = services.session.query(Project).one()
        assert (project.lost_at, project.told_gone, project.missed_looks) == (None, False, 0)


def test_a_source_that_cannot_be_used_tells_the_administrator_and_not_the_sender(
    hooks: Hooking, app: TestApp, package: int
) -> None:
    sent = hooks.delivery(PUSH)
    with hooks.runtime.transaction() as services:
        services.sources.get(PROVIDER).config = {"canary": 1}
    answer = send(app, sent, 503)
    assert "canary" not in answer.text
    (row,) = hooks.deliveries()
    assert (row.verdict, "canary" in row.reason) == ("failed", True)
