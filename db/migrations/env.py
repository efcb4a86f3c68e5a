"""Alembic's entry: runs the migrations on the URL it is handed, one process at a time."""

from alembic import context

from db import account_models, searches  # with them the tables of db.models
from db.engine import make_engine

METADATA = account_models.Base.metadata
assert searches.Search.__table__ in METADATA.tables.values()
ONE_AT_A_TIME = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "SELECT pg_advisory_xact_lock(7210114)"}

engine = make_engine(str(context.config.attributes["url"].render_as_string(hide_password=False)))
with engine.connect() as connection:
    connection.exec_driver_sql(ONE_AT_A_TIME[connection.dialect.name])  # the app and its workers start together
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=False,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
engine.dispose()
