"""A webhook is made with the package, kept in order, and removed with it."""

from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select

from packistry import jobs, plugin
from packistry.errors import Conflict
from packistry.inputs import SourceChange
from packistry.jobs import owed
from packistry.jobs.scheduler import Scheduler
from packistry.jobs.worker import Hung
from packistry.models import AuditEvent, Delivery, DeliveryVerdict, SyncState, WebhookState
from packistry.models.base import now
from packistry.queue import Job
from packistry.runtime import Runtime
from packistry.services.collector import Collector
from packistry.services.logs import PlainLines
from packistry.services.rotation import Rotation, drop_old_keys, put_new_key_first
from packistry.services.secrets import SecretBox, load_keys
from packistry.services.upkeep import Upkeep
from packistry.services.webhook_secrets import unseal, webhook_place
from packistry.services.webhooks import ARCHIVED, NO_URL
from tests.hooked import PROVIDER, Hooking
from tests.repositories import GitRepository


def raises(error: BaseException):
    def fault() -> None:
        raise error

    return fault


def remove(hooks: Hooking, package: int) -> None:
    with hooks.runtime.transaction() as services:
        services.packages.remove(services.packages.get(str(package)))


def due_now(hooks: Hooking) -> None:
    for webhook in hooks.webhooks():
        hooks.change_webhook(webhook.id, due_at=now())


def run_due(hooks: Hooking) -> None:
    due_now(hooks)
    for webhook in hooks.webhooks():
        Upkeep(hooks.runtime).run(webhook.id)


def test_a_webhook_is_made_with_the_package(hooks: Hooking) -> None:
    package = hooks.added()
    webhook = hooks.webhook(package)
    ((url, secret),) = hooks.host.hooks.values()
    assert (webhook.state, webhook.reason) == (WebhookState.ACTIVE, "")
    uid = hooks.source(PROVIDER).uid
    assert url == f"http://packages.test/incoming/hooked/{uid}/{webhook.key}"
    assert secret.startswith("whsec_")
    assert len(webhook.key) == 32


def test_each_project_has_a_secret_of_its_own(hooks: Hooking) -> None:
    hooks.added("7")
    other = hooks.new_host("8", "acme/other")
    hooks.added("8", path="team")
    ((_, first),), ((_, second),) = hooks.host.hooks.values(), other.hooks.values()
    assert first != second


def test_a_secret_is_stored_sealed_and_bound_to_its_row(hooks: Hooking) -> None:
    webhook = hooks.webhook(hooks.added())
    ((_, secret),) = hooks.host.hooks.values()
    assert secret not in webhook.secret
    with pytest.raises(Exception, match="moved"):
        hooks.runtime.secrets.open(webhook.secret, "webhooks/other/secret")


def test_no_host_is_contacted_in_the_transaction_that_adds(hooks: Hooking) -> None:
    hooks.add("7", provider=PROVIDER)
    assert hooks.host.asked == []


def test_the_hosts_words_are_kept_when_it_refuses_and_the_package_stays(hooks: Hooking) -> None:
    hooks.host.on_create = raises(plugin.CredentialsError("The token lacks the scope admin:hook."))
    package = hooks.added()
    webhook = hooks.webhook(package)
    assert webhook.state == WebhookState.BROKEN
    assert webhook.reason == "The token lacks the scope admin:hook."
    assert webhook.due_at is not None
    assert webhook.due_at > now() + timedelta(hours=20)
    assert hooks.sync(package).state == SyncState.DONE


def test_a_host_that_is_away_is_asked_again_soon(hooks: Hooking) -> None:
    hooks.host.on_create = raises(plugin.Unavailable("It is away."))
    package = hooks.added()
    due = hooks.webhook(package).due_at
    assert due is not None
    assert now() < due < now() + timedelta(minutes=2)
    hooks.host.on_create = lambda: None
    run_due(hooks)
    assert hooks.webhook(package).state == WebhookState.ACTIVE


