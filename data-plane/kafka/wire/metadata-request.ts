import { unsignedVarintBytes, WireReader, writeUnsignedVarint } from './wire-reader.ts';
import type { ApiVersion, HighestVersion } from './wire-request.ts';

const apiKey = 3;
/** With topic ids that are asked for by name: brokers from 3.1 on. */
const withIds: ApiVersion = { apiKey, apiVersion: 12, flexible: true };
/** The first that can be told not to create topics: brokers from 1.0 on. */
const withoutIds: ApiVersion = { apiKey, apiVersion: 4, flexible: false };

/** The id of a topic that is older than topic ids. */
const noId = '0'.repeat(32);

export function metadataVersion(highest: HighestVersion): ApiVersion {
  return highest(apiKey) >= withIds.apiVersion ? withIds : withoutIds;
}

/** Returns the body of a Metadata request for these topics, none of which it creates. Without topics it asks for the brokers only. */
export function encodeMetadataRequest(
  { flexible }: ApiVersion,
  topics: readonly string[],
  headroomBytes: number,
): Buffer {
  const names = topics.map((topic) => Buffer.from(topic));
  return flexible ? encodeWithIds(names, headroomBytes) : encodeWithoutIds(names, headroomBytes);
}

function encodeWithoutIds(names: readonly Buffer[], headroomBytes: number): Buffer {
  const buffer = Buffer.alloc(headroomBytes + 5 + names.reduce((bytes, name) => bytes + 2 + name.length, 0));
  // An empty list asks for no topic, a list of null would ask for all.
  let at = buffer.writeInt32BE(names.length, headroomBytes);
  for (const name of names) {
    at = buffer.writeInt16BE(name.length, at);
    at += name.copy(buffer, at);
  }
  buffer.writeUInt8(0, at); // do not create them
  return buffer;
}

function encodeWithIds(names: readonly Buffer[], headroomBytes: number): Buffer {
  const topicsBytes = names.reduce(
    (bytes, name) => bytes + 16 + unsignedVarintBytes(name.length + 1) + name.length + 1,
    unsignedVarintBytes(names.length + 1),
  );
  // Zeros: no topic ids, no tagged fields, do not create topics, do not list what is allowed.
  const buffer = Buffer.alloc(headroomBytes + topicsBytes + 3);
  let at = writeUnsignedVarint(buffer, headroomBytes, names.length + 1);
  for (const name of names) {
    at = writeUnsignedVarint(buffer, at + 16, name.length + 1);
    at += name.copy(buffer, at) + 1;
  }
  return buffer;
}

export interface MetadataAnswer {
  readonly brokers: readonly { readonly id: number; readonly host: string; readonly port: number }[];
  /** By name. A broker may leave topics out. */
  readonly topics: ReadonlyMap<string, TopicAnswer>;
}

export interface TopicAnswer {
  readonly name: string;
  readonly errorCode: number;
  readonly id: string | null;
  readonly partitions: readonly { readonly id: number; readonly leader: number }[];
}

/** Decodes the body of a Metadata response. @throws RangeError when it is cut short. */
export function decodeMetadataResponse(body: Buffer, { flexible }: ApiVersion): MetadataAnswer {
  const reader = new WireReader(body);
  reader.int32(); // throttle time
  const { brokers, topics } = flexible ? readWithIds(reader) : readWithoutIds(reader);
  return { brokers, topics: new Map(topics.map((topic) => [topic.name, topic])) };
}

interface Read {
  readonly brokers: MetadataAnswer['brokers'];
  readonly topics: readonly TopicAnswer[];
}

function readWithoutIds(reader: WireReader): Read {
  const brokers = reader.array(() => {
    const broker = { id: reader.int32(), host: reader.string(), port: reader.int32() };
    reader.string(); // rack
    return broker;
  });
  reader.string(); // cluster id
  reader.int32(); // controller
  const topics = reader.array(() => {
    const topic = { errorCode: reader.int16(), name: reader.string(), id: null };
    reader.int8(); // internal
    const partitions = reader.array(() => {
      reader.int16(); // its own error: a leader of -1 says enough
      const partition = { id: reader.int32(), leader: reader.int32() };
      reader.array(() => reader.int32()); // replicas
      reader.array(() => reader.int32()); // those in sync
      return partition;
    });
    return { ...topic, partitions };
  });
  return { brokers, topics };
}

function readWithIds(reader: WireReader): Read {
  const brokers = reader.compactArray(() => {
    const broker = { id: reader.int32(), host: reader.compactString(), port: reader.int32() };
    reader.compactString(); // rack
    reader.skipTags();
    return broker;
  });
  reader.compactString(); // cluster id
  reader.int32(); // controller
  const topics = reader.compactArray(() => {
    const topic = { errorCode: reader.int16(), name: reader.compactString() };
    const id = reader.uuid();
    reader.int8(); // internal
    const partitions = reader.compactArray(() => {
      reader.int16(); // its own error: a leader of -1 says enough
      const partition = { id: reader.int32(), leader: reader.int32() };
      reader.int32(); // leader epoch
      for (let list = 0; list < 3; list++) reader.compactArray(() => reader.int32()); // replicas, in sync, offline
      reader.skipTags();
      return partition;
    });
    reader.int32(); // what is allowed
    reader.skipTags();
    return { ...topic, id: id === noId ? null : id, partitions };
  });
  return { brokers, topics };
}
