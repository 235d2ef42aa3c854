"""The same as client.py with the AsyncClient of python-socketio, which needs aiohttp."""

import asyncio
import base64
import json
import sys

import socketio


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
    print(json.dumps({"event": event, "args": readable(args)}), flush=True)


async def connect(client, url, transport, auth=None, headers=None, query=None):
    transports = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}
    try:
        await client.connect(
            url + ("?token=" + query["token"] if query else ""),
            auth=auth,
            headers=headers or {},
            transports=transports[transport],
            wait_timeout=10,
        )
    except socketio.exceptions.ConnectionError as error:
        tell("gave up", str(error))


async def main():
    client = socketio.AsyncClient()

    @client.on("connect")
    async def on_connect():
        tell("connect", client.get_sid())

    @client.on("connect_error")
    async def on_connect_error(*args):
        tell("connect_error", *args)

    @client.on("disconnect")
    async def on_disconnect(*reason):
        tell("disconnect", *reason)

    @client.on("*")
    async def on_event(event, *args):
        tell(event, *args)
        if event == "decode":
            return args[0], base64.b64decode(args[1])
        return args if event == "mirror" else None

    def answered(*answer):
        tell("answer", *answer)

    lines = asyncio.StreamReader(limit=16 * 1024 * 1024)
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        order = json.loads(line)
        if order["do"] == "connect":
            await connect(client, **order["how"])
        elif order["do"] == "request":
            await client.emit(order["event"], tuple(binary(order["args"])), callback=answered)
    await client.disconnect()


asyncio.run(main())
