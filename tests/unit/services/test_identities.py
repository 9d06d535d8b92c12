"""Who may become whom. The attempts to take somebody's account over come first."""

from typing import Any

import pytest

from packistry.errors import Conflict, Invalid, NotFound
from packistry.inputs import NewPassword, NewRepository, NewUser, UserChange, read
from packistry.inputs.sign_in import AuthenticationSourceChange, NewAuthenticationSource
from packistry.models import Purpose, Role, TokenKind
from packistry.plugin import Identity
from packistry.services.grants import Rights
from packistry.services.identities import How, Refused
from packistry.services.tokens import BadToken

PASSWORD = "a long pass phrase"
CONFIG = {"issuer": "https://id.example", "client_id": "x", "client_secret": "canary"}


def source(services: Any, name: Any = "SSO", **fields: Any) -> Any:
    new = read(NewAuthenticationSource, name=name, provider="oidc", config=CONFIG, **fields)
    return services.authentication_sources.add(new)


def person(subject: Any = "1", email: Any = "ada@acme.test", **fields: Any) -> Identity:
    return Identity(
        **{"subject": subject, "email": email, "email_verified": True, "name": "Ada", **fields}
    )


def user(services: Any, email: Any = "ada@acme.test", **fields: Any) -> Any:
    return services.users.add(read(NewUser, email=email, name="Ada", **fields))


def enters(services: Any, source: Any, identity: Any) -> Any:
    return services.identities.admit(source, identity).user


def grants(services: Any, user: Any) -> Any:
    return {
        (each.repository.path, each.can_read, each.can_write) for each in services.grants.of(user)
    }


# Take-over.


@pytest.mark.parametrize("role", ["user", "admin"])
def test_an_address_that_is_not_proven_opens_no_account(services, role):
    victim = user(services, role=role, password=PASSWORD)
    sso = source(services, trusted=True, registration=True)
    entered = enters(services, sso, person(email_verified=False))
    assert entered.id != victim.id
    assert (entered.email, entered.role) == (None, Role.USER)
    assert services.identities.of(victim) == []


def test_a_proven_address_opens_no_account_where_the_source_is_not_trusted(services):
    victim = user(services)
    with pytest.raises(Refused, match="Sign in to it as you did before"):
        enters(services, source(services, registration=True), person())
    assert services.identities.of(victim) == []


def test_an_address_that_only_looks_the_same_is_somebody_elses(services):
    victim = user(services, "kim@acme.test")
    sso = source(services, trusted=True, registration=True)
    twins = (
        "\N{KELVIN SIGN}im@acme.test",
        "k\u0131m@acme.test",
        "ki\N{ZERO WIDTH SPACE}m@acme.test",
    )
    entered = [enters(services, sso, person(str(n), twin)) for n, twin in enumerate(twins)]
    assert victim not in entered
    # What cannot be seen is no address, and what can be is kept as it is written.
    assert [each.email for each in entered] == [*twins[:2], None]
    assert services.identities.of(victim) == []


def test_nobody_is_taken_for_a_namesake_at_another_place(services):
    sso = source(services, registration=True)
    ada = enters(services, sso, person())
    elsewhere = {"issuer": "https://other.example", "client_secret": "canary"}
    change = services.authentication_sources.edit
    with pytest.raises(Conflict, match="taken for one of them"):
        change(sso, AuthenticationSourceChange(config=elsewhere))
    change(sso, AuthenticationSourceChange(config=elsewhere, moved=True))
    assert enters(services, sso, person()).id == ada.id
    # Nobody is known by a name at a place that has no people yet.
    change(source(services, "New"), AuthenticationSourceChange(config=elsewhere))


def test_strangers_administer_only_where_it_is_said_whose_they_are(services):
    everything = {"registration": True, "default_role": "admin"}
    with pytest.raises(Invalid, match="Anybody who registers would administer"):
        source(services, **everything)
    acme = source(services, "Acme", **everything, allowed_domains=["acme.test"])
    assert enters(services, acme, person()).role is Role.ADMIN
    with pytest.raises(Invalid):
        services.authentication_sources.edit(acme, AuthenticationSourceChange(allowed_domains=()))


