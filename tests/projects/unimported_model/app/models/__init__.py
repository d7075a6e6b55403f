from app.models.account import Account
from app.models.base import Base
