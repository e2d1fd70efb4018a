import { WireReader } from './wire-reader.ts';
import type { ApiVersion } from './wire-request.ts';

/** DescribeConfigs. Brokers from 1.1 to 4.x know version 1. */
export const topicConfigVersion: ApiVersion = { apiKey: 32, apiVersion: 1, flexible: false };

/** Kafka's number for a topic among the things that have settings. */
const topicResource = 2;

/** The body of a request for some settings of one topic. */
export function encodeTopicConfigRequest(topic: string, names: readonly string[], headroomBytes: number): Buffer {
  const namesBytes = names.reduce((bytes, name) => bytes + 2 + Buffer.byteLength(name), 0);
  const buffer = Buffer.alloc(headroomBytes + 12 + Buffer.byteLength(topic) + namesBytes);
  let at = buffer.writeInt32BE(1, headroomBytes); // one resource
  at = buffer.writeInt8(topicResource, at);
  at = writeString(buffer, at, topic);
  at = buffer.writeInt32BE(names.length, at);
  for (const name of names) at = writeString(buffer, at, name);
  buffer.writeUInt8(0, at); // without the places that it could come from
  return buffer;
}

/**
 * Decodes the body of the response.
 * @returns the settings' texts by name, without those that the broker does not tell, for want of permission most likely
 * @throws RangeError when it is cut short
 */
export function decodeTopicConfigResponse(body: Buffer): ReadonlyMap<string, string> {
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
  const texts = new Map<string, string>();
  for (const { name, value } of settings.flat()) if (name !== null && value !== null) texts.set(name, value);
  return texts;
}

function writeString(buffer: Buffer, at: number, text: string): number {
  const start = buffer.writeInt16BE(Buffer.byteLength(text), at);
  return start + buffer.write(text, start);
}
