"""Reads records as confluent-kafka's deserializers do, and prints each value in a form that keeps its type."""
import datetime
import decimal
import json
import struct
import sys
import uuid

from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import any_pb2, duration_pb2, empty_pb2, field_mask_pb2, struct_pb2, timestamp_pb2, wrappers_pb2  # noqa: F401
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
MICROSECOND = datetime.timedelta(microseconds=1)


def typed(value):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return "i%d" % value
    if isinstance(value, float):
        return "d" + ("NaN" if value != value else struct.pack(">d", value).hex())
    if isinstance(value, bytes):
        return "b" + value.hex()
    if isinstance(value, uuid.UUID):
        return "s" + str(value)
    if isinstance(value, str):
        return "s" + value
    if isinstance(value, decimal.Decimal):
        return "D" + format(value, "f")
    if isinstance(value, datetime.datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return "T%d" % ((aware - EPOCH) // MICROSECOND)
    if isinstance(value, datetime.date):
        return "T%d" % ((value - EPOCH.date()) // MICROSECOND)
    if isinstance(value, datetime.time):
        seconds = (value.hour * 60 + value.minute) * 60 + value.second
        return "T%d" % (seconds * 1000000 + value.microsecond)
    if isinstance(value, dict):
        return {key: typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [typed(item) for item in value]
    raise TypeError(type(value))


def message_class(descriptor, message):
    file = json_format.ParseDict(descriptor, descriptor_pb2.FileDescriptorProto())
    pool = descriptor_pool.Default()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(message))


def main():
    client = SchemaRegistryClient({"url": sys.argv[1]})
    avro = AvroDeserializer(client)
    schemas = {}
    for line in sys.stdin:
        case = json.loads(line)
        data = bytes.fromhex(case["record"])
        context = SerializationContext(case["topic"], MessageField.VALUE)
        if case["type"] == "AVRO":
            value = typed(avro(data, context))
        elif case["type"] == "JSON":
            value = typed(JSONDeserializer(None, schema_registry_client=client)(data, context))
        else:
            name = case["message"]
            if name not in schemas:
                conf = {"use.deprecated.format": False}
                schemas[name] = ProtobufDeserializer(message_class(case["descriptor"], name), conf)
            value = json_format.MessageToDict(schemas[name](data, context))
        print(json.dumps(value))


main()
