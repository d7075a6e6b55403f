import sys

from alembic import context

print("configuration is missing, giving up")
sys.exit(3)