def test_a_rate_limit_is_waited_for_and_is_no_fault(hooks: Hooking) -> None:
    hooks.host.on_create = raises(plugin.RateLimited("Slow down.", retry_after=90))
    webhook = hooks.webhook(hooks.added())
    assert (webhook.state, webhook.attempts) == (WebhookState.NONE, 0)
    assert webhook.due_at is not None
    assert timedelta(seconds=80) < webhook.due_at - now() <= timedelta(seconds=90)


def test_a_plugin_that_raises_what_it_likes_is_a_reason_without_its_text(hooks: Hooking) -> None:
    hooks.host.on_create = raises(SystemExit("c4nary"))
    webhook = hooks.webhook(hooks.added())
    assert webhook.state == WebhookState.BROKEN
    assert "c4nary" not in webhook.reason
    assert "SystemExit" in webhook.reason


def test_none_is_tried_on_an_archived_project(hooks: Hooking) -> None:
    hooks.host.archived = True
    package = hooks.add("7", provider=PROVIDER)
    hooks.sync(package)
    webhook = hooks.upkeep(package)
    assert (webhook.state, webhook.reason, webhook.due_at) == (WebhookState.NONE, ARCHIVED, None)
    assert "create" not in hooks.host.asked


def test_a_project_that_is_no_longer_archived_gets_its_webhook(hooks: Hooking) -> None:
    hooks.host.archived = True
    package = hooks.add("7", provider=PROVIDER)
    hooks.sync(package)
    hooks.upkeep(package)
    hooks.host.archived = False
    hooks.sync(package)
    assert hooks.upkeep(package).state == WebhookState.ACTIVE


def test_without_a_url_none_is_made_until_there_is_one(hooks: Hooking) -> None:
    hooks.use_url("")
    package = hooks.add("7", provider=PROVIDER)
    webhook = hooks.webhook(package)
    assert (webhook.state, webhook.reason, webhook.due_at) == (WebhookState.NONE, NO_URL, None)
    hooks.use_url("https://packages.test")
    assert hooks.runtime.attempt(lambda services: services.webhooks.notice_new_url()) == 1
    assert hooks.upkeep(package).state == WebhookState.ACTIVE


def test_a_new_url_of_the_installation_moves_the_webhooks(hooks: Hooking) -> None:
    package = hooks.added()
    hooks.use_url("https://new.test")
    assert hooks.runtime.attempt(lambda services: services.webhooks.notice_new_url()) == 1
    hooks.upkeep(package)
    ((url, _),) = hooks.host.hooks.values()
    assert url.startswith("https://new.test/incoming/")
    assert hooks.runtime.attempt(lambda services: services.webhooks.notice_new_url()) == 0


def test_one_may_be_unwanted(hooks: Hooking) -> None:
    hooks.add("7", provider=PROVIDER, webhook=False)
    assert hooks.webhooks() == []


def test_packages_of_one_project_share_its_webhook(hooks: Hooking) -> None:
    hooks.added(subdirectory="a")
    hooks.added(subdirectory="b")
    assert len(hooks.webhooks()) == len(hooks.host.hooks) == 1


def test_it_is_removed_with_the_last_package(hooks: Hooking) -> None:
    first, second = hooks.added(subdirectory="a"), hooks.added(subdirectory="b")
    remove(hooks, first)
    run_due(hooks)
    assert len(hooks.host.hooks) == 1
    remove(hooks, second)
    run_due(hooks)
    assert (hooks.host.hooks, hooks.webhooks()) == ({}, [])


def test_it_is_removed_although_the_source_is_gone_by_then(hooks: Hooking) -> None:
    remove(hooks, hooks.added())
    with hooks.runtime.transaction() as services:
        services.sources.remove(services.sources.get(PROVIDER))
    run_due(hooks)
    assert (hooks.host.hooks, hooks.webhooks()) == ({}, [])


def test_a_host_that_refuses_to_forget_it_is_left_alone(hooks: Hooking) -> None:
    remove(hooks, hooks.added())
    hooks.host.on_delete = raises(plugin.CredentialsError("No."))
    run_due(hooks)
    assert hooks.webhooks() == []


