"""Reads Avro messages whose schemas are in a registry, with Confluent's client and fastavro, and prints them in Avro's JSON
encoding, where the value of a union says its type.

consume BROKER REGISTRY TOPICS COUNT WITHIN_S   that many messages of the topics (a|b) from their beginning: key TAB value
decode REGISTRY                                messages on stdin, a line each: base64 [TAB base64 of the schema of the reader]
"""

import base64
import io
import json
import sys
import time
import uuid

import fastavro
from confluent_kafka import Consumer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext


def in_words(value, schema):
    out = io.StringIO()
    fastavro.json_writer(out, schema, [value], write_union_type=True)
    return json.dumps(json.loads(out.getvalue()), separators=(",", ":"), ensure_ascii=False)


class Reader:
    def __init__(self, registry):
        self.client = SchemaRegistryClient({"url": registry})
        self.deserializer = AvroDeserializer(self.client)
        self.schemas = {}

    def writer(self, message):
        number = int.from_bytes(message[1:5], "big")
        if number not in self.schemas:
            text = self.client.get_schema(number).schema_str
            self.schemas[number] = fastavro.parse_schema(json.loads(text))
        return self.schemas[number]

    def text(self, message, topic="", field=MessageField.VALUE, reader=None):
        if message is None:
            return "null"
        try:
            writer = self.writer(message)
            if reader is None:
                # As a consumer of Confluent's gets it.
                value = self.deserializer(message, SerializationContext(topic, field))
                return in_words(value, writer)
            value = fastavro.schemaless_reader(io.BytesIO(message[5:]), writer, reader)
            return in_words(value, reader)
        except Exception as error:
            return f"error: {error}".replace("\n", " ")


def consume(broker, registry, topics, count, within):
    reader = Reader(registry)
    group = str(uuid.uuid4())
    consumer = Consumer({"bootstrap.servers": broker, "group.id": group, "auto.offset.reset": "earliest"})
    consumer.subscribe(topics.split("|"))
    deadline = time.monotonic() + float(within)
    left = int(count)
    while left > 0 and time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is None or message.error():
            continue
        left -= 1
        key = reader.text(message.key(), message.topic(), MessageField.KEY)
        print(f"{key}\t{reader.text(message.value(), message.topic())}", flush=True)
    consumer.close()


def decode(registry):
    reader = Reader(registry)
    for line in sys.stdin:
        message, *schema = [base64.b64decode(part) for part in line.rstrip("\n").split("\t")]
        print(reader.text(message, reader=fastavro.parse_schema(json.loads(schema[0])) if schema else None), flush=True)


{"consume": consume, "decode": decode}[sys.argv[1]](*sys.argv[2:])
