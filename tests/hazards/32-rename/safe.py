import sqlalchemy as sa
from alembic import op


def upgrade_1():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.add_column("orders", sa.Column("remark", sa.Text), schema="shop")


def upgrade_2():
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute("""CREATE FUNCTION shop.keep_remark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.remark := NEW.note;
    RETURN NEW;
END
$$""")
    op.execute(
        "CREATE TRIGGER keep_remark BEFORE INSERT OR UPDATE ON shop.orders"
        " FOR EACH ROW EXECUTE FUNCTION shop.keep_remark()"
    )


def upgrade_3():
    with op.get_context().autocommit_block():
        for first in (1, 10001):
            op.execute(
                f"UPDATE shop.orders SET remark = note WHERE remark IS NULL AND id BETWEEN {first} AND {first + 9999}"
            )