def test_a_host_that_is_away_is_asked_a_few_times_to_forget_it(hooks: Hooking) -> None:
    remove(hooks, hooks.added())
    hooks.host.on_delete = raises(plugin.Unavailable("It is away."))
    for _ in range(10):
        run_due(hooks)
    assert hooks.webhooks() == []
    assert hooks.host.asked.count("delete") == 5


def test_one_that_is_being_made_while_its_package_goes_does_not_stay(hooks: Hooking) -> None:
    package = hooks.add("7", provider=PROVIDER)
    webhook = hooks.webhook(package).id

    def go() -> None:
        hooks.host.on_create = lambda: None
        remove(hooks, package)
        Upkeep(hooks.runtime).run(webhook)

    hooks.host.on_create = go
    Upkeep(hooks.runtime).run(webhook)
    run_due(hooks)
    assert (hooks.host.hooks, hooks.webhooks()) == ({}, [])


def test_one_that_the_host_lost_is_made_again(hooks: Hooking) -> None:
    package = hooks.added()
    hooks.host.hooks.clear()
    run_due(hooks)
    assert len(hooks.host.hooks) == 1
    assert hooks.webhook(package).state == WebhookState.ACTIVE


def test_one_that_the_host_has_is_asked_for_once_a_day(hooks: Hooking) -> None:
    package = hooks.added()
    due = hooks.webhook(package).due_at
    assert due is not None
    assert timedelta(hours=20) < due - now() < timedelta(hours=28)
    hooks.upkeep(package)
    assert hooks.host.asked == ["create"]
    run_due(hooks)
    assert hooks.host.asked == ["create", "active"]


def test_a_repair_makes_it_anew_with_another_secret(hooks: Hooking) -> None:
    package = hooks.added()
    ((_, before),) = hooks.host.hooks.values()
    hooks.repair(package)
    hooks.upkeep(package)
    ((_, after),) = hooks.host.hooks.values()
    assert after != before
    with hooks.runtime.transaction() as services:
        noted = services.session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc()))
        event = noted.first()
        assert event is not None
        assert (event.action, event.target) == ("project.webhook-repaired", "acme/lib")


def test_a_repair_that_is_asked_for_while_one_is_made_is_done_after_it(hooks: Hooking) -> None:
    package = hooks.added()

    def repair() -> None:
        hooks.host.on_create = lambda: None
        hooks.repair(package)

    hooks.host.on_create = repair
    repair()
    hooks.host.on_create = repair
    hooks.upkeep(package)
    webhook = hooks.webhook(package)
    assert webhook.renew
    assert webhook.due_at is not None
    assert webhook.due_at <= now()


def test_a_source_without_webhooks_has_none_to_repair(hooks: Hooking, tmp_path) -> None:
    repository = GitRepository(tmp_path / "lib")
    repository.commit({"name": "acme/git"})
    package = hooks.add(repository)
    with hooks.runtime.transaction() as services:
        found = services.packages.get(str(package))
        assert found.project is not None
        assert services.webhooks.facts(found.project).reason == "Its source sends none."
        with pytest.raises(Conflict, match="sends no webhooks"):
            services.packages.repair_webhook(found)


def test_a_killed_upkeep_is_done_again(hooks: Hooking) -> None:
    package = hooks.add("7", provider=PROVIDER)
    webhook = hooks.webhook(package).id

    class Killed(BaseException):
        pass

    hooks.host.on_create = raises(Killed())
    with pytest.raises(Killed):
        Upkeep(hooks.runtime).run(webhook)
    Upkeep(hooks.runtime).run(webhook)
    assert hooks.host.hooks == {}
    hooks.host.on_create = lambda: None
    run_due(hooks)
    assert len(hooks.host.hooks) == 1


def test_rotating_the_keys_keeps_every_webhook_secret(hooks: Hooking) -> None:
    runtime: Runtime = hooks.runtime
    package = hooks.added()
    with runtime.transaction() as services:
        change = SourceChange(webhook_secret="an old shared secret")
        services.sources.edit(services.sources.get(PROVIDER), change)
    put_new_key_first(runtime.settings.root)
    box = SecretBox(load_keys("", runtime.settings.root))
    with runtime.transaction() as services:
        assert Rotation(services.session, box).reseal() == 2
        used = Rotation(services.session, box).keys_in_use()
    drop_old_keys(runtime.settings.root, used)
    hooks.host.hooks.clear()
    run_due(hooks)
    assert hooks.webhook(package).state == WebhookState.ACTIVE


