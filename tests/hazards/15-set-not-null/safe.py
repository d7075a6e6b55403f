from alembic import op


def upgrade_1():
    op.create_check_constraint(
        "orders_note_filled", "orders", "note IS NOT NULL AND note <> ''", schema="shop", postgresql_not_valid=True
    )


def upgrade_2():
    op.execute("ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_note_filled")


def upgrade_3():
    op.alter_column("orders", "note", nullable=False, schema="shop")
