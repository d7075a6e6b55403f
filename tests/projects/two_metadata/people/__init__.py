from people.models import Base
