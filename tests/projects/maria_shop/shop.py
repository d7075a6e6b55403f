from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, MetaData, String, text
from sqlalchemy.orm import declarative_base

Base = declarative_base(
    metadata=MetaData(
        naming_convention={
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
)


class Customer(Base):
    __tablename__ = "customer"

    id = Column(Integer, primary_key=True)
    name = Column(String(100), nullable=False, server_default=text("'nobody'"))
    email = Column(String(200), nullable=False, unique=True)


class Purchase(Base):
    __tablename__ = "purchase"
    __table_args__ = (CheckConstraint("amount > 0", name="positive"), Index("ix_purchase_customer", "customer_id"))

    id = Column(Integer, primary_key=True)
    customer_id = Column(ForeignKey("customer.id", ondelete="CASCADE"), nullable=False)
    amount = Column(BigInteger, nullable=False)
