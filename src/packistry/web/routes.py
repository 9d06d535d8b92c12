"""Every address that Pyramid answers. `web.front` answers packages.json and p2 before it."""

from collections.abc import Callable
from dataclasses import dataclass

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from packistry.services.access import Permission
from packistry.web import addresses, composer, dists, health, pages, static, uploads, webhooks
from packistry.web.admin import PAGES
from packistry.web.api import CALLS, session
from packistry.web.api.call import register, register_rest

READ = ("GET", "HEAD")
WRITE = ("POST",)

REPOSITORY = f"/r/{{repository:{addresses.REPOSITORY}}}"
PACKAGE = f"/{{vendor:{addresses.VENDOR}}}/{{name:{addresses.NAME}}}"
# What ends so is a mistyped URL of a repository, unless it is a branch that is called so.
VERSION = r"/{version:(?!(?:(?!dev-).*/)?packages\.json$).+}"

# A source is named by its uid, or by its number as the PHP Packistry did.
SOURCE = "/{provider:[a-z][a-z0-9-]{0,99}}/{source:[0-9a-f]{1,32}}"

View = Callable[[Request], Response]


@dataclass(frozen=True, kw_only=True)
class Route:
    """An address, the methods it takes and the view that answers."""

    name: str
    path: str
    view: View
    permission: Permission
    methods: tuple[str, ...] = READ


IN_A_REPOSITORY = (
    Route(
        name="dist",
        path="/dists" + PACKAGE + "/{version:[^/]+}/{reference:" + addresses.REFERENCE + "}.zip",
        view=dists.by_reference,
        permission=Permission.TOKEN,
    ),
    Route(
        name="incoming",
        path="/incoming" + SOURCE,
        view=webhooks.incoming,
        methods=WRITE,
        permission=Permission.TOKEN,
    ),
    Route(name="list", path="/list.json", view=composer.list_packages, permission=Permission.TOKEN),
    Route(name="search", path="/search.json", view=composer.search, permission=Permission.TOKEN),
    Route(
        name="providers",
        path="/providers" + PACKAGE + ".json",
        view=composer.providers,
        permission=Permission.TOKEN,
    ),
    Route(
        name="notify",
        path="/downloads",
        view=composer.notify,
        methods=WRITE,
        permission=Permission.TOKEN,
    ),
    Route(
        name="upload", path=PACKAGE, view=uploads.upload, methods=WRITE, permission=Permission.TOKEN
    ),
    Route(
        name="version-dist",
        path=PACKAGE + VERSION,
        view=dists.by_version,
        permission=Permission.TOKEN,
    ),
)

ELSEWHERE = (
    Route(name="healthz", path="/healthz", view=health.healthz, permission=Permission.OPEN),
    Route(name="readyz", path="/readyz", view=health.readyz, permission=Permission.OPEN),
    Route(
        name="csrf-cookie",
        path="/sanctum/csrf-cookie",
        view=session.csrf_cookie,
        permission=Permission.OPEN,
    ),
    Route(name="robots", path="/robots.txt", view=static.robots, permission=Permission.OPEN),
    Route(
        name="static",
        path="/static/{fingerprint:[0-9a-f]{12}}/{name:[a-z-]+\\.[a-z]{2,3}}",
        view=static.serve,
        permission=Permission.OPEN,
    ),
    Route(
        name="incoming-for-project",
        path="/incoming" + SOURCE + "/{key:[A-Za-z0-9_-]{1,64}}",
        view=webhooks.incoming,
        methods=WRITE,
        permission=Permission.TOKEN,
    ),
)


def includeme(config: Configurator) -> None:
    """Registers the table: below `/r/{path}` first, then at the root, the API and pages last."""
    for route in IN_A_REPOSITORY:
        _add(config, route, f"{route.name}-in-repository", REPOSITORY + route.path)
    for route in (*ELSEWHERE, *IN_A_REPOSITORY):
        _add(config, route, route.name, route.path)
    # Their first words are never a vendor's, so that no package can be hidden by a page.
    register(config, CALLS)
    pages.register(config, PAGES)
    register_rest(config)


def _add(config: Configurator, route: Route, name: str, path: str) -> None:
    config.add_route(name, path, request_method=route.methods)
    config.add_view(route.view, route_name=name)
