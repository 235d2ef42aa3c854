"""Starts the shop and the gateway in front of it: `python3 src/run.py`."""

import base64
import hashlib
import os
import pathlib
import re
import secrets
import signal
import subprocess
import sys

from shop import Gateway, Shop, serve

MAIN = pathlib.Path(__file__).resolve().parents[3] / "dist" / "main.js"


def main():
    secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    api_key = "sbk_" + secrets.token_urlsafe(32)
    shop = Shop()
    gateway = Gateway(shop, secret, api_key)
    url = serve(shop, gateway, int(os.environ.get("SHOP_PORT", "8000")))

    process = subprocess.Popen(
        ["node", str(MAIN)],
        stdout=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            # The browser sends the shop's cookie to the gateway: same host, whatever the port.
            "SWITCHBOARD_CORS_ORIGINS": url,
            "SWITCHBOARD_HANDLERS": f"@connect={url}/gateway,@join:order:*={url}/gateway,order:*={url}/gateway",
            "SWITCHBOARD_HANDLER_HEADERS": "cookie",
            "SWITCHBOARD_HANDLER_SECRET": secret,
            "SWITCHBOARD_API_KEYS": f"shop:{hashlib.sha256(api_key.encode()).hexdigest()}:emit",
        },
    )
    signal.signal(signal.SIGTERM, lambda *_: process.terminate())
    signal.signal(signal.SIGINT, lambda *_: process.terminate())
    for line in process.stdout:
        listening = re.search(r"listening on (http://[^\s\"]+)", line)
        if listening and gateway.url is None:
            gateway.url = listening[1]
            print(f"gateway: {gateway.url}\nshop: {url}", flush=True)
        else:
            sys.stdout.write(line)
            sys.stdout.flush()
    return process.wait()


if __name__ == "__main__":
    sys.exit(main())
