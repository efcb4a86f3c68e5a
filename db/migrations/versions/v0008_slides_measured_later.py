"""A slide says what of its file was read and what not, and whether its patches are measured yet."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("slides", sa.Column("notes", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("slides", sa.Column("measured", sa.Boolean(), nullable=False, server_default=sa.true()))
