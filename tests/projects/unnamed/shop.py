from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, Numeric, String
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class Customer(Base):
    __tablename__ = "customer"
    __table_args__ = (CheckConstraint("name <> ''"),)

    id = Column(Integer, primary_key=True)
    name = Column(String(100), nullable=False, unique=True)


class Purchase(Base):
    __tablename__ = "purchase"
    __table_args__ = (CheckConstraint("amount > 0", name="ck_purchase_amount"),)

    id = Column(Integer, primary_key=True)
    customer_id = Column(ForeignKey("customer.id"), nullable=False)
    amount = Column(Numeric(10, 2), nullable=False)
