from sqlalchemy import BigInteger, String, types


class Money(types.TypeDecorator):
    """An amount in cents."""

    impl = BigInteger
    cache_ok = True


class Slug(types.UserDefinedType):
    """A short name, which the database keeps as text of a limited length."""

    cache_ok = True

    def __init__(self, length=40):
        self.length = length

    def get_col_spec(self, **options):
        return f"VARCHAR({self.length})"
