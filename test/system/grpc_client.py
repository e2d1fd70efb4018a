"""Calls the service of orders.proto as a Python program does, with stubs made from the file; prints what it sees as JSON.

Arguments: the folder of orders.proto, a folder for the stubs, the address, and the certificate to trust or "".
"""

import json
import sys

import grpc
from grpc_tools import protoc

protos, stubs, address, certificate = sys.argv[1:5]
include = protoc.__file__.rsplit("/", 1)[0] + "/_proto"
code = protoc.main(
    ["", f"-I{protos}", f"-I{include}", f"--python_out={stubs}", f"--grpc_python_out={stubs}", f"{protos}/orders.proto"]
)
if code != 0:
    sys.exit(code)
sys.path.insert(0, stubs)

import orders_pb2  # noqa: E402
import orders_pb2_grpc  # noqa: E402


def open_channel():
    if certificate == "":
        return grpc.insecure_channel(address)
    with open(certificate, "rb") as pem:
        trusted = grpc.ssl_channel_credentials(pem.read())
    return grpc.secure_channel(address, trusted, options=[("grpc.ssl_target_name_override", "a.example.com")])


def seen(call):
    """The status and the trailers of a call that has ended."""
    trailers = {key: value for key, value in call.trailing_metadata() if not key.endswith("-bin")}
    return {"code": call.code().name, "message": call.details(), "trailers": trailers}


def run(method, *args, **options):
    try:
        _answer, call = method.with_call(*args, timeout=20, **options)
        return seen(call)
    except grpc.RpcError as error:
        return seen(error)


def order(name):
    return orders_pb2.Order(id=name, quantity=2)


with open_channel() as channel:
    orders = orders_pb2_grpc.OrdersStub(channel)
    print(
        json.dumps(
            {
                "unary": run(orders.Send, order("python unary")),
                "gzip": run(orders.Send, order("python gzip " + "x" * 500), compression=grpc.Compression.Gzip),
                "stream": run(orders.SendAll, (order(f"python {number}") for number in range(100))),
                "absent": run(orders.Absent, order("absent")),
                "missing": run(orders.Missing, order("missing")),
            }
        )
    )
