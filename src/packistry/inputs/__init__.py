"""What the CLI, the web and the API hand to services: every rule about what a person may enter.

`read(Model, …)` is the door: it raises `Invalid` with one sentence that never repeats a value of
a secret field.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from packistry.composer.names import InvalidName, check_package_name, check_vendor_name
from packistry.composer.text import clean_email, has_unseen_characters
from packistry.errors import Invalid
from packistry.faults import faults
from packistry.inputs.globs import Globs, GlobsOrInherit
from packistry.models import Dists, Role, TagPolicy

LONGEST_NAME = 255
LONGEST_PATH = 100
LONGEST_TEXT = 2000
LONGEST_PASSWORD = 1024
SHORTEST_PASSWORD = 12
FEWEST_LETTERS = 5
MOST_KEPT_DISTS = 10_000
SHORTEST_WEBHOOK_SECRET = 12

_SLUG = re.compile(r"[a-z0-9]++(?:[-_.][a-z0-9]++)*+\Z")

# Of the lists of leaked passwords, what is twelve characters or longer comes down to these.
_COMMON_WORDS = (
    "123456789",
    "abcdefghi",
    "admin",
    "administrator",
    "changeme",
    "composer",
    "football",
    "iloveyou",
    "letmein",
    "packagist",
    "packistry",
    "passwd",
    "passwort",
    "password",
    "princess",
    "qazwsxedc",
    "qwerty",
    "qwertyuiop",
    "qwertzuiop",
    "sunshine",
    "superman",
    "trustno",
    "welcome",
    "correcthorsebatterystaple",
)
_ROWS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")

M = TypeVar("M", bound=BaseModel)


def read(model: type[M], /, **values: Any) -> M:
    """The input these values make. Raises Invalid in the words of the first fault, with all."""
    try:
        return model(**values)
    except ValidationError as error:
        raise _invalid(error) from None


def read_json(model: type[M], text: bytes) -> M:
    """The input that a JSON object makes, its types taken strictly. Raises Invalid."""
    try:
        return model.model_validate_json(text, strict=True)
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> Invalid:
    fields: dict[str, str] = {}
    for field, message in faults(error).items():
        label = field.partition(".")[0].replace("_", " ").capitalize()
        fields[field] = f"{label}: {message}." if label else f"{message}."
    first = next(iter(fields))
    return Invalid(fields[first], field=first, fields=fields)


def repository_path(value: str) -> str:
    """The path of a repository; "" is the root one."""
    if value and (len(value) > LONGEST_PATH or not _SLUG.match(value)):
        raise ValueError(
            "a path is words of a-z and 0-9 joined by -, _ or ., for example team-a "
            "(empty: the root repository)"
        )
    return value


def vendor(value: str) -> str:
    """A vendor's name, also when written "acme/*"."""
    name = value.removesuffix("/*")
    try:
        check_vendor_name(name)
    except InvalidName as error:
        raise ValueError(error.reason) from None
    return name


def package_name(value: str) -> str:
    """The name of a package, in lower case."""
    name = value.lower()
    if not name:
        raise ValueError("enter it as vendor/name")
    try:
        check_package_name(name)
    except InvalidName as error:
        raise ValueError(error.reason) from None
    return name


def label(value: str) -> str:
    """A name that people give to something: one line of visible characters."""
    text = value.strip()
    if not text or len(text) > LONGEST_NAME or has_unseen_characters(text):
        raise ValueError(f"a name has 1 to {LONGEST_NAME} visible characters on one line")
    return text


def text(value: str) -> str:
    """A sentence or two."""
    plain = value.strip()
    if len(plain) > LONGEST_TEXT or has_unseen_characters(plain.replace("\n", " ")):
        raise ValueError(f"at most {LONGEST_TEXT} visible characters")
    return plain


def folded(address: str) -> str:
    """An address to look for: its ASCII letters in lower case.

    Others stay what they are: some, like the sign of the kelvin, would become somebody else's k.
    """
    return "".join(each.lower() if each.isascii() else each for each in address.strip())


def email(value: str) -> str:
    """An e-mail address, folded, as the one that people are known by."""
    address = folded(value)
    well_formed = clean_email(address) == address and address.isprintable()
    if len(address) > LONGEST_NAME or not well_formed:
        raise ValueError("this is not an e-mail address, such as ada@example.org")
    return address


def subdirectory(value: str) -> str:
    """A folder of a project, "a/b"; "" is the top."""
    parts = [part for part in value.strip().split("/") if part]
    folder = "/".join(parts)
    outside = any(part in (".", "..", ".git") for part in parts)
    if value.startswith("/") or outside or "\\" in folder or has_unseen_characters(folder):
        raise ValueError("a sub-directory is a folder inside the project, for example packages/log")
    if len(folder) > LONGEST_NAME:
        raise ValueError(f"at most {LONGEST_NAME} characters")
    return folder


def password(value: SecretStr) -> SecretStr:
    """A password that cannot be guessed from a list."""
    secret = value.get_secret_value()
    if len(secret) < SHORTEST_PASSWORD:
        raise ValueError(f"a password has at least {SHORTEST_PASSWORD} characters")
    if len(secret) > LONGEST_PASSWORD:
        raise ValueError(f"a password has at most {LONGEST_PASSWORD} characters")
    if _is_common(secret):
        raise ValueError("this password is among those that are tried first; choose another")
    return value


