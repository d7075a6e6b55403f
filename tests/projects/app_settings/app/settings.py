import os
from functools import lru_cache
from urllib.parse import urlsplit


class Settings:
    """What the application is told by its environment, where one name is enough."""

    def __init__(self):
        self.dsn = os.environ["APP_DATABASE_DSN"]
        if not urlsplit(self.dsn).scheme.startswith("postgres"):
            raise ValueError("APP_DATABASE_DSN must name a PostgreSQL database")

    @property
    def sqlalchemy_url(self):
        return "postgresql+psycopg2://" + self.dsn.partition("://")[2]


@lru_cache(maxsize=1)
def settings():
    return Settings()
