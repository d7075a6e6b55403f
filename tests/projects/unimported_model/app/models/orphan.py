from sqlalchemy import Column, Integer, String

from app.models.base import Base


class Orphan(Base):
    __tablename__ = "orphan"

    id = Column(Integer, primary_key=True)
    label = Column(String(100), nullable=False)
