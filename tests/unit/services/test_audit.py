from typing import Any

import pytest
from sqlalchemy import select

from packistry.inputs import NewRepository, NewUser, RepositoryChange
from packistry.models import AuditEvent, Base, Source, TokenKind, Via
from packistry.services.access import SYSTEM
from packistry.services.audit import CHANGED, KINDS, NOT_RECORDED, Author
from packistry.services.grants import Rights

AUTHOR = Author(actor=SYSTEM, via=Via.WEB, address="192.0.2.7")
SECRET = "seven red umbrellas"


def events(runtime: Any) -> Any:
    with runtime.reading() as services:
        rows = services.session.scalars(select(AuditEvent).order_by(AuditEvent.id)).all()
        return [(row.action, row.target, row.before, row.after) for row in rows]


def test_a_change_says_what_was_and_what_is(runtime):
    with runtime.change(AUTHOR) as services:
        made = services.repositories.add(NewRepository(name="Main"))
        number = made.id
    with runtime.change(AUTHOR) as services:
        services.repositories.edit(
            services.repositories.at(number), RepositoryChange(public=True, name="Open")
        )
    added, changed = events(runtime)
    assert added[:2] == ("repository.added", "Main")
    assert changed == (
        "repository.changed",
        "Open",
        {"name": "Main", "public": False},
        {"name": "Open", "public": True},
    )


def test_who_it_was_and_from_where_is_kept(runtime):
    with runtime.change(AUTHOR) as services:
        services.repositories.add(NewRepository(name="Main"))
    with runtime.reading() as services:
        row = services.session.scalars(select(AuditEvent)).one()
        assert (row.actor, row.via, row.address) == ("system", Via.WEB, "192.0.2.7")


def test_what_is_undone_is_not_in_the_log(runtime):
    def work() -> None:
        with runtime.change(AUTHOR) as services:
            services.repositories.add(NewRepository(name="Main"))
            services.session.flush()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
    assert events(runtime) == []


def test_what_stays_as_it_is_is_no_change(runtime):
    with runtime.transaction() as services:
        services.repositories.add(NewRepository(name="Main"))
    with runtime.change(AUTHOR) as services:
        services.repositories.edit(services.repositories.get(""), RepositoryChange(name="Main"))
    assert events(runtime) == []


def test_a_removed_row_keeps_its_name_in_the_log(runtime):
    with runtime.transaction() as services:
        services.repositories.add(NewRepository(name="Main"))
    with runtime.change(AUTHOR) as services:
        services.repositories.remove(services.repositories.get(""))
    [(action, target, before, after)] = events(runtime)
    assert (action, target, before["name"], after) == ("repository.removed", "Main", "Main", {})


def test_of_secrets_the_log_says_only_that_they_changed(runtime):
    with runtime.change(AUTHOR) as services:
        user = services.users.add(NewUser(email="jo@x.org", name="Jo", password=SECRET))
        services.tokens.add(TokenKind.PERSONAL, "laptop", user=user)
        source = Source(name="Host", provider="git", secrets="sealed")
        services.session.add(source)
    with runtime.change(AUTHOR) as services:
        user = services.users.get("jo@x.org")
        stored = user.password_hash
        services.users.reset_password(
            user, NewUser(email="a@x.org", name="a", password="b" * 9 + "cdefg").password
        )
        services.session.scalars(select(Source)).one().secrets = "sealed anew"
    found = events(runtime)
    assert "sealed" not in str(found)
    assert stored not in str(found)
    assert (
        "user.changed",
        "jo@x.org",
        {"password_hash": CHANGED},
        {"password_hash": CHANGED},
    ) in found


def test_a_grant_is_named_by_whom_and_what(runtime):
    with runtime.transaction() as services:
        services.users.add(NewUser(email="jo@x.org", name="Jo"))
        services.repositories.add(NewRepository(name="Main"))
    with runtime.change(AUTHOR) as services:
        user, home = services.users.get("jo@x.org"), services.repositories.get("")
        services.grants.grant(user, home, Rights(read=True))
    assert [each[:2] for each in events(runtime)] == [
        ("grant.added", 'jo@x.org on the repository "Main"')
    ]


def test_a_transaction_that_only_reads_cannot_write(runtime):
    with pytest.raises(RuntimeError, match="only reads"), runtime.reading() as services:
        services.repositories.add(NewRepository(name="Main"))


def test_every_table_is_recorded_or_is_named_as_one_that_is_not():
    mapped = {mapper.class_ for mapper in Base.registry.mappers}
    assert {model.__tablename__ for model in mapped if model not in KINDS} == NOT_RECORDED


def test_the_web_and_the_command_line_change_nothing_unrecorded():
    from tests.test_layers import MODULES, layer

    for path in MODULES:
        admin = "admin" in path.parts or "api" in path.parts
        if layer(path) == "cli" or (layer(path) == "web" and admin):
            assert ".transaction(" not in path.read_text(), path


def test_a_webhook_secret_of_a_source_is_not_in_the_log(runtime):
    with runtime.transaction() as services:
        services.session.add(Source(name="Host", provider="git"))
    with runtime.change(AUTHOR) as services:
        services.session.scalars(select(Source)).one().webhook_secret = "sealed"
    [(_, _, _, after)] = events(runtime)
    assert after == {"webhook_secret": CHANGED}
