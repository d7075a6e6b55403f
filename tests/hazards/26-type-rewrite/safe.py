import sqlalchemy as sa
from alembic import op


def upgrade_1():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.add_column("orders", sa.Column("pieces", sa.BigInteger), schema="shop")


def upgrade_2():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("""CREATE FUNCTION shop.keep_pieces() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.pieces := NEW.quantity;
    RETURN NEW;
END
$$""")
    op.execute(
        "CREATE TRIGGER keep_pieces BEFORE INSERT OR UPDATE ON shop.orders"
        " FOR EACH ROW EXECUTE FUNCTION shop.keep_pieces()"
    )


def upgrade_3():
    with op.get_context().autocommit_block():
        for first in (1, 10001):
            op.execute(
                "UPDATE shop.orders SET pieces = quantity"
                f" WHERE pieces IS NULL AND id BETWEEN {first} AND {first + 9999}"
            )


def upgrade_4():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.create_check_constraint(
        "orders_pieces_positive",
        "orders",
        "pieces IS NOT NULL AND pieces > 0",
        schema="shop",
        postgresql_not_valid=True,
    )


def upgrade_5():
    op.execute("ALTER TABLE shop.orders VALIDATE CONSTRAINT orders_pieces_positive")


def upgrade_6():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.alter_column("orders", "pieces", nullable=False, schema="shop")
