from collections.abc import Callable
from threading import Lock
from typing import Any

from packistry.models import AuthenticationSource
from packistry.plugin import AuthBackend, HttpClient
from packistry.services.plugins import Plugins
from packistry.services.secrets import SecretBox

Made = tuple[str, str, AuthBackend[Any]]


class Backends:
    """The configured sign-in backends of a process, kept as long as their configuration is.

    They remember what a place publishes, such as the keys it signs with.
    """

    def __init__(self, plugins: Plugins, secrets: SecretBox, http: HttpClient) -> None:
        self._plugins = plugins
        self._secrets = secrets
        self._http = http
        self._lock = Lock()
        self._made: dict[str, Made] = {}

    def maker(self, source: AuthenticationSource) -> Callable[[], AuthBackend[Any]]:
        """What gives the backend of a source, to be called outside of transactions.

        Raises ConfigurationError when its secrets do not decrypt; what is returned raises
        PluginMissing, ConfigError and PluginFault.
        """
        opened = self._secrets.open(source.secrets, sign_in_place(source))
        uid, provider = source.uid, source.provider
        values = {**source.config, **opened}
        fingerprint = f"{source.config!r} {source.secrets}"

        def make() -> AuthBackend[Any]:
            with self._lock:
                kept = self._made.get(uid)
            if kept is not None and kept[:2] == (provider, fingerprint):
                return kept[2]
            backend = self._plugins.make_backend(provider, values, http=self._http)
            with self._lock:
                self._made[uid] = (provider, fingerprint, backend)
            return backend

        return make


def sign_in_place(source: AuthenticationSource) -> str:
    """What binds an authentication source's sealed secrets to its row."""
    return f"authentication_sources/{source.uid}/config"
