import sys

from alembic import context

url = context.config.get_main_option("sqlalchemy.url")
print("connecting to", url)
print("connecting to", url, file=sys.stderr)
raise RuntimeError(f"cannot use {url}")