def test_an_administrator_is_never_connected_by_address(services):
    victim = user(services, role="admin")
    with pytest.raises(Refused, match="Sign in to it as you did before"):
        enters(services, source(services, trusted=True, registration=True), person())
    assert services.identities.of(victim) == []


def test_a_disabled_user_does_not_come_back_by_address(services):
    victim = user(services)
    services.users.edit(victim, UserChange(active=False))
    with pytest.raises(Refused, match="disabled"):
        enters(services, source(services, trusted=True, registration=True), person())


def test_a_disabled_user_does_not_come_back_by_their_connection(services):
    sso = source(services, registration=True)
    services.users.edit(enters(services, sso, person()), UserChange(active=False))
    with pytest.raises(Refused, match="disabled"):
        enters(services, sso, person())


def test_an_address_that_changes_at_the_source_moves_nobody(services):
    other = user(services, "eve@acme.test")
    sso = source(services, trusted=True, registration=True)
    ada = enters(services, sso, person())
    again = services.identities.admit(sso, person(email="eve@acme.test"))
    assert (again.user.id, again.how) == (ada.id, How.KNOWN)
    assert (ada.email, services.identities.of(other)) == ("ada@acme.test", [])


def test_the_same_subject_at_another_source_is_somebody_else(services):
    ada = enters(services, source(services, registration=True), person())
    other = source(services, "Other", registration=True)
    assert enters(services, other, person(email="")).id != ada.id


def test_whoever_is_given_the_address_of_somebody_who_left_is_somebody_else(services):
    sso = source(services, trusted=True, registration=True)
    ada = enters(services, sso, person())
    with pytest.raises(Refused, match="another account at SSO signs in to it"):
        enters(services, sso, person("2"))
    # It is proven at another place that the two are one.
    assert enters(services, source(services, "Other", trusted=True), person("2")).id == ada.id


def test_subjects_differ_by_case(services):
    sso = source(services, registration=True)
    ada = enters(services, sso, person("AbC", email=""))
    assert enters(services, sso, person("abc", email="")).id != ada.id


def test_whoever_made_an_account_with_anothers_address_is_out_when_the_owner_comes(services):
    made_before = user(services, password=PASSWORD)
    made_before.email_proven = False
    _, text = services.tokens.add(TokenKind.PERSONAL, "x", user=made_before)
    cookie = services.sessions.begin(made_before, address="192.0.2.1", agent="")
    link = services.links.make(made_before, Purpose.INVITATION)
    services.second_factors.begin(made_before)
    attackers = services.identities.connect(
        source(services, "Other"), person("evil", email="evil@x.test"), made_before
    )
    admitted = services.identities.admit(source(services, trusted=True), person())
    assert (admitted.user.id, admitted.how) == (made_before.id, How.ADOPTED)
    assert made_before.password_hash == ""
    assert services.sessions.recognise(cookie) is None
    assert attackers not in services.identities.of(made_before)
    with pytest.raises(BadToken):
        services.tokens.authenticate(text)
    with pytest.raises(NotFound):
        services.links.get(link)
    services.session.expire_all()
    assert services.second_factors.key(made_before) == ""


@pytest.mark.parametrize(
    "email",
    [
        "ada@evil.test",
        "ada@acme.test@evil.test",
        "ada@notacme.test",
        "ada@sub.acme.test",
        "ada@acme.test.evil.test",
        "ada@acme.test.",
        "ada@\N{CYRILLIC SMALL LETTER A}cme.test",
    ],
)
def test_another_domain_is_not_let_in(services, email):
    sso = source(services, registration=True, trusted=True, allowed_domains=["Acme.test"])
    with pytest.raises(Refused, match=r"acme\.test"):
        enters(services, sso, person(email=email))


@pytest.mark.parametrize("fields", [{"email_verified": False}, {"email": ""}])
def test_a_domain_counts_only_when_it_is_proven(services, fields):
    sso = source(services, registration=True, allowed_domains=["acme.test"])
    with pytest.raises(Refused, match="does not say that yours is proven"):
        enters(services, sso, person(**fields))


def test_a_person_is_connected_to_one_user(services):
    sso = source(services, registration=True)
    enters(services, sso, person())
    with pytest.raises(Refused, match="another user"):
        services.identities.connect(sso, person(), user(services, "eve@acme.test"))


