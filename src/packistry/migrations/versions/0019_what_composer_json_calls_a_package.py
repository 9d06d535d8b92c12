"""What composer.json calls a package, where that is another name than it has"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("packages", sa.Column("composer_name", sa.String(length=255), nullable=True))
