import sys
import asyncio
import socketio

URL, TOKEN, ROOM = sys.argv[1:4]

async def main():
    client = socketio.AsyncClient()

    @client.on("connect")  # after each reconnect too: a new socket is in no room
    async def join():
        await client.emit("room:join", {"room": ROOM}, callback=lambda answer: print("joined", answer))

    @client.on("news")
    async def show(*args):
        print("news", *args, flush=True)

    await client.connect(URL, auth={"token": TOKEN})
    await client.wait()

asyncio.run(main())