@pytest.mark.parametrize("subject", ["", "x" * 256])
def test_somebody_who_cannot_be_known_again_is_not_let_in(services, subject):
    with pytest.raises(Refused):
        enters(services, source(services, registration=True), person(subject))


# Registration.


def test_a_stranger_becomes_a_user_where_registration_is_open(services):
    repository = services.repositories.add(read(NewRepository, name="main", path="main"))
    sso = source(services, registration=True, allowed_domains=["acme.test"], rules=["*: read main"])
    ada = enters(services, sso, person(email="Ada@ACME.test"))
    assert (ada.email, ada.name, ada.role) == ("ada@acme.test", "Ada", Role.USER)
    assert grants(services, ada) == {("main", True, False)}
    assert repository.name == "main"


def test_a_stranger_is_told_where_it_is_closed(services):
    with pytest.raises(Refused, match="no account here"):
        enters(services, source(services), person())
    assert services.users.all() == []


def test_somebody_who_is_known_comes_in_where_it_is_closed(services):
    sso = source(services, registration=True)
    ada = enters(services, sso, person())
    services.authentication_sources.edit(sso, AuthenticationSourceChange(registration=False))
    assert enters(services, sso, person()).id == ada.id


@pytest.mark.parametrize("fields", [{"email": ""}, {"email_verified": False}, {"email": "no one"}])
def test_whoever_proves_no_address_has_none_here(services, fields):
    sso = source(services, registration=True)
    first = enters(services, sso, person("1", **fields))
    second = enters(services, sso, person("2", **fields))
    assert (first.email, second.email) == (None, None)
    assert first.id != second.id
    assert user(services).email == "ada@acme.test"


def test_an_address_that_is_proven_later_is_taken_up(services):
    sso = source(services, registration=True)
    ada = enters(services, sso, person(email_verified=False))
    assert enters(services, sso, person()).email == "ada@acme.test"
    assert ada.email == "ada@acme.test"
    # Unless it is another user's by then.
    other = enters(services, sso, person("2", email=""))
    assert enters(services, sso, person("2")).email is None
    assert other.id != ada.id


def test_a_trusted_source_opens_the_account_of_a_proven_address(services):
    ada = user(services, password=PASSWORD)
    admitted = services.identities.admit(source(services, trusted=True), person())
    assert (admitted.user.id, admitted.how) == (ada.id, How.LINKED)
    assert ada.password_hash
    assert admitted.link.evidence == ""


# Connecting by hand, and disconnecting.


def test_a_user_signs_in_as_the_person_they_connected(services):
    ada = user(services, role="admin", password=PASSWORD)
    sso = source(services)
    services.identities.connect(sso, person(email="other@else.test"), ada)
    assert enters(services, sso, person()).id == ada.id
    assert ada.email == "ada@acme.test"


def test_disconnecting_leaves_a_way_in(services):
    sso = source(services, registration=True)
    ada = enters(services, sso, person())
    (link,) = services.identities.of(ada)
    with pytest.raises(Conflict, match="only way in"):
        services.identities.disconnect(ada, link.id)
    services.users.reset_password(ada, read(NewPassword, password=PASSWORD).password)
    services.identities.disconnect(ada, link.id)
    assert services.identities.of(ada) == []


def test_a_password_is_no_way_in_without_an_address(services):
    ada = enters(services, source(services, registration=True), person(email=""))
    ada.password_hash = "x"
    with pytest.raises(Conflict, match="only way in"):
        services.identities.disconnect(ada, services.identities.of(ada)[0].id)


def test_nobody_disconnects_anothers_account(services):
    ada = enters(services, source(services, registration=True), person())
    eve = user(services, "eve@acme.test", password=PASSWORD)
    with pytest.raises(NotFound):
        services.identities.disconnect(eve, services.identities.of(ada)[0].id)


# What claims give, and take.

RULES = [
    "groups=devs: read main",
    "groups=leads: read+write main",
    "realm_access.roles=boss: admin",
]


@pytest.fixture
def mapped(services: Any) -> Any:
    services.repositories.add(read(NewRepository, name="main", path="main"))
    services.repositories.add(read(NewRepository, name="other", path="other"))
    return source(services, registration=True, rules=RULES)