def webhook_secret(value: SecretStr) -> SecretStr:
    """What a host signs deliveries with."""
    secret = value.get_secret_value().strip()
    if not SHORTEST_WEBHOOK_SECRET <= len(secret) <= LONGEST_NAME or not secret.isprintable():
        raise ValueError(
            f"a webhook secret is one line of {SHORTEST_WEBHOOK_SECRET} to {LONGEST_NAME} "
            "printable characters"
        )
    return SecretStr(secret)


def _is_common(secret: str) -> bool:
    plain = secret.casefold()
    if len(set(plain)) < FEWEST_LETTERS or any(plain in row for row in _ROWS):
        return True
    # "Password123!" and "p4ssw0rd2024" are "password" to whoever guesses.
    inner = re.sub(r"^[^a-z]+|[^a-z]+$", "", plain)
    word = inner.translate(str.maketrans("013457@$", "oieastas"))
    stripped = {re.sub(r"[^a-z]", "", plain), re.sub(r"[^a-z]", "", word)}
    return plain in _COMMON_WORDS or any(
        candidate == common * (len(candidate) // len(common))
        for candidate in (*stripped, plain)
        if candidate
        for common in _COMMON_WORDS
    )


RepositoryPath = Annotated[str, AfterValidator(repository_path)]
Vendor = Annotated[str, AfterValidator(vendor)]
PackageName = Annotated[str, AfterValidator(package_name)]
Label = Annotated[str, AfterValidator(label)]
Text = Annotated[str, AfterValidator(text)]
Email = Annotated[str, AfterValidator(email)]
Subdirectory = Annotated[str, AfterValidator(subdirectory)]
WebhookSecret = Annotated[SecretStr, AfterValidator(webhook_secret)]
Password = Annotated[SecretStr, AfterValidator(password)]


KeepDists = Annotated[int, Field(ge=0, le=MOST_KEPT_DISTS)]
"""How many dists of a branch are kept; 0 is all of them."""

Inherit = Literal["inherit"]
"""In a change: back to what the source, or above it the repository, says."""


class Input(BaseModel):
    """The base of all inputs. In a change, None keeps what is there."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class NewRepository(Input):
    """A repository to be made; without a path it is the root one."""

    name: Label
    path: RepositoryPath = ""
    description: Text = ""
    public: bool = False
    reserved_vendors: tuple[Vendor, ...] = ()
    tag_policy: TagPolicy = TagPolicy.PROTECT


class RepositoryChange(Input):
    """What changes about a repository."""

    name: Label | None = None
    path: RepositoryPath | None = None
    description: Text | None = None
    public: bool | None = None
    reserved_vendors: tuple[Vendor, ...] | None = None
    tag_policy: TagPolicy | None = None


class Filtered(Input):
    """Which branches and tags become versions. None: as the level above says."""

    branches: Globs | None = None
    exclude_branches: Globs | None = None
    tags: Globs | None = None
    exclude_tags: Globs | None = None


class FilterChange(Input):
    """Another filter, from the next sync on."""

    branches: GlobsOrInherit | None = None
    exclude_branches: GlobsOrInherit | None = None
    tags: GlobsOrInherit | None = None
    exclude_tags: GlobsOrInherit | None = None


class NewSource(Filtered):
    """A source to be made. `config` is what its provider's `Config` asks for."""

    name: Label
    provider: str
    config: dict[str, Any] = Field(default={}, repr=False)
    dists: Dists = Dists.EAGER
    tag_policy: TagPolicy | None = None
    keep_dists: KeepDists = 0


class SourceChange(FilterChange):
    """What changes about a source.

    `config` overrides field by field; a blank secret keeps what is stored, unless `clear` names
    it. `webhook_secret` is what webhooks are signed with that were made for the whole source; the
    one before it stays good for a week. `accept_plugin`: whoever offers its provider now is meant,
    as with any change of `config`.
    """

    name: Label | None = None
    config: dict[str, Any] = Field(default={}, repr=False)
    clear: frozenset[str] = frozenset()
    dists: Dists | None = None
    tag_policy: TagPolicy | Inherit | None = None
    keep_dists: KeepDists | None = None
    webhook_secret: WebhookSecret | None = None
    forget_webhook_secret: bool = False
    accept_plugin: bool = False


class NewPackage(Filtered):
    """How a package is made from a project of a source. None: as the source says.

    `webhook` False: its host is not asked to tell us of changes.
    """

    subdirectory: Subdirectory = ""
    dists: Dists | None = None
    tag_policy: TagPolicy | None = None
    keep_dists: KeepDists | None = None
    webhook: bool = True


class PackageChange(FilterChange):
    """What changes about a package.

    How it is imported counts from its next sync on. `abandoned`: whether composer is told so, or
    what to use instead, whatever its project says.
    """

    dists: Dists | Inherit | None = None
    tag_policy: TagPolicy | Inherit | None = None
    keep_dists: KeepDists | Inherit | None = None
    abandoned: Inherit | bool | PackageName | None = None


class NewUser(Input):
    """A person to be let in. Without a password they cannot sign in with one."""

    email: Email
    name: Label
    role: Role = Role.USER
    password: Password | None = None


class FirstAdministrator(Input):
    """Who sets the server up."""

    name: Label
    email: Email
    password: Password


class UserChange(Input):
    """What changes about a user."""

    email: Email | None = None
    name: Label | None = None
    role: Role | None = None
    active: bool | None = None


class NewPassword(Input):
    """A password for somebody who is there already."""

    password: Password


class NewToken(Input):
    """A token to be made. Its owner and grants are said beside it."""

    name: Label
    can_read: bool = True
    can_write: bool = False
    can_call_api: bool = False
    expires_at: datetime | None = None
