// Node clients against the brokers in KAFKA_BOOTSTRAP_SERVERS: a line for each feature, and status 1 if one fails.
//
// The same check as tests/clients/check.py: 1000 records with keys and headers, in every compression, read by a group of two
// that commits, leaves and comes again. The argument says which client.

import { setTimeout as sleep } from "node:timers/promises";

const RECORDS = 1000;
const PATIENCE = 30_000;
const COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"];
const SERVERS = process.env.KAFKA_BOOTSTRAP_SERVERS.split(",");
const NAME = process.argv[2];

const records = (compression) =>
  Array.from({ length: RECORDS }, (_, n) => {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(n);
    return { key: `k${n % 7}`, value: `${compression} ${n}`, number };
  });

const text = ({ key, value, number }) => `${key} ${value} ${number.toString("hex")}`;

// A client has `write(topic, compression)` and `member(topic, group, clientId, take)`; a member can `commit` what it took and
// `leave`.
const clients = { kafkajs, platformatic };

async function kafkajs() {
  const { Kafka, CompressionTypes, CompressionCodecs, logLevel } = (await import("kafkajs")).default;
  const { default: lz4 } = await import("lz4-napi");
  const { default: snappy } = await import("snappy");
  const zstd = await import("@bokuweb/zstd-wasm");
  await zstd.init();
  CompressionCodecs[CompressionTypes.Snappy] = () => ({
    compress: ({ buffer }) => snappy.compress(buffer),
    decompress: (buffer) => snappy.uncompress(buffer),
  });
  CompressionCodecs[CompressionTypes.LZ4] = () => ({
    compress: ({ buffer }) => lz4.compressFrame(buffer),
    decompress: (buffer) => lz4.decompressFrame(buffer),
  });
  CompressionCodecs[CompressionTypes.ZSTD] = () => ({
    compress: async ({ buffer }) => Buffer.from(zstd.compress(buffer)),
    decompress: async (buffer) => Buffer.from(zstd.decompress(buffer)),
  });
  const kinds = { none: "None", gzip: "GZIP", snappy: "Snappy", lz4: "LZ4", zstd: "ZSTD" };
  const kafka = (clientId) => new Kafka({ clientId, brokers: SERVERS, logLevel: logLevel.ERROR });
  return {
    async write(topic, compression) {
      const producer = kafka("kafkajs-writer").producer({ idempotent: true });
      await producer.connect();
      const messages = records(compression).map(({ key, value, number }) => ({ key, value, headers: { number } }));
      await producer.send({ topic, compression: CompressionTypes[kinds[compression]], acks: -1, messages });
      await producer.disconnect();
    },
    async member(topic, groupId, clientId, take) {
      const consumer = kafka(clientId).consumer({ groupId, maxWaitTimeInMs: 200 });
      const next = new Map();
      await consumer.connect();
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachMessage: async ({ partition, message }) => {
          take({ key: message.key.toString(), value: message.value.toString(), number: message.headers.number });
          next.set(partition, String(Number(message.offset) + 1));
        },
      });
      const commit = async () => {
        const offsets = [...next].map(([partition, offset]) => ({ topic, partition, offset }));
        if (offsets.length) await consumer.commitOffsets(offsets);
      };
      return { commit, leave: () => consumer.disconnect() };
    },
  };
}

async function platformatic() {
  const { Producer, Consumer } = await import("@platformatic/kafka");
  return {
    async write(topic, compression) {
      const producer = new Producer({ clientId: "platformatic-writer", bootstrapBrokers: SERVERS });
      const messages = records(compression).map(({ key, value, number }) => {
        const headers = new Map([[Buffer.from("number"), number]]);
        return { topic, key: Buffer.from(key), value: Buffer.from(value), headers };
      });
      await producer.send({ messages, compression, acks: -1 });
      await producer.close();
    },
    async member(topic, groupId, clientId, take) {
      const consumer = new Consumer({ clientId, groupId, bootstrapBrokers: SERVERS, maxWaitTime: 200 });
      const stream = await consumer.consume({ topics: [topic], mode: "committed", fallbackMode: "earliest", autocommit: false });
      const last = new Map();
      stream.on("data", (message) => {
        const number = [...message.headers.values()][0];
        take({ key: message.key.toString(), value: message.value.toString(), number });
        last.set(message.partition, message);
      });
      const commit = async () => {
        for (const message of last.values()) await message.commit();
      };
      return { commit, leave: () => consumer.close(true) };
    },
  };
}

async function check(client, topic, compression) {
  await client.write(topic, compression);
  const seen = [];
  const take = (record) => seen.push(text(record));
  const members = await Promise.all([0, 1].map((number) => client.member(topic, topic, `${NAME}-${topic}-${number}`, take)));
  const until = Date.now() + PATIENCE;
  while (seen.length < RECORDS && Date.now() < until) await sleep(20);
  await Promise.all(members.map((member) => member.commit()));
  // Whoever leaves makes the others join again.
  await Promise.all(members.map((member) => member.leave()));
  const missing = new Set(records(compression).map(text));
  seen.forEach((one) => missing.delete(one));
  if (seen.length !== RECORDS || missing.size) throw new Error(`${seen.length} records, ${missing.size} are missing`);
}

let failed = false;
async function tell(feature, work) {
  try {
    await work();
    console.log(`${NAME}\t${feature}\tok`);
  } catch (error) {
    failed = true;
    console.log(`${NAME}\t${feature}\tFAILED`);
    console.error(`${NAME}: ${feature}: ${error.stack}`);
  }
}

const client = await clients[NAME]();
for (const compression of COMPRESSIONS) {
  await tell(compression, () => check(client, `${NAME}-${compression}`, compression));
}
await tell("resume", () => check(client, `${NAME}-none`, "none"));
process.exit(failed ? 1 : 0);
