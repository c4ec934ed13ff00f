"""Logs in with psycopg, and says who PostgreSQL thinks it is, or with which error that failed. Arguments: connection strings."""

import sys

import psycopg

for dsn in sys.argv[1:]:
    try:
        with psycopg.connect(dsn) as connection:
            print(connection.execute("SELECT session_user").fetchone()[0])
    except psycopg.Error as error:
        print(str(error).replace("\n", " "))
