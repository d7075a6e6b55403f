from alembic import op


def upgrade():
    op.execute(
        "ALTER TABLE shop.orders ADD COLUMN depot_id integer"
        " CONSTRAINT orders_depot_id_fkey REFERENCES shop.warehouses (id)"
    )
