"""The web application of a Runtime: what lies around and behind what."""

from functools import cache, lru_cache
from threading import BoundedSemaphore
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request

from packistry.models import Channel, Package
from packistry.runtime import Runtime
from packistry.services.catalog import Catalog
from packistry.services.downloads import Tally
from packistry.services.reads import Reads
from packistry.services.receiving import Receiver
from packistry.web.addresses import Environ, Prefix
from packistry.web.errors import answer_of
from packistry.web.front import CACHE_BYTES, Front, Render
from packistry.web.kept import Kept
from packistry.web.parts import WAITERS, Parts
from packistry.web.proxies import Proxies

PARTS = "packistry.parts"
OTHER_ADDRESSES = 256
"""How many documents are kept that were rendered for another base URL than the usual one."""


class Application:
    """The WSGI application. Close it: it holds connections, and counts not yet written."""

    def __init__(self, runtime: Runtime, *, cache_bytes: int = CACHE_BYTES) -> None:
        settings = runtime.settings
        self.parts = Parts(
            runtime=runtime,
            reads=Reads(runtime.engine),
            catalog=Catalog(runtime.engine),
            tally=Tally(runtime),
            receiver=Receiver(runtime, runtime.engine),
            waiters=BoundedSemaphore(WAITERS),
            kept=Kept(),
        )
        front = Front(
            parts=self.parts,
            render=_render(runtime),
            configured=settings.url,
            rendered=settings.base_url,
            behind=_behind(self.parts),
            cache_bytes=cache_bytes,
        )
        self._entry = Proxies(Prefix(front, settings.url), settings.trusted_proxies)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        try:
            return self._entry(environ, start_response)
        # The boundary of a request: behind Pyramid nothing gets here, before it a bug does.
        except Exception as error:  # noqa: BLE001
            return answer_of(error).send(environ, start_response)

    def close(self) -> None:
        self.parts.tally.close()
        self.parts.reads.close()


def make_app(runtime: Runtime, *, cache_bytes: int = CACHE_BYTES) -> Application:
    """The application for one process; `cache_bytes` 0 keeps no answers."""
    return Application(runtime, cache_bytes=cache_bytes)


class PartsRequest(Request):  # type: ignore[misc]  # Pyramid has no types
    """A request as views know it: with what the application it came to is made of."""

    @property
    def parts(self) -> Parts:
        found: Parts = self.environ[PARTS]
        return found


@cache
def framework() -> Any:
    """Routes, views and templates: the same for every application, and slow to put together."""
    config = Configurator()
    # A request method would give each request a class of its own, which costs what a view does.
    config.set_request_factory(PartsRequest)
    config.include("packistry.web.errors")
    config.include("packistry.web.pages")
    config.include("packistry.web.routes")
    return config.make_wsgi_app()


def _behind(parts: Parts) -> Any:
    pyramid = framework()

    def answer(environ: Environ, start_response: Any) -> Any:
        environ[PARTS] = parts
        return pyramid(environ, start_response)

    return answer


def _render(runtime: Runtime) -> Render:
    @lru_cache(maxsize=OTHER_ADDRESSES)
    def render(package_id: int, channel: Channel, _modified: int, base_url: str) -> bytes:
        return runtime.attempt(
            lambda services: services.documents.render_for(
                services.session.get_one(Package, package_id), channel, base_url
            )
        )

    return render
