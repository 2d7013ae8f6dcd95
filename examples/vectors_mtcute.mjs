// mtcute as a command for `mtproto vectors --exec`: what it offers is put to the test, all else is skipped.
// mtproto vectors --exec 'node examples/vectors_mtcute.mjs FOLDER', where FOLDER/node_modules has @mtcute/node.
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { createAesIgeForMessage, createAesIgeForMessageOld, generateKeyAndIvFromNonce, NodeCryptoProvider, TlBinaryReader, TlBinaryWriter } =
    await import(pathToFileURL(`${process.argv[2]}/node_modules/@mtcute/node/utils.js`).href);
const crypto = new NodeCryptoProvider();
await crypto.initialize();

const raw = (text) => new Uint8Array(Buffer.from(text, "hex"));
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const caught = { sha1: crypto.sha1, sha256: crypto.sha256, createAesIge: (key, iv) => ({ aesKey: hex(key), aesIv: hex(iv) }) };

function written(size, write) {
    const writer = TlBinaryWriter.manual(size);
    write(writer);
    return { bytes: hex(writer.result()) };
}

function read(type, bytes) {
    const reader = TlBinaryReader.manual(bytes);
    const value = reader[type]();
    return { value: value instanceof Uint8Array ? hex(value) : value, unread: hex(bytes.subarray(reader.pos)) };
}

// Each gives the output, or nothing where mtcute offers nothing of the kind. What it throws is a refusal.
const FUNCTIONS = {
    AesIge: (i, params) => params.keyBytes === 32 ? { ciphertext: hex(crypto.createAesIge(raw(i.key), raw(i.iv)).encrypt(raw(i.plaintext))) } : undefined,
    AesCtrStream: (i) => {
        const stream = crypto.createAesCtr(raw(i.key), raw(i.iv), true);
        return { chunks: i.chunks.map((chunk) => hex(stream.process(raw(chunk)))) };
    },
    KdfV2: (i) => createAesIgeForMessage(caught, raw(i.authKey), raw(i.msgKey), i.direction === "client_to_server"),
    KdfV1: (i) => createAesIgeForMessageOld(caught, raw(i.authKey), raw(i.msgKey), i.direction === "client_to_server"),
    TmpAesKey: (i) => {
        const [key, iv] = generateKeyAndIvFromNonce(crypto, raw(i.serverNonce), raw(i.newNonce));
        return { tmpAesKey: hex(key), tmpAesIv: hex(iv) };
    },
    PqFactor: async (i) => {
        const [p, q] = await crypto.factorizePQ(raw(i.pq));
        return { p: hex(p), q: hex(q) };
    },
    TlString: (i) => written(4 * i.value.length + 8, (writer) => writer.string(i.value)),
    TlBytesDecode: (i) => read("bytes", raw(i.bytes)),
    TlBool: (i) => "bytes" in i ? { value: read("boolean", raw(i.bytes)).value } : written(4, (writer) => writer.boolean(i.value)),
};

for await (const line of createInterface({ input: process.stdin })) {
    const { id, type, params, input } = JSON.parse(line);
    let answer;
    try {
        const output = await FUNCTIONS[type]?.(input, params);
        answer = output === undefined ? { skipped: true } : { output };
    } catch (error) {
        answer = { refused: String(error) };
    }
    process.stdout.write(`${JSON.stringify({ id, ...answer })}\n`);
}
