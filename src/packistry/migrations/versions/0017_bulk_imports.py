"""Bulk imports"""

import sqlalchemy as sa
from alembic import op
import packistry.models.base

revision = '0017'
down_revision = '0016'


def upgrade() -> None:
    op.create_table('bulk_imports',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('source_id', sa.Integer(), nullable=False),
    sa.Column('repository_id', sa.Integer(), nullable=False),
    sa.Column('user_id', sa.Integer(), nullable=True),
    sa.Column('via', sa.Enum('web', 'api', 'cli', name='via', native_enum=False, length=20), nullable=False),
    sa.Column('patterns', packistry.models.base.JSONText(), nullable=False),
    sa.Column('archived', sa.Boolean(), nullable=False),
    sa.Column('how', packistry.models.base.JSONText(), nullable=False),
    sa.Column('due_at', packistry.models.base.UTCDateTime(), nullable=True),
    sa.Column('found', sa.Integer(), nullable=False),
    sa.Column('left_out', packistry.models.base.JSONText(), nullable=False),
    sa.Column('error', sa.Text(), nullable=False),
    sa.Column('created_at', packistry.models.base.UTCDateTime(), nullable=False),
    sa.ForeignKeyConstraint(['repository_id'], ['repositories.id'], name=op.f('fk_bulk_imports_repository_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['source_id'], ['sources.id'], name=op.f('fk_bulk_imports_source_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_bulk_imports_user_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bulk_imports')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('bulk_imports', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_bulk_imports_due_at'), ['due_at'], unique=False)

    op.create_table('bulk_import_projects',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('bulk_import_id', sa.Integer(), nullable=False),
    sa.Column('external_id', sa.String(length=500), nullable=False),
    sa.Column('path', sa.String(length=500), nullable=False),
    sa.Column('package_id', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['bulk_import_id'], ['bulk_imports.id'], name=op.f('fk_bulk_import_projects_bulk_import_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['package_id'], ['packages.id'], name=op.f('fk_bulk_import_projects_package_id'), ondelete='SET NULL'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_bulk_import_projects')),
    sa.UniqueConstraint('bulk_import_id', 'external_id', name=op.f('uq_bulk_import_projects_bulk_import_id_external_id')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('bulk_import_projects', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_bulk_import_projects_package_id'), ['package_id'], unique=False)
