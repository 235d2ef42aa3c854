import sys
import socketio

URL, TOKEN, ROOM = sys.argv[1:4]

client = socketio.Client()

@client.on("connect")  # after each reconnect too: a new socket is in no room
def join():
    client.emit("room:join", {"room": ROOM}, callback=lambda answer: print("joined", answer))

@client.on("news")
def show(*args):
    print("news", *args, flush=True)

client.connect(URL, auth={"token": TOKEN})
client.wait()
