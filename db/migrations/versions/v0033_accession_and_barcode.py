"""Accession number and barcode of a slide."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0028"

COLUMNS = ("accession_number", "barcode")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("slides", sa.Column(name, sa.String(), nullable=True))


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("slides", name)
