"""The JSON API: every call of it, in the order of its page. A module for each noun."""

from packistry.web.api import dashboard, description, repositories, session, tokens, users
from packistry.web.api.call import Call

CALLS: tuple[Call, ...] = (
    *session.CALLS,
    *dashboard.CALLS,
    *repositories.CALLS,
    *users.CALLS,
    *tokens.CALLS,
    *description.CALLS,
)
"""All calls. A test looks at every one of them in every role, with every kind of credential."""
