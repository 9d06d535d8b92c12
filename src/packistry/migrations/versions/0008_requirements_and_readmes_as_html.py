"""Requirements, readmes as HTML, and what was abandoned here"""

import sqlalchemy as sa
from alembic import op
import packistry.models.base
from sqlalchemy.dialects import mysql
revision = '0008'
down_revision = '0007'

HTML = sa.Text().with_variant(mysql.LONGTEXT(), 'mariadb').with_variant(mysql.LONGTEXT(), 'mysql')


def upgrade() -> None:
    op.create_table('requirements',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('package_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('dev', sa.Boolean(), nullable=False),
    sa.Column('allows', sa.Text(), nullable=False),
    sa.ForeignKeyConstraint(['package_id'], ['packages.id'], name=op.f('fk_requirements_package_id'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_requirements')),
    sa.UniqueConstraint('package_id', 'dev', 'name', name=op.f('uq_requirements_package_id_dev_name')),
    mysql_charset='utf8mb4',
    mysql_collate='utf8mb4_bin',
    mysql_engine='InnoDB'
    )
    with op.batch_alter_table('requirements', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_requirements_name'), ['name'], unique=False)

    # Not every database gives a long text a default.
    with op.batch_alter_table('packages', schema=None) as batch_op:
        batch_op.add_column(sa.Column('abandoned_here', packistry.models.base.JSONText(), nullable=True))
        batch_op.add_column(sa.Column('readme_html', HTML, nullable=True))
    op.execute("UPDATE packages SET readme_html = ''")
    with op.batch_alter_table('packages', schema=None) as batch_op:
        batch_op.alter_column('readme_html', existing_type=HTML, nullable=False)


def downgrade() -> None:
    with op.batch_alter_table('packages', schema=None) as batch_op:
        batch_op.drop_column('readme_html')
        batch_op.drop_column('abandoned_here')

    with op.batch_alter_table('requirements', schema=None) as batch_op:
        batch_op.drop_index(batch_op.f('ix_requirements_name'))

    op.drop_table('requirements')
