# Imports every model, so that Base.metadata is complete.
from db.base_class import Base
from models.item import Item
from models.owner import Owner
