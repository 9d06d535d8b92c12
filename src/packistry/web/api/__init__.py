"""The JSON API: every call of it, in the order of its page. A module for each noun."""

from packistry.web.api import (
    authentication_sources,
    auto_imports,
    bulk_imports,
    dashboard,
    deploy_tokens,
    description,
    moving,
    packages,
    personal_tokens,
    repositories,
    session,
    sources,
    syncs,
    system,
    user_tokens,
    users,
    versions,
    webhooks,
)
from packistry.web.api.call import Call

CALLS: tuple[Call, ...] = (
    *session.CALLS,
    *dashboard.CALLS,
    *repositories.CALLS,
    *sources.CALLS,
    *auto_imports.CALLS,
    *packages.CALLS,
    *bulk_imports.CALLS,
    *moving.CALLS,
    *versions.CALLS,
    *webhooks.CALLS,
    *syncs.CALLS,
    *users.CALLS,
    *user_tokens.CALLS,
    *personal_tokens.CALLS,
    *deploy_tokens.CALLS,
    *authentication_sources.CALLS,
    *system.CALLS,
    *description.CALLS,
)
"""All calls. A test looks at every one of them in every role, with every kind of credential."""
