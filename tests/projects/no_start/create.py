"""The application's own first table: `python -m create`, with the database's URL in SHOP_DB."""

import os
import sys

from sqlalchemy import create_engine, text


def main():
    engine = create_engine(os.environ["SHOP_DB"])
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE customer (id serial PRIMARY KEY, name varchar(100) NOT NULL)"))
        for one in sys.argv[1:]:
            connection.execute(text(one))


if __name__ == "__main__":
    main()
