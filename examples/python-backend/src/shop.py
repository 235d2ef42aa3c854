"""A shop in plain Python: the gateway asks it who a client is, hands it what clients send, and pushes for it.

Nothing but the standard library. Not for production: sessions and orders are in memory.
"""

import base64
import hashlib
import hmac
import json
import pathlib
import secrets
import threading
import time
import urllib.request
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = pathlib.Path(__file__).with_name("page.html")
SIGNED_WITHIN_SECONDS = 300


class Refused(Exception):
    """What a client is told instead of an answer."""

    def __init__(self, status, code, message):
        super().__init__(message)
        self.status, self.code = status, code


class Shop:
    """Users, sessions, orders: what any web shop has."""

    def __init__(self):
        self.sessions = {}
        self.orders = []
        self.lock = threading.Lock()

    def log_in(self, user):
        session = secrets.token_urlsafe(16)
        self.sessions[session] = user
        return session

    def user_of(self, cookie_header):
        cookie = SimpleCookie(cookie_header or "").get("session")
        return self.sessions.get(cookie.value) if cookie else None

    def place(self, user, item):
        with self.lock:
            order = {"id": len(self.orders) + 1, "user": user, "item": item, "state": "placed"}
            self.orders.append(order)
            return order


class Gateway:
    """What the gateway asks the shop, and how the shop reaches clients through it."""

    def __init__(self, shop, secret, api_key):
        self.shop, self.api_key = shop, api_key
        self.secret = base64.b64decode(secret.removeprefix("whsec_"))
        self.url = None

    def verify(self, headers, body):
        """Standard Webhooks 1.0: an HMAC over ID, time and body, and none that is old."""
        message_id, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "0")
        if not sent_at.isdecimal() or abs(time.time() - int(sent_at)) > SIGNED_WITHIN_SECONDS:
            return False
        signed = f"{message_id}.{sent_at}.".encode() + body
        digest = base64.b64encode(hmac.digest(self.secret, signed, hashlib.sha256)).decode()
        given = headers.get("webhook-signature", "").split()
        return any(hmac.compare_digest(one, f"v1,{digest}") for one in given)

    def answer(self, message):
        return {"connect": self.connect, "event": self.event, "join": self.join}[message["type"]](message)

    def connect(self, message):
        """Who is this client? The session cookie that the page has already says it."""
        user = self.shop.user_of(message["headers"].get("cookie"))
        if user is None:
            raise Refused(401, "logged_out", "log in first")
        return {"user": user, "info": {"name": user.title()}, "rooms": ["kitchen"] if user == "cook" else []}

    def event(self, message):
        """`order:place`: the answer is the acknowledgement; the commands hold before the client has it."""
        if message["event"] != "order:place":
            raise Refused(404, "unknown", "the shop does not know this event")
        item = message["args"][0].get("item") if message["args"] else None
        if item != "tea":
            raise Refused(409, "sold_out", f"there is no {item}"[:100])
        order = self.shop.place(message["user"], item)
        return {
            "ack": order,
            "commands": [{"emit": {"to": {"rooms": ["kitchen"]}, "event": "order:new", "data": order}}],
        }

    def join(self, message):
        """May it enter `order:7`? Only whose order that is."""
        order = self.shop.orders[int(message["room"].removeprefix("order:")) - 1]
        return {"allow": ["join"] if order["user"] == message["user"] else []}

    def emit(self, to, event, data):
        """A push, whenever the shop has something to say."""
        urllib.request.urlopen(
            urllib.request.Request(
                self.url + "/v1/emit",
                json.dumps({"to": to, "event": event, "data": data}).encode(),
                {"content-type": "application/json", "authorization": f"Bearer {self.api_key}"},
            ),
            timeout=5,
        ).close()


def serve(shop, gateway, port):
    """Starts the shop; port 0 is a free one."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            page = PAGE.read_text().replace("GATEWAY", gateway.url or "")
            self.reply(200, page.encode(), {"content-type": "text/html; charset=utf-8"})

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            try:
                if self.path == "/gateway":
                    if not gateway.verify(self.headers, body):
                        raise Refused(401, "not_signed", "this is not the gateway")
                    return self.reply_json(200, gateway.answer(json.loads(body)))
                return self.of_the_page(json.loads(body))
            except Refused as no:
                self.reply_json(no.status, {"error": {"code": no.code, "message": str(no)}})
            except Exception as failure:  # the client is told handler.failed, and nothing of this
                self.log_error("%r", failure)
                self.reply_json(500, {})

        def of_the_page(self, body):
            if self.path == "/login":
                session = shop.log_in(body["user"])
                return self.reply_json(
                    200, {}, {"set-cookie": f"session={session}; HttpOnly; SameSite=Strict; Path=/"}
                )
            if self.path == "/ready":
                order = shop.orders[body["id"] - 1]
                order["state"] = "ready"
                gateway.emit({"users": [order["user"]]}, "order:ready", order)
                return self.reply_json(200, order)
            raise Refused(404, "unknown", "no such page")

        def reply_json(self, status, value, headers=None):
            self.reply(status, json.dumps(value).encode(), {"content-type": "application/json", **(headers or {})})

        def reply(self, status, body, headers):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}"