def test_a_group_gives_rights_and_its_loss_takes_just_these(services, mapped):
    ada = enters(services, mapped, person(groups=("devs",)))
    other = services.repositories.get("other")
    main = services.repositories.get("main")
    services.grants.grant(ada, other, Rights(read=True))
    services.grants.grant(ada, main, Rights(write=True))
    by_hand = {("other", True, False), ("main", False, True)}
    assert grants(services, ada) == by_hand | {("main", True, False)}
    enters(services, mapped, person(groups=("devs", "leads")))
    assert grants(services, ada) == by_hand | {("main", True, True)}
    enters(services, mapped, person())
    assert grants(services, ada) == by_hand


def test_a_claim_gives_a_role_and_its_loss_takes_it(services, mapped):
    boss = {"realm_access": {"roles": ["boss"]}}
    ada = enters(services, mapped, person(claims=boss))
    cookie = services.sessions.begin(ada, address="", agent="")
    assert ada.role is Role.ADMIN
    assert enters(services, mapped, person(claims=boss)).role is Role.ADMIN
    assert services.sessions.recognise(cookie) is not None
    assert enters(services, mapped, person()).role is Role.USER
    assert services.sessions.recognise(cookie) is None


def test_a_role_that_was_given_by_hand_stays(services, mapped):
    ada = enters(services, mapped, person())
    services.users.edit(ada, UserChange(role=Role.ADMIN))
    assert enters(services, mapped, person(claims={"x": 1})).role is Role.ADMIN


def test_two_sources_give_and_take_each_its_own(services, mapped):
    other = source(services, "Other", rules=["groups=staff: read main"])
    ada = enters(services, mapped, person(groups=("devs",)))
    services.identities.connect(other, person("2", groups=("staff",)), ada)
    enters(services, mapped, person())
    assert grants(services, ada) == {("main", True, False)}
    services.users.reset_password(ada, read(NewPassword, password=PASSWORD).password)
    (_, link) = services.identities.of(ada)
    services.identities.disconnect(ada, link.id)
    assert grants(services, ada) == set()


# Sources that are switched off, and removed.


@pytest.mark.parametrize("gone", ["off", "removed"])
def test_a_source_that_goes_takes_its_people_along_at_once(services, mapped, gone):
    user(services, "root@acme.test", role="admin", password=PASSWORD)
    ada = enters(services, mapped, person(groups=("devs",), claims={"x": 1}))
    cookie = services.sessions.begin(ada, address="", agent="")
    _, text = services.tokens.add(TokenKind.PERSONAL, "laptop", user=ada)
    if gone == "off":
        services.authentication_sources.edit(mapped, AuthenticationSourceChange(active=False))
    else:
        services.authentication_sources.remove(mapped)
    assert services.sessions.recognise(cookie) is None
    with pytest.raises(BadToken):
        services.tokens.authenticate(text)
    services.session.expire_all()
    if gone == "removed":
        assert services.grants.of(ada) == []


def test_its_people_are_back_when_it_is(services, mapped):
    user(services, "root@acme.test", role="admin", password=PASSWORD)
    ada = enters(services, mapped, person())
    disabled = enters(services, mapped, person("2", email=""))
    services.users.edit(disabled, UserChange(active=False))
    for active in (False, True):
        services.authentication_sources.edit(mapped, AuthenticationSourceChange(active=active))
    assert (ada.active, disabled.active) == (True, False)


def test_whoever_has_another_way_in_keeps_it(services, mapped):
    ada = enters(services, mapped, person())
    services.users.reset_password(ada, read(NewPassword, password=PASSWORD).password)
    cookie = services.sessions.begin(ada, address="", agent="")
    services.authentication_sources.edit(mapped, AuthenticationSourceChange(active=False))
    assert ada.active
    assert services.sessions.recognise(cookie) is None


def test_somebody_must_administer(services, mapped):
    ada = enters(services, mapped, person())
    services.users.edit(ada, UserChange(role=Role.ADMIN))
    with pytest.raises(Conflict, match="All administrators sign in"):
        services.authentication_sources.edit(mapped, AuthenticationSourceChange(active=False))
