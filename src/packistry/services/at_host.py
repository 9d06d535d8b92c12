"""Pages at hosts that ours lead to. What plugins say of them is not trusted; no host is asked."""

import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from packistry import plugin
from packistry.models import Project
from packistry.plugin import SourceProvider
from packistry.plugin.config import secret_fields
from packistry.plugin.source import web_link
from packistry.services.plugins import Plugins

Provider = type[SourceProvider[Any]]

log = logging.getLogger(__name__)


def commit_page(plugins: Plugins, project: Project | None, commit: str) -> str:
    """The page of a commit; "" where there is none."""
    provider = project and plugins.source_providers.get(project.source.provider)
    if project is None or not provider:
        return ""
    found = plugin.Project(
        id=project.external_id,
        path=project.path,
        web_url=project.web_url,
        clone_url=project.clone_url,
        archived=project.archived,
    )
    try:
        return web_link(provider.commit_url(found, commit))
    # A plugin may raise anything, and a page is no less good without a link.
    except Exception:
        log.exception("The provider %s could not say where a commit is shown", provider.name)
        return ""


def credentials_page(provider: Provider, config: Mapping[str, object]) -> str:
    """Where to make a token, for a configuration that need not be whole; "" when nobody knows."""
    filled = provider.credentials_url
    for name in set(provider.Config.model_fields) - secret_fields(provider.Config):
        value = str(config.get(name) or "").strip().rstrip("/")
        marker = f"{{{name}}}"
        if marker in filled and not value:
            return ""
        filled = filled.replace(marker, value)
    link = web_link(filled)
    return link if "{" not in urlsplit(link).path else ""
