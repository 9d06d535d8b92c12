"""The auth backend `gitlab`: GitLab is an OpenID provider."""

from dataclasses import replace

from packistry.plugin import Identity, OpenIDBackend, TokenAnswer
from packistry_gitlab.config import GitLabSignInConfig

_ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">'
    '<rect width="24" height="24" rx="5" fill="#c2410c"/>'
    '<text x="12" y="17" font-family="sans-serif" font-size="14" font-weight="700" '
    'text-anchor="middle" fill="#fff">GL</text></svg>'
)


class GitLabSignIn(OpenIDBackend[GitLabSignInConfig]):
    """Accounts at GitLab.com or at a GitLab of one's own.

    The claim `groups` holds the paths of all groups somebody is in, `groups_direct` of those they
    are a member of themselves.
    """

    name = "gitlab"
    title = "GitLab"
    icon = _ICON
    instructions = (
        "In GitLab, open the settings of a group (or, at a GitLab of your own, the Admin area), "
        "choose Applications and add one.",
        "Enter {callback_url} as its redirect URI, leave Confidential on, and tick the scopes "
        "openid, profile and email.",
        "Copy its application ID as the client ID, and its secret.",
        "To map groups, use the claim groups: it holds their paths, such as acme/php.",
    )
    Config = GitLabSignInConfig

    def issuer(self) -> str:
        return self.config.url

    def identity(self, answer: TokenAnswer) -> Identity:
        found = super().identity(answer)
        # Without this scope GitLab tells the address somebody shows to the public.
        if answer.scope and "email" not in answer.scope:
            return replace(found, email_verified=False, evidence="")
        return found
