from sqlalchemy import Column, Integer, MetaData, Numeric, Table

metadata = MetaData()

purchase = Table(
    "purchase",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("amount", Numeric(10, 2), nullable=False),
)
