"""A client of the Slipway daemon written only from docs/protocol.md.

Usage: second_client.py SLIPWAY_COMMAND_AS_JSON MODEL

Finds or starts the daemon, shakes hands, opens a model, decodes the columns of its graph, reads a tensor,
runs a benchmark with progress, cancels another one, and provokes errors. Prints what it saw as one JSON document.
"""

import asyncio
import json
import pathlib
import struct
import subprocess
import sys
import time

import websockets


class RequestFailed(Exception):
    def __init__(self, error):
        super().__init__(error["message"])
        self.code = error["code"]
        self.name = (error.get("data") or {}).get("name")


class Client:
    def __init__(self, socket):
        self.socket = socket
        self.next_id = 1
        self.pending = {}
        self.frames = {}
        self.listeners = {}
        self.notifications = []
        self.reading = asyncio.create_task(self.read())

    async def read(self):
        async for message in self.socket:
            if isinstance(message, bytes):
                if message[0] == 1:
                    (frame_id,) = struct.unpack_from("<I", message, 4)
                    self.frames[frame_id] = message[8:]
                continue
            message = json.loads(message)
            if "method" in message:
                if message["method"] == "$/progress":
                    listener = self.listeners.get(message["params"]["token"])
                    if listener:
                        listener(message["params"]["value"])
                else:
                    self.notifications.append(message["method"])
                continue
            waiting = self.pending.pop(message.get("id"), None)
            if waiting is None:
                continue
            if "error" in message:
                waiting.set_exception(RequestFailed(message["error"]))
            else:
                waiting.set_result(message["result"])

    async def begin(self, method, params):
        request_id = self.next_id
        self.next_id += 1
        answer = asyncio.get_running_loop().create_future()
        self.pending[request_id] = answer
        await self.socket.send(
            json.dumps({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params})
        )
        return request_id, answer

    async def ask(self, method, params=None):
        _, answer = await self.begin(method, params or {})
        return await answer

    async def notify(self, method, params):
        await self.socket.send(json.dumps({"jsonrpc": "2.0", "method": method, "params": params}))

    def take(self, reference):
        payload = self.frames.pop(reference["frame"])
        assert len(payload) == reference["byteLength"]
        return payload


def decode_columns(payload):
    (header_length,) = struct.unpack_from("<I", payload, 0)
    header = json.loads(payload[4 : 4 + header_length])
    formats = {"int32": "i", "float32": "f", "float64": "d", "uint8": "B"}
    columns = {}

    def texts_at(offset, length):
        ends = struct.unpack_from(f"<{length + 1}i", payload, offset)
        start = offset + 4 * (length + 1)
        return [payload[start + ends[i] : start + ends[i + 1]].decode() for i in range(length)]

    for column in header["columns"]:
        offset, length = column["offset"], column["length"]
        if column["type"] == "strings":
            columns[column["name"]] = texts_at(offset, length)
        elif column["type"] == "dictionary":
            texts = texts_at(offset + 4 * length, column["texts"])
            rows = struct.unpack_from(f"<{length}i", payload, offset)
            columns[column["name"]] = [texts[row] for row in rows]
        else:
            columns[column["name"]] = list(
                struct.unpack_from(f"<{length}{formats[column['type']]}", payload, offset)
            )
    return columns


def find_daemon(command):
    """Section 1: the command prints one line, whether it started a daemon or found one."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    line = json.loads(process.stdout.readline())
    with open(line["file"], encoding="utf-8") as file:
        return json.load(file)


async def main():
    command = json.loads(sys.argv[1])
    uri = pathlib.Path(sys.argv[2]).resolve().as_uri()
    daemon = find_daemon(command)
    seen = {"websockets": websockets.__version__, "processId": daemon["processId"]}

    # The protocol wants no Origin, no compression, no limit on what the daemon sends; loopback needs no proxy.
    async with websockets.connect(
        f"ws://127.0.0.1:{daemon['port']}/",
        subprotocols=["slipway.v1"],
        origin=None,
        compression=None,
        max_size=None,
        proxy=None,
    ) as socket:
        hello = json.loads(await socket.recv())
        assert hello["method"] == "slipway/hello"
        seen["hello"] = hello["params"]
        client = Client(socket)
        version = hello["params"]["protocolVersion"]
        seen["welcome"] = await client.ask(
            "slipway/handshake",
            {"protocolVersion": version, "token": daemon["token"], "client": "second client"},
        )

        opened = await client.ask("slipway/open", {"uri": uri})
        inspection = opened["inspection"]
        seen["ops"] = inspection["ops"]
        seen["parameters"] = inspection["parameters"]
        seen["diagnostics"] = inspection["diagnostics"]

        graph = await client.ask("slipway/graph", {"uri": uri, "revision": opened["revision"]})
        columns = decode_columns(client.take(graph["columns"]))
        seen["nodes"], seen["edges"] = graph["nodes"], graph["edges"]
        seen["columns"] = sorted(columns)
        seen["operators"] = [op for op, kind in zip(columns["op"], columns["kind"]) if kind == 0]
        seen["flow"] = [
            [columns["name"][a], columns["value"][e], columns["name"][b], columns["label"][e]]
            for e, (a, b) in enumerate(zip(columns["source"], columns["target"]))
        ]
        seen["weights"] = columns["weights"]

        node = await client.ask("slipway/node", {"uri": uri, "index": 0})
        weight = next(value["initializer"] for value in node["inputs"] if "initializer" in value)
        tensor = await client.ask("slipway/tensor", {"uri": uri, "name": weight["name"], "start": 0, "count": 3})
        seen["tensor"] = {
            "dtype": tensor["dtype"],
            "shape": tensor["shape"],
            "values": list(struct.unpack("<3f", client.take(tensor["data"]))),
        }

        reports = []
        client.listeners["bench"] = reports.append
        result = await client.ask(
            "slipway/benchmark", {"uris": [uri], "maxSeconds": 1, "progressToken": "bench"}
        )
        seen["benchmark"] = result["results"]
        seen["machine"] = result["machine"]
        seen["stages"] = sorted({report["stage"] for report in reports})
        seen["rows"] = sum("row" in report for report in reports)

        started = asyncio.Event()
        client.listeners["long"] = lambda report: started.set() if "row" in report else None
        request_id, answer = await client.begin(
            "slipway/benchmark",
            {"uris": [uri], "maxSeconds": 120, "minSamples": 100000000, "progressToken": "long"},
        )
        await started.wait()
        began = time.monotonic()
        await client.notify("$/cancelRequest", {"id": request_id})
        try:
            await answer
            seen["cancelled"] = None
        except RequestFailed as error:
            seen["cancelled"] = {"code": error.code, "name": error.name, "seconds": time.monotonic() - began}

        seen["errors"] = []
        for method, params in [
            ("slipway/open", {"uri": uri + ".missing"}),
            ("slipway/benchmark", {"uris": []}),
            ("slipway/nonsense", {}),
        ]:
            try:
                await client.ask(method, params)
            except RequestFailed as error:
                seen["errors"].append({"code": error.code, "name": error.name, "message": str(error)})
        await client.ask("slipway/close", {"uri": uri})
        client.reading.cancel()
    print(json.dumps(seen))


asyncio.run(main())
