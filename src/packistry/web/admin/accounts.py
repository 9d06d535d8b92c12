"""The accounts elsewhere that a person signs in with."""

from pyramid.response import Response

from packistry.errors import Invalid, NotFound
from packistry.services import Services, elsewhere
from packistry.services.access import Permission
from packistry.web.admin.elsewhere import callback, lead_away
from packistry.web.pages import Page, Shown
from packistry.web.visit import Visit


def show(visit: Visit, services: Services) -> Shown:
    """Those that are connected, and those that can be."""
    user = services.users.at(visit.who.user_id)
    links = services.identities.of(user)
    connected = {link.source_id for link in links}
    return {
        "links": links,
        "only": {
            link.id
            for link in links
            if not services.identities.has_another_way_in(user, but=link.source_id)
        },
        "others": [
            each for each in services.authentication_sources.offered() if each.id not in connected
        ],
        "has_password": user.password_hash != "",
    }


def change(visit: Visit) -> Response:
    """Connects one, by way of its source, or disconnects one. A fresh proof is asked for first."""
    visit.demand_proof()
    if visit.text("disconnect"):
        return _disconnect(visit, _chosen(visit, "disconnect"))
    source_id = _chosen(visit, "connect")
    departure = elsewhere.begin(
        visit.runtime,
        visit.author,
        source_id,
        callback(visit, source_id),
        visit.browser,
        next_path=visit.url("profile-accounts"),
        connect=visit.who,
    )
    response = lead_away(visit, departure.url, "Connect an account")
    visit.cookies.keep_pending(response, str(source_id), departure.cookie)
    return response


def _disconnect(visit: Visit, link_id: int) -> Response:
    with visit.change() as services:
        user = services.users.at(visit.who.user_id)
        links = {link.id: link for link in services.identities.of(user)}
        if link_id not in links:
            raise NotFound("There is no such connection.")
        name = links[link_id].source.name
        services.identities.disconnect(user, link_id)
    visit.say(f"{name} does not sign you in any more.")
    return visit.go("profile-accounts")


def _chosen(visit: Visit, field: str) -> int:
    text = visit.text(field)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid("Choose which account.")
    return int(text)


PAGES = (
    Page(
        name="profile-accounts",
        path="/admin/profile/accounts",
        permission=Permission.PERSON,
        template="profile/accounts.jinja2",
        section="profile",
        show=show,
        submit=change,
    ),
)
