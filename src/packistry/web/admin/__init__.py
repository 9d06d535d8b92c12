"""The web admin: a module for each noun, each with the `PAGES` it answers."""

from packistry.web.admin import (
    accounts,
    api,
    audit,
    auth_sources,
    elsewhere,
    everything,
    imports,
    links,
    members,
    overview,
    package,
    packages,
    profile,
    prove,
    repositories,
    setup,
    sign_in,
    sources,
    tokens,
    versions,
)
from packistry.web.pages import Page

PAGES: tuple[Page, ...] = (
    *overview.PAGES,
    *sign_in.PAGES,
    *prove.PAGES,
    *elsewhere.PAGES,
    *links.PAGES,
    *setup.PAGES,
    *repositories.PAGES,
    *members.PAGES,
    *tokens.PAGES,
    *auth_sources.PAGES,
    *accounts.PAGES,
    *profile.PAGES,
    *packages.PAGES,
    *package.PAGES,
    *versions.PAGES,
    *audit.PAGES,
    *imports.PAGES,
    *sources.PAGES,
    *everything.PAGES,
    *api.PAGES,
)
"""All pages. A test looks at every one of them in every role."""
