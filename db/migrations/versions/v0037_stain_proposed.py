"""The stain that a slide's colours look like, and how certain that is; a person confirms it."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"


def upgrade() -> None:
    op.add_column("slides", sa.Column("proposed_stain", sa.String(), nullable=True))
    op.add_column("slides", sa.Column("stain_certainty", sa.Double(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("slides") as table:
        table.drop_column("stain_certainty")
        table.drop_column("proposed_stain")
