"""merge all"""

revision = "f20000000005"
down_revision = ("f20000000003", "f20000000004", "f20000000002")


def upgrade():
    pass


def downgrade():
    pass
