import os
import subprocess
import sys

from sqlalchemy import engine_from_config, pool
from alembic import context

from shop import Base

config = context.config

for number in range(2000):
    print("env.py line", number, "." * 80)
print('{"event": "done", "ok": true}')
print('{"type": "result", "heads": []}', flush=True)
os.write(1, b"raw bytes \xff\x00 without a line end")
subprocess.run([sys.executable, "-c", "print('a child prints', 'x' * 10000)"], check=True)
print("is there input?", repr(sys.stdin.read(1)))

if context.is_offline_mode():
    context.configure(url=config.get_main_option("sqlalchemy.url"), target_metadata=Base.metadata, literal_binds=True)
    with context.begin_transaction():
        context.run_migrations()
else:
    engine = engine_from_config(
        config.get_section(config.config_ini_section), prefix="sqlalchemy.", poolclass=pool.NullPool
    )
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata)
        with context.begin_transaction():
            context.run_migrations()
