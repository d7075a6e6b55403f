from sqlalchemy import Column, Integer, String
from sqlalchemy.orm import relationship

from db.base_class import Base


class Owner(Base):
    __tablename__ = "owner"

    id = Column(Integer, primary_key=True)
    name = Column(String(100), nullable=False)

    items = relationship("Item", back_populates="owner")
