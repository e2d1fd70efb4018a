import { WireReader } from './wire-reader.ts';
import type { ApiVersion } from './wire-request.ts';

/** DescribeConfigs. Brokers from 1.1 to 4.x know version 1. */
export const topicConfigVersion: ApiVersion = { apiKey: 32, apiVersion: 1, flexible: false };

/** Kafka's number for a topic among the things that have settings. */
const topicResource = 2;

/** The body of a request for one setting of one topic. */
export function encodeTopicConfigRequest(topic: string, name: string, headroomBytes: number): Buffer {
  const buffer = Buffer.alloc(headroomBytes + 14 + Buffer.byteLength(topic) + Buffer.byteLength(name));
  let at = buffer.writeInt32BE(1, headroomBytes); // one resource
  at = buffer.writeInt8(topicResource, at);
  at = writeString(buffer, at, topic);
  at = buffer.writeInt32BE(1, at); // one setting
  at = writeString(buffer, at, name);
  buffer.writeUInt8(0, at); // without the places that it could come from
  return buffer;
}

/**
 * Decodes the body of the response.
 * @returns the setting's text; null when the broker does not tell it, for want of permission most likely
 * @throws RangeError when it is cut short
 */
export function decodeTopicConfigResponse(body: Buffer, name: string): string | null {
  const reader = new WireReader(body);
  reader.int32(); // throttle time
  const settings = reader.array(() => {
    reader.int16(); // error: there are no settings then
    reader.string(); // its message
    reader.int8(); // type of resource
    reader.string(); // topic
    return reader.array(() => {
      const setting = { name: reader.string(), value: reader.string() };
      reader.skip(3); // read-only, source, sensitive
      reader.array(() => [reader.string(), reader.string(), reader.int8()]); // the places that it could come from
      return setting;
    });
  });
  return settings.flat().find((setting) => setting.name === name)?.value ?? null;
}

function writeString(buffer: Buffer, at: number, text: string): number {
  const start = buffer.writeInt16BE(Buffer.byteLength(text), at);
  return start + buffer.write(text, start);
}
