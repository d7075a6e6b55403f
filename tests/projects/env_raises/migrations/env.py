from alembic import context


def settings(name):
    raise RuntimeError(f"no settings for this environment: {name}")


url = settings("production")
