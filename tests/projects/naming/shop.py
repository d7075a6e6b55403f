from sqlalchemy import CheckConstraint, Column, ForeignKey, Integer, MetaData, String
from sqlalchemy.orm import declarative_base

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
Base = declarative_base(metadata=MetaData(naming_convention=NAMING))


class Customer(Base):
    __tablename__ = "customer"
    __table_args__ = (CheckConstraint("name <> ''", name="named"),)

    id = Column(Integer, primary_key=True)
    name = Column(String(100), nullable=False, unique=True)


class Purchase(Base):
    __tablename__ = "purchase"

    id = Column(Integer, primary_key=True)
    customer_id = Column(ForeignKey("customer.id"), nullable=False, index=True)
