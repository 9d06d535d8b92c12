"""The way of a browser to a source and back."""

from typing import Any

import pytest
from sqlalchemy import select

from packistry.inputs import NewUser, read
from packistry.inputs.sign_in import AuthenticationSourceChange, NewAuthenticationSource
from packistry.models import AuditEvent, BrowserSession, Via
from packistry.models.base import now
from packistry.plugin import HttpClient
from packistry.services import elsewhere
from packistry.services.access import ANONYMOUS
from packistry.services.audit import Author
from packistry.services.backends import Backends
from packistry.services.identities import Refused
from packistry.services.sign_in import Browser
from tests.unit.plugin.issuer import CLIENT_ID, CLIENT_SECRET, ISSUER, FakeIssuer

AUTHOR = Author(actor=ANONYMOUS, via=Via.WEB, address="192.0.2.7")
BROWSER = Browser(address="192.0.2.7", agent="Test")
CALLBACK = "https://packages.test/auths/1/callback"


class Place:
    """An installation with a source, and the way there and back."""

    def __init__(self, runtime: Any, issuer: FakeIssuer, http: HttpClient) -> None:
        self.runtime, self.issuer = runtime, issuer
        runtime.backends = Backends(runtime.plugins, runtime.secrets, http)
        self.id = self.add("SSO", registration=True)

    def add(self, name: str, **fields: Any) -> int:
        config = {"issuer": ISSUER, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        new = read(NewAuthenticationSource, name=name, provider="oidc", config=config, **fields)
        with self.runtime.change(AUTHOR) as services:
            return int(services.authentication_sources.add(new).id)

    def edit(self, **fields: Any) -> None:
        with self.runtime.change(AUTHOR) as services:
            source = services.authentication_sources.at(self.id)
            services.authentication_sources.edit(source, AuthenticationSourceChange(**fields))

    def begin(self, source_id: int | None = None, **options: Any) -> elsewhere.Departure:
        id_ = source_id or self.id
        return elsewhere.begin(self.runtime, AUTHOR, id_, CALLBACK, BROWSER, **options)

    def finish(
        self,
        answer: Any,
        pending: str,
        source_id: int | None = None,
        signed: Any = None,
        browser: Browser = BROWSER,
    ) -> elsewhere.Arrival:
        return elsewhere.finish(
            self.runtime,
            AUTHOR,
            source_id or self.id,
            CALLBACK,
            answer,
            pending=pending,
            browser=browser,
            signed=signed,
        )

    def sign_in(self) -> Any:
        departure = self.begin()
        arrival = self.finish(self.issuer.authorize(departure.url), departure.cookie)
        return self.signed(arrival.cookie)

    def signed(self, cookie: str) -> Any:
        with self.runtime.reading() as services:
            return services.sessions.recognise(cookie)

    def audit(self) -> list[AuditEvent]:
        with self.runtime.reading() as services:
            found = list(services.session.scalars(select(AuditEvent).order_by(AuditEvent.id)))
            services.session.expunge_all()
            return found


@pytest.fixture
def place(runtime: Any) -> Place:
    issuer = FakeIssuer()
    return Place(runtime, issuer, issuer.client())


def test_somebody_signs_in_and_is_the_same_user_the_next_time(place):
    first, second = place.sign_in(), place.sign_in()
    assert (first.user_id, first.email) == (second.user_id, "alice@example.test")
    assert first.session_id != second.session_id


def test_the_session_that_a_browser_had_before_is_over(place):
    departure = place.begin()
    before = place.finish(place.issuer.authorize(departure.url), departure.cookie).cookie
    departure = place.begin()
    answer = place.issuer.authorize(departure.url)
    here = Browser(address="192.0.2.7", cookie=before)
    after = place.finish(answer, departure.cookie, browser=here).cookie
    assert place.signed(after) is not None
    assert place.signed(before) is None


def test_an_answer_that_comes_after_ten_minutes_is_not_taken(place):
    departure = place.begin()
    answer = place.issuer.authorize(departure.url)
    with place.runtime.transaction() as services:
        row = services.session.scalars(select(BrowserSession)).one()
        row.expires_at = now()
    with pytest.raises(Refused, match="took longer than ten minutes"):
        place.finish(answer, departure.cookie)


def test_a_sign_in_is_in_the_audit_log_with_its_evidence(place):
    signed = place.sign_in()
    event = next(each for each in place.audit() if each.action == "sign-in.succeeded")
    assert (event.user_id, event.note) == (signed.user_id, "SSO: registered")
    assert event.after == {
        "subject": "alice-1",
        "email": "alice@example.test",
        "evidence": "email_verified of the ID token",
    }


def test_the_path_that_was_wanted_is_kept(place):
    departure = place.begin(next_path="/admin/packages")
    arrival = place.finish(place.issuer.authorize(departure.url), departure.cookie)
    assert arrival.next == "/admin/packages"


def test_an_answer_is_taken_once(place):
    departure = place.begin()
    answer = place.issuer.authorize(departure.url)
    place.finish(answer, departure.cookie)
    with pytest.raises(Refused, match="not begun in this browser"):
        place.finish(answer, departure.cookie)


@pytest.mark.parametrize("cookie", ["", "made-up", "another browser's"])
def test_an_answer_of_another_browser_is_not_taken(place, cookie):
    departure, other = place.begin(), place.begin()
    pending = other.cookie if cookie.startswith("another") else cookie
    with pytest.raises(Refused, match="begun in this browser"):
        place.finish(place.issuer.authorize(departure.url), pending)


def test_an_answer_that_failed_cannot_be_tried_again(place):
    departure = place.begin()
    answer = place.issuer.authorize(departure.url)
    with pytest.raises(Refused):
        place.finish({**answer, "state": "forged"}, departure.cookie)
    with pytest.raises(Refused):
        place.finish(answer, departure.cookie)


def test_an_answer_of_one_source_is_not_taken_at_another(place):
    other = place.add("Other", registration=True)
    departure = place.begin()
    answer = place.issuer.authorize(departure.url)
    before = len(place.issuer.requests)
    with pytest.raises(Refused, match="not begun in this browser"):
        place.finish(answer, departure.cookie, other)
    assert len(place.issuer.requests) == before


def test_a_source_that_was_switched_off_lets_nobody_in(place):
    departure = place.begin()
    answer = place.issuer.authorize(departure.url)
    place.edit(active=False)
    with pytest.raises(Refused, match="any more"):
        place.finish(answer, departure.cookie)
    with pytest.raises(Refused, match="any more"):
        place.begin()


def test_a_refusal_is_told_in_words_and_noted(place):
    place.edit(registration=False)
    with pytest.raises(Refused, match="no account here"):
        place.sign_in()
    (event,) = (each for each in place.audit() if each.action == "sign-in.refused")
    assert "no account here" in event.note
    assert (event.target, event.address) == ("SSO", "192.0.2.7")


def test_what_only_an_administrator_understands_is_told_to_them_alone(place):
    departure = place.begin()
    answer = place.issuer.authorize(departure.url)
    place.edit(config={"client_secret": "wrong-canary"})
    with pytest.raises(Refused, match="tell an administrator") as caught:
        place.finish(answer, departure.cookie)
    assert "secret" not in str(caught.value)
    (event,) = (each for each in place.audit() if each.action == "sign-in.refused")
    assert "client secret" in event.note
    assert "wrong-canary" not in event.note


def test_a_place_that_is_down_is_no_fault_of_ours(place):
    place.issuer.answer = lambda request: (503, {}, b"")
    with pytest.raises(Refused, match="Try again later"):
        place.begin()


def test_a_plugin_that_breaks_is_contained(place, monkeypatch):
    def broken(*_: Any) -> Any:
        raise KeyError(CLIENT_SECRET)

    monkeypatch.setattr("packistry_oidc.generic.Generic.begin", broken)
    with pytest.raises(Refused, match="tell an administrator"):
        place.begin()
    assert all(CLIENT_SECRET not in each.note for each in place.audit())


def test_what_a_place_publishes_is_asked_for_once(place):
    for _ in range(3):
        place.sign_in()
    asked = [request.url for request in place.issuer.requests]
    assert asked.count(f"{ISSUER}/.well-known/openid-configuration") == 1
    place.edit(config={"scopes": "openid email"})
    place.begin()
    asked = [request.url for request in place.issuer.requests]
    assert asked.count(f"{ISSUER}/.well-known/openid-configuration") == 2


# Connecting an account.


def local(place: Place, email: str = "root@acme.test") -> tuple[int, str]:
    with place.runtime.change(AUTHOR) as services:
        user = services.users.add(read(NewUser, email=email, name="Root"))
        return user.id, services.sessions.begin(user, address="", agent="")


def test_whoever_is_signed_in_connects_an_account(place):
    user_id, cookie = local(place)
    signed = place.signed(cookie)
    departure = place.begin(connect=signed)
    arrival = place.finish(place.issuer.authorize(departure.url), departure.cookie, signed=signed)
    assert arrival.cookie == ""
    assert place.sign_in().user_id == user_id


def test_nobody_connects_an_account_to_the_user_of_another_browser(place):
    _, victims = local(place)
    _, attackers = local(place, "eve@acme.test")
    departure = place.begin(connect=place.signed(attackers))
    answer = place.issuer.authorize(departure.url)
    for signed in (place.signed(victims), None):
        with pytest.raises(Refused):
            place.finish(answer, departure.cookie, signed=signed)


def test_connecting_takes_a_fresh_sign_in(place, monkeypatch):
    _, cookie = local(place)
    signed = place.signed(cookie)
    departure = place.begin(connect=signed)
    answer = place.issuer.authorize(departure.url)
    monkeypatch.setattr("packistry.services.sessions.FRESH", -signed.verified_at.resolution)
    with pytest.raises(Refused, match="Sign in again first"):
        place.finish(answer, departure.cookie, signed=signed)


# Signing out there, too.


def test_people_are_signed_out_there_where_the_source_says_so(place):
    place.edit(single_sign_out=True)
    signed = place.sign_in()
    with place.runtime.reading() as services:
        memo = services.sessions.memo(signed.session_id)
    url = elsewhere.sign_out_url(place.runtime, memo, "https://packages.test/login")
    assert url is not None
    assert url.startswith(f"{ISSUER}/logout?")
    place.edit(single_sign_out=False)
    assert elsewhere.sign_out_url(place.runtime, memo, "https://packages.test/login") is None
    assert elsewhere.sign_out_url(place.runtime, {}, "https://packages.test/login") is None


def test_no_id_token_is_kept_where_it_is_not_needed(place):
    signed = place.sign_in()
    with place.runtime.reading() as services:
        assert services.sessions.memo(signed.session_id)["logout_hint"] == ""
