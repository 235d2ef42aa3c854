"""A stock python-socketio client that does as it is told on standard input and tells what it sees, in JSON lines.

Binary is told as {"$base64": "…"}, in both directions. The orders are in ../driver.ts.
"""

import base64
import json
import sys
import threading

import socketio

# Handlers run in threads of their own.
one_at_a_time = threading.Lock()
client = socketio.Client()


def readable(value):
    if isinstance(value, (bytes, bytearray)):
        return {"$base64": base64.b64encode(value).decode()}
    if isinstance(value, dict):
        return {key: readable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [readable(item) for item in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def binary(value):
    if isinstance(value, dict):
        if "$base64" in value:
            return base64.b64decode(value["$base64"])
        return {key: binary(item) for key, item in value.items()}
    return [binary(item) for item in value] if isinstance(value, list) else value


def tell(event, *args):
    with one_at_a_time:
        print(json.dumps({"event": event, "args": readable(args)}), flush=True)


@client.on("connect")
def on_connect():
    tell("connect", client.get_sid())


@client.on("connect_error")
def on_connect_error(*args):
    tell("connect_error", *args)


@client.on("disconnect")
def on_disconnect(*reason):
    tell("disconnect", *reason)


@client.on("*")
def on_event(event, *args):
    tell(event, *args)
    if event == "decode":
        return args[0], base64.b64decode(args[1])
    return args if event == "mirror" else None


def connect(url, transport, auth=None, headers=None, query=None):
    transports = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}
    try:
        client.connect(
            url + ("?token=" + query["token"] if query else ""),
            auth=auth,
            headers=headers or {},
            transports=transports[transport],
            wait_timeout=10,
        )
    except socketio.exceptions.ConnectionError as error:
        tell("gave up", str(error))


for line in sys.stdin:
    order = json.loads(line)
    if order["do"] == "connect":
        connect(**order["how"])
    elif order["do"] == "request":
        args = tuple(binary(order["args"]))
        client.emit(order["event"], args, callback=lambda *answer: tell("answer", *answer))
client.disconnect()
