#!/usr/bin/env python3
"""A daemon that only answers: the client's tests against canned answers on a unix socket.

Usage: fake_daemon.py SOCKET ANSWERS. ANSWERS is a JSON object "METHOD PATH" -> [status, body]; a list of such pairs is given out one after
the other, the last one for ever. What was asked with a body is printed, so that a test can look at it.
"""
import http.server
import json
import os
import socketserver
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    """Looks the request up in the table."""

    protocol_version = "HTTP/1.1"
    answers = {}

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if body:
            print(self.command, self.path, body.decode(), flush=True)
        found = self.answers.get(f"{self.command} {self.path}")
        if found is None:
            found = [404, {"status": 404, "detail": f"no canned answer for {self.command} {self.path}"}]
        elif found and isinstance(found[0], list):
            found = found.pop(0) if len(found) > 1 else found[0]
        text = json.dumps(found[1]).encode()
        self.send_response(found[0])
        self.send_header("Content-Type", "application/json" if found[0] < 400 else "application/problem+json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_PUT = do_POST = do_DELETE = answer

    def address_string(self):
        return "client"

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """HTTP on a unix socket."""

    daemon_threads = True


def main():
    path = sys.argv[1]
    with open(sys.argv[2], encoding="utf-8") as file:
        Handler.answers = json.load(file)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Server(path, Handler).serve_forever()


if __name__ == "__main__":
    main()
