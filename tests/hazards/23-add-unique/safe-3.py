from alembic import op


def upgrade_1():
    op.create_check_constraint(
        "visits_ticket_there", "visits", "ticket IS NOT NULL", schema="shop", postgresql_not_valid=True
    )


def upgrade_2():
    op.execute("ALTER TABLE shop.visits VALIDATE CONSTRAINT visits_ticket_there")


def upgrade_3():
    op.alter_column("visits", "ticket", nullable=False, schema="shop")
    op.drop_constraint("visits_ticket_there", "visits", schema="shop", type_="check")


def upgrade_4():
    with op.get_context().autocommit_block():
        op.create_index("visits_pkey", "visits", ["ticket"], unique=True, schema="shop", postgresql_concurrently=True)


def upgrade_5():
    op.execute("ALTER TABLE shop.visits ADD CONSTRAINT visits_pkey PRIMARY KEY USING INDEX visits_pkey")
