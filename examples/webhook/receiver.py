"""Receives the requests of a changefeed on http://127.0.0.1:3000/, and keeps the present rows of its tables in SQLite:

    python3 receiver.py [port] [file]
"""

import json
import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

port = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
file = sys.argv[2] if len(sys.argv) > 2 else "rows.db"

with sqlite3.connect(file) as database:
    database.execute(
        "CREATE TABLE IF NOT EXISTS present (topic TEXT, key TEXT, after TEXT, updated TEXT, PRIMARY KEY (topic, key))"
    )

# A deleted row stays, without its values: an older version of it may come again.
upsert = """
    INSERT INTO present VALUES (?, ?, ?, ?) ON CONFLICT (topic, key)
    DO UPDATE SET after = excluded.after, updated = excluded.updated WHERE excluded.updated > present.updated"""


class Receiver(BaseHTTPRequestHandler):
    # Connections are kept open.
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        # All messages of a request in one transaction, which is over before the request is acknowledged.
        with sqlite3.connect(file, timeout=30) as database:
            for message in body.get("payload", []):
                if "updated" not in message:
                    return self.answer(500, b"create the changefeed WITH updated")
                after = None if message["after"] is None else json.dumps(message["after"])
                database.execute(upsert, (message["topic"], json.dumps(message["key"]), after, message["updated"]))
        self.answer(200, b"")

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


server = ThreadingHTTPServer(("127.0.0.1", port), Receiver)
print("listening on port", server.server_port, flush=True)
server.serve_forever()