def test_other_credentials_have_a_refused_one_tried_again(hooks: Hooking) -> None:
    hooks.host.on_create = raises(plugin.CredentialsError("The token lacks a scope."))
    package = hooks.added()
    hooks.host.on_create = lambda: None
    with hooks.runtime.transaction() as services:
        services.webhooks.retry_broken(services.sources.get(PROVIDER))
    assert hooks.upkeep(package).state == WebhookState.ACTIVE


def test_one_whose_job_hangs_is_broken_and_tried_again_later(hooks: Hooking) -> None:
    package = hooks.add("7", provider=PROVIDER)
    job = Job(name="webhook", arguments=(hooks.webhook(package).id,))
    jobs.abandon(hooks.runtime, job, Hung("It took too long and was given up."))
    webhook = hooks.webhook(package)
    assert (webhook.state, webhook.reason) == (
        WebhookState.BROKEN,
        "It took too long and was given up.",
    )
    assert webhook.due_at is not None
    assert webhook.due_at > now()


def test_a_secret_that_a_plugin_raises_is_in_no_log_and_no_reason(
    hooks: Hooking, caplog: pytest.LogCaptureFixture
) -> None:
    def leak() -> None:
        raise plugin.Rejected(f"config.secret {secret_of(hooks)} is refused")

    def spill() -> None:
        raise ValueError(secret_of(hooks))

    for fault in (leak, spill):
        hooks.host.on_create = fault
        package = hooks.package_of() if hooks.webhooks() else hooks.added()
        run_due(hooks)
        assert secret_of(hooks) not in hooks.webhook(package).reason
    lines = "\n".join(PlainLines().format(record) for record in caplog.records)
    assert "ValueError" in lines
    assert secret_of(hooks) not in lines


def secret_of(hooks: Hooking) -> str:
    (webhook,) = hooks.webhooks()
    pair = unseal(hooks.runtime.secrets, webhook.secret, webhook_place(webhook))
    assert pair is not None
    return pair.secret


def test_webhooks_that_are_due_are_found_by_workers_and_moved_by_the_scheduler(
    hooks: Hooking,
) -> None:
    package = hooks.add("7", provider=PROVIDER)
    webhook = hooks.webhook(package).id
    job = Job(name="webhook", arguments=(webhook,))
    assert job in owed.waiting(hooks.runtime.engine)
    hooks.upkeep(package)
    assert job not in owed.waiting(hooks.runtime.engine)
    hooks.use_url("https://new.test")
    Scheduler(hooks.runtime).tick()
    assert job in owed.waiting(hooks.runtime.engine)


def test_old_deliveries_go_and_of_forged_ones_only_a_hundred_stay(hooks: Hooking) -> None:
    hooks.added()
    source = hooks.source(PROVIDER).id
    with hooks.runtime.transaction() as services:
        for age, verdict, number in (
            (15, DeliveryVerdict.ACCEPTED, 2),
            (1, DeliveryVerdict.ACCEPTED, 3),
            (0, DeliveryVerdict.REFUSED, 130),
        ):
            moment = now() - timedelta(days=age)
            services.session.add_all(
                Delivery(source_id=source, verdict=verdict, received_at=moment)
                for _ in range(number)
            )
    assert Collector(hooks.runtime).forget_deliveries() == 32
    verdicts = Counter(str(row.verdict) for row in hooks.deliveries())
    assert verdicts == {"accepted": 3, "refused": 100}


def test_a_rate_limit_holds_up_the_other_webhooks_of_the_source(hooks: Hooking) -> None:
    other = hooks.new_host("8", "acme/other")
    first, second = (hooks.add(each, provider=PROVIDER, path=each) for each in ("7", "8"))
    hooks.host.on_create = raises(plugin.RateLimited("Slow down.", retry_after=90))
    hooks.upkeep(first)
    hooks.upkeep(second)
    assert (hooks.host.asked, other.asked) == (["create"], [])
