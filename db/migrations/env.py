"""Alembic's entry: runs the migrations on the URL it is handed."""

from alembic import context

from db.engine import make_engine
from db.models import Base

engine = make_engine(str(context.config.attributes["url"].render_as_string(hide_password=False)))
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=False,
    )
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
