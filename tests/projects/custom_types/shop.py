from kinds import Money, Slug
from sqlalchemy import Column, Integer
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class Customer(Base):
    __tablename__ = "customer"

    id = Column(Integer, primary_key=True)
    slug = Column(Slug(40), nullable=False)
    debt = Column(Money, server_default="0", nullable=False)
