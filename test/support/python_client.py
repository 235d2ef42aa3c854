"""A stock python-socketio client that tells what it sees as one JSON object per line.

Usage: python_client.py URL TRANSPORT USER [tour|positions]
Binary is told as {"bytes": [..]}.
"""

import json
import sys
import threading

import socketio

url, transport, user = sys.argv[1:4]
script = sys.argv[4] if len(sys.argv) > 4 else "tour"
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
    if args and isinstance(args[-1], dict) and "offset" in args[-1]:
        last_position.update(args[-1])
        has_news.set()


@client.on("mirror")
def on_mirror(*args):
    return args


last_position = {}
has_news = threading.Event()


def connect():
    client.connect(url, auth={"user": user}, transports=[transport], wait_timeout=1)


def positions():
    """Joins with positions, goes away after the first publication, and resumes when it is told to."""
    tell("joined", client.call("room:join", {"room": "lobby", "meta": True}, timeout=10))
    has_news.wait()
    loops = [client.eio.read_loop_task, client.eio.write_loop_task]
    client.disconnect()
    # It does not wait for its own loops, and one that is late would take the next connection for its own.
    for loop in loops:
        loop.join()
    tell("away")
    sys.stdin.readline()
    connect()
    since = {"epoch": last_position["epoch"], "offset": last_position["offset"]}
    tell("resumed", client.call("room:join", {"room": "lobby", "meta": True, "since": since}, timeout=10))
    client.wait()


try:
    connect()
except socketio.exceptions.ConnectionError:
    sys.exit(3)

tell("connect", client.get_sid())
if script == "positions":
    positions()
    sys.exit(0)
tell("joined", client.call("room:join", {"room": "lobby"}, timeout=10))
publication = {"room": "lobby", "event": "news", "args": [b"\x00\x01\xff", {"n": 1}], "echo": True}
tell("emitted", client.call("room:emit", publication, timeout=10))
tell("refused", client.call("room:join", {"room": "not a name"}, timeout=10))
# Returns when the connection has ended and the client does not try again.
client.wait()
tell("over")
