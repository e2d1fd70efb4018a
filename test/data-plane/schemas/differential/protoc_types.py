"""Compiles sets of .proto files by protoc and tells what each field is.

Reads a JSON object a line, {"files": {name: text}}, and answers with a line each: {"texts": the files as protoc took
them, "fields": {file: {message: {field: description}}}}. A line that holds a name that protoc does not find is taken
out of its file, and the rest is compiled again. Where that comes to no end, the answer holds nothing.
"""

import json
import os
import re
import sys
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.descriptor import FieldDescriptor
from grpc_tools import protoc

ROUNDS = 60
SCALARS = {
    getattr(FieldDescriptor, name): name[len("TYPE_") :].lower() for name in dir(FieldDescriptor) if name.startswith("TYPE_")
}


def compile_once(folder, names):
    """Gives the descriptors, or the text of protoc's errors."""
    target = os.path.join(folder, "out.bin")
    errors = os.path.join(folder, "errors.txt")
    saved = os.dup(2)
    with open(errors, "wb") as sink:
        os.dup2(sink.fileno(), 2)
        try:
            code = protoc.main(["protoc", "-I" + folder, "--include_imports", "--descriptor_set_out=" + target, *names])
        finally:
            os.dup2(saved, 2)
            os.close(saved)
    if code != 0:
        with open(errors, encoding="utf8") as told:
            return None, told.read()
    files = descriptor_pb2.FileDescriptorSet()
    with open(target, "rb") as made:
        files.ParseFromString(made.read())
    return files, ""


def compile_files(texts):
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(ROUNDS):
            for name, text in texts.items():
                with open(os.path.join(folder, name), "w", encoding="utf8") as file:
                    file.write(text)
            files, errors = compile_once(folder, list(texts))
            if files is not None:
                return files
            if not take_out(texts, errors):
                return None
        return None


def take_out(texts, errors):
    """Takes out the lines that errors name; those of maps name none, or another. False when there are none."""
    bad = {(name, int(line)) for name, line in re.findall(r"^\S*?(\w+\.proto):(\d+):\d+: ", errors, re.M)}
    for name, wrong in re.findall(r'^\S*?(\w+\.proto)(?::\d+:\d+)?: "([^"]+)"', errors, re.M):
        for number, line in enumerate(texts[name].split("\n"), 1):
            if f", {wrong}> " in line:
                bad.add((name, number))
    if not bad:
        # Errors of a map's value name no line, and some the type that was found, not the name that was written.
        for name in re.findall(r"(\w+\.proto): ", errors):
            lines = texts[name].split("\n")
            bad.update((name, number) for number, line in enumerate(lines, 1) if line.startswith("map<"))
    for name, text in list(texts.items()):
        lines = text.split("\n")
        texts[name] = "\n".join("" if (name, number) in bad and " = " in line else line for number, line in enumerate(lines, 1))
    return len(bad) > 0


def type_of(field):
    if field.message_type is not None:
        return field.message_type.full_name
    if field.enum_type is not None:
        return field.enum_type.full_name
    return SCALARS[field.type]


def describe(field):
    entry = field.message_type if field.message_type is not None and field.message_type.GetOptions().map_entry else None
    value = field if entry is None else entry.fields_by_name["value"]
    repeated = field.is_repeated if hasattr(field, "is_repeated") else field.label == FieldDescriptor.LABEL_REPEATED
    required = field.is_required if hasattr(field, "is_required") else field.label == FieldDescriptor.LABEL_REQUIRED
    return {
        "number": field.number,
        "type": type_of(value),
        "keyType": None if entry is None else type_of(entry.fields_by_name["key"]),
        "isRepeated": repeated and entry is None,
        "isRequired": required,
        "jsonName": field.json_name,
        "hasPresence": field.has_presence,
        "isPacked": field.is_packed if hasattr(field, "is_packed") else None,
        "isDelimited": field.type == FieldDescriptor.TYPE_GROUP,
        "isClosed": None if value.enum_type is None else value.enum_type.is_closed,
    }


def messages_of(scope, found):
    for message in scope:
        if message.GetOptions().map_entry:
            continue
        found[message.full_name] = {field.name: describe(field) for field in message.fields}
        messages_of(message.nested_types, found)


def main():
    for line in sys.stdin:
        texts = json.loads(line)["files"]
        files = compile_files(texts)
        if files is None:
            print(json.dumps({"texts": {}, "fields": {}}), flush=True)
            continue
        pool = descriptor_pool.DescriptorPool()
        names = [file.name for file in files.file if pool.Add(file) is None or True]
        fields = {}
        for name in names:
            fields[name] = {}
            messages_of(pool.FindFileByName(name).message_types_by_name.values(), fields[name])
        print(json.dumps({"texts": texts, "fields": fields}), flush=True)


main()
