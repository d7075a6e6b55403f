from sqlalchemy import Column, ForeignKey, Integer, String
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class Customer(Base):
    __tablename__ = "customer"

    id = Column(Integer, primary_key=True)
    name = Column(String(100), nullable=False)


class Purchase(Base):
    __tablename__ = "purchase"
    __table_args__ = {"schema": "sales"}

    id = Column(Integer, primary_key=True)
    customer_id = Column(ForeignKey("customer.id"), index=True)


class Delivery(Base):
    __tablename__ = "purchase"
    __table_args__ = {"schema": "stock"}

    id = Column(Integer, primary_key=True)
    customer_id = Column(ForeignKey("customer.id"), index=True)
    pieces = Column(Integer, nullable=False)
