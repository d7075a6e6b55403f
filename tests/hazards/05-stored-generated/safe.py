import sqlalchemy as sa
from alembic import op


def upgrade_1():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.add_column("orders", sa.Column("total", sa.Numeric), schema="shop")


def upgrade_2():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("""CREATE FUNCTION shop.keep_total() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.total := NEW.quantity * NEW.amount;
    RETURN NEW;
END
$$""")
    op.execute(
        "CREATE TRIGGER keep_total BEFORE INSERT OR UPDATE ON shop.orders"
        " FOR EACH ROW EXECUTE FUNCTION shop.keep_total()"
    )


def upgrade_3():
    with op.get_context().autocommit_block():
        for first in (1, 10001):
            op.execute(
                "UPDATE shop.orders SET total = quantity * amount"
                f" WHERE total IS NULL AND id BETWEEN {first} AND {first + 9999}"
            )
