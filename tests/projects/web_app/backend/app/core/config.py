import os


class Settings:
    database_url = os.environ["DATABASE_URL"]


settings = Settings()
