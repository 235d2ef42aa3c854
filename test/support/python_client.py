"""A stock python-socketio client that tells what it sees as one JSON object per line.

Usage: python_client.py URL TRANSPORT USER
Binary is told as {"bytes": [..]}.
"""

import json
import sys
import threading

import socketio

url, transport, user = sys.argv[1:4]
client = socketio.Client()
# Handlers run in threads of their own.
one_at_a_time = threading.Lock()


def readable(value):
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": list(value)}
    if isinstance(value, dict):
        return {key: readable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [readable(item) for item in value]
    return value


def tell(event, *args):
    with one_at_a_time:
        print(json.dumps({"event": event, "args": readable(list(args))}), flush=True)


@client.on("connect_error")
def on_connect_error(*args):
    tell("connect_error", *args)


@client.on("disconnect")
def on_disconnect(*args):
    tell("disconnect")


@client.on("server:disconnect")
def on_server_disconnect(error):
    tell("server:disconnect", error)


@client.on("news")
def on_news(*args):
    tell("news", *args)


@client.on("mirror")
def on_mirror(*args):
    return args


try:
    client.connect(url, auth={"user": user}, transports=[transport], wait_timeout=1)
except socketio.exceptions.ConnectionError:
    sys.exit(3)

tell("connect", client.get_sid())
tell("joined", client.call("room:join", {"room": "lobby"}, timeout=10))
publication = {"room": "lobby", "event": "news", "args": [b"\x00\x01\xff", {"n": 1}], "echo": True}
tell("emitted", client.call("room:emit", publication, timeout=10))
tell("refused", client.call("room:join", {"room": "not a name"}, timeout=10))
# Returns when the connection has ended and the client does not try again.
client.wait()
tell("over")
