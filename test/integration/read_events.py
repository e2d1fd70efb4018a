"""Reads records with the CloudEvents SDK and prints what it sees: read_events.py MODE RECORDS."""

import base64
import json
import sys

from cloudevents.kafka import KafkaMessage, from_binary, from_structured

mode, records = sys.argv[1], json.loads(sys.argv[2])
read = from_binary if mode == "binary" else from_structured


def plain(data):
    return base64.b64encode(data).decode() if isinstance(data, bytes) else data


seen = []
for record in records:
    headers = {name: text.encode() for name, text in record["headers"].items()}
    value = None if record["value"] is None else base64.b64decode(record["value"])
    key = None if record["key"] is None else record["key"].encode()
    kind = headers.get("content-type", b"").decode()
    is_json = mode == "structured" or kind == "application/json"
    unmarshaller = json.loads if is_json else (lambda data: data)
    message = KafkaMessage(headers, key, value)
    if mode == "binary":
        event = read(message, data_unmarshaller=unmarshaller)
    else:
        event = read(message)
    seen.append({
        "id": event["id"],
        "source": event["source"],
        "type": event["type"],
        "subject": event.get("subject"),
        "data": plain(event.get_data()),
    })
print(json.dumps(seen))
