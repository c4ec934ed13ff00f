"""What programs in Python do with a changefeed: read five rows while another connection writes, leave it, go on.

Arguments: port. One line of output for each way.
"""

import asyncio
import sys
import threading

import asyncpg
import psycopg
from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

PORT = sys.argv[1]
DSN = f"host=127.0.0.1 port={PORT} user=root dbname=defaultdb"
URL = f"root@127.0.0.1:{PORT}/defaultdb"
FEED = "EXPERIMENTAL CHANGEFEED FOR drivers WITH initial_scan = 'no'"
done = threading.Event()


def write():
    with psycopg.connect(DSN, autocommit=True) as connection:
        i = 0
        while not done.wait(0.01):
            i += 1
            connection.execute("UPSERT INTO drivers VALUES (%s)", (i % 20,))


def psycopg_stream(autocommit, binary):
    with psycopg.connect(DSN, autocommit=autocommit) as connection:
        count = 0
        for table, key, value in connection.cursor(binary=binary).stream(FEED):
            count += 1
            if count == 5:
                break
        connection.rollback()
        return f"{table} {value[:10].decode()} {count}, then {connection.execute('SELECT 1').fetchone()[0]}"


def psycopg_cancel():
    with psycopg.connect(DSN) as connection:
        threading.Timer(0.5, connection.cancel_safe).start()
        try:
            connection.execute(FEED)
            return "it ended"
        except psycopg.errors.QueryCanceled as error:
            connection.rollback()
            return f"{error.sqlstate}, then {connection.execute('SELECT 1').fetchone()[0]}"


def psycopg_named():
    with psycopg.connect(DSN) as connection:
        try:
            connection.cursor("named").execute(FEED)
            return "accepted"
        except psycopg.errors.FeatureNotSupported as error:
            connection.rollback()
            hint = "stream()" in (error.diag.message_hint or "")
            return f"{error.sqlstate}, hint: {hint}, then {connection.execute('SELECT 1').fetchone()[0]}"


def sqlalchemy_stream():
    engine = create_engine(f"postgresql+psycopg://{URL}")
    with engine.connect() as connection:
        try:
            connection.execution_options(stream_results=True).execute(text(FEED))
            return "accepted"
        except Exception as error:
            connection.rollback()
            return f"{error.orig.sqlstate}, then {connection.execute(text('SELECT 1')).scalar()}"


async def asyncpg_cursor(prefetch):
    connection = await asyncpg.connect(host="127.0.0.1", port=int(PORT), user="root", database="defaultdb")
    async with connection.transaction():
        count = 0
        async for _ in connection.cursor(FEED, prefetch=prefetch):
            count += 1
            if count == 5:
                break
    answer = f"{count}, then {await connection.fetchval('SELECT 1')}"
    await connection.close()
    return answer


async def asyncpg_timeout():
    connection = await asyncpg.connect(host="127.0.0.1", port=int(PORT), user="root", database="defaultdb")
    try:
        await connection.fetch(FEED, timeout=0.5)
        return "it ended"
    except TimeoutError:
        answer = f"timeout, then {await connection.fetchval('SELECT 1')}"
    await connection.close()
    return answer


async def sqlalchemy_asyncpg():
    engine = create_async_engine(f"postgresql+asyncpg://{URL}")
    async with engine.connect() as connection:
        result = await (await connection.execution_options(max_row_buffer=1)).stream(text(FEED))
        count = 0
        async for _ in result:
            count += 1
            if count == 5:
                break
        await result.close()
        await connection.rollback()
        answer = f"{count}, then {(await connection.execute(text('SELECT 1'))).scalar()}"
    await engine.dispose()
    return answer


with psycopg.connect(DSN, autocommit=True) as setup:
    setup.execute("CREATE TABLE drivers (a INT PRIMARY KEY)")
writer = threading.Thread(target=write)
writer.start()
try:
    print("psycopg, stream:", psycopg_stream(True, True))
    print("psycopg, stream in a transaction:", psycopg_stream(False, True))
    print("psycopg, cancel:", psycopg_cancel())
    print("psycopg, named cursor:", psycopg_named())
    print("SQLAlchemy, psycopg, stream_results:", sqlalchemy_stream())
    print("asyncpg, cursor:", asyncio.run(asyncio.wait_for(asyncpg_cursor(1), 20)))
    print("asyncpg, cursor of fifty rows:", asyncio.run(asyncio.wait_for(asyncpg_cursor(50), 20)))
    print("asyncpg, timeout:", asyncio.run(asyncio.wait_for(asyncpg_timeout(), 20)))
    print("SQLAlchemy, asyncpg, stream:", asyncio.run(asyncio.wait_for(sqlalchemy_asyncpg(), 20)))
finally:
    done.set()
    writer.join()
