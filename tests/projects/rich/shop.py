from sqlalchemy import CheckConstraint, Column, Date, Enum, Integer, Numeric, String, Table, func, text
from sqlalchemy.dialects.postgresql import DOMAIN
from sqlalchemy.orm import declarative_base

Base = declarative_base()


class Person(Base):
    __tablename__ = "person"
    __table_args__ = (CheckConstraint("length(name) > 1", name="person_name_long"),)

    id = Column(Integer, primary_key=True)
    name = Column(String(100), nullable=False)
    mood = Column(Enum("glad", "sad", name="mood"))
    credit = Column(DOMAIN("amount", Numeric(10, 2), check="VALUE >= 0"), server_default=text("0"))


Table(
    "visit",
    Base.metadata,
    Column("person_id", Integer, nullable=False),
    Column("day", Date, nullable=False, server_default=func.current_date()),
    postgresql_partition_by="RANGE (day)",
)
