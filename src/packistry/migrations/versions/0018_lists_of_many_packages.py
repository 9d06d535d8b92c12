"""Readmes apart from their packages, and indexes of what lists and charts are made of"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0018"
down_revision = "0017"

LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mariadb").with_variant(mysql.LONGTEXT(), "mysql")


def upgrade() -> None:
    op.create_table(
        "readmes",
        sa.Column("package_id", sa.Integer(), nullable=False),
        sa.Column("text", LONG, nullable=False),
        sa.Column("html", LONG, nullable=False),
        sa.ForeignKeyConstraint(
            ["package_id"], ["packages.id"], name=op.f("fk_readmes_package_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("package_id", name=op.f("pk_readmes")),
        mysql_charset="utf8mb4",
        mysql_collate="utf8mb4_bin",
        mysql_engine="InnoDB",
    )
    op.execute(
        "INSERT INTO readmes (package_id, text, html) "
        "SELECT id, readme, readme_html FROM packages WHERE readme <> ''"
    )
    with op.batch_alter_table("packages") as batch_op:
        batch_op.drop_column("readme")
        batch_op.drop_column("readme_html")
    op.create_index("ix_documents_package_modified", "documents", ["package_id", "modified"])
    op.create_index("ix_downloads_package_day", "downloads", ["package_id", "day", "downloads"])
    op.create_index("ix_downloads_day_package", "downloads", ["day", "package_id", "downloads"])
    op.drop_index("ix_downloads_day", table_name="downloads")
