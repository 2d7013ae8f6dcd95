// mtcute 0.30.3 as a client of the conformance run.
//
//     npm install @mtcute/node@0.30.3
//     mtproto conform --client 'node mtcute_client.mjs FOLDER {host} {port} {public_key_file} {transport}'
//
// FOLDER is where node_modules is.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, host, port, publicKeyFile, transport] = process.argv.slice(2);
const home = resolve(folder, "node_modules/@mtcute/node");
const core = await import(pathToFileURL(`${home}/index.js`).href);
const { addPublicKey, NodeCryptoProvider } = await import(pathToFileURL(`${home}/utils.js`).href);

const CODECS = {
    intermediate: () => new core.IntermediatePacketCodec(),
    padded: () => new core.PaddedIntermediatePacketCodec(),
    "obfuscated-intermediate": () => new core.ObfuscatedPacketCodec(new core.IntermediatePacketCodec()),
    "obfuscated-padded": () => new core.ObfuscatedPacketCodec(new core.PaddedIntermediatePacketCodec()),
};
const [PAUSE, PATIENCE] = [process.env.MTPROTO_PAUSE, process.env.MTPROTO_PATIENCE].map((text) => 1000 * Number(text));
const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });
const limit = (promise) => Promise.race([promise, pause(PATIENCE).then(() => { throw new Error("no answer in time"); })]);

function make() {
    addPublicKey(new NodeCryptoProvider(), readFileSync(publicKeyFile, "utf8"));
    class Local extends core.TcpTransport {
        packetCodec() {
            return CODECS[transport]();
        }
    }
    const dc = { id: 2, ipAddress: host, port: Number(port) };
    return new core.TelegramClient({
        apiId: Number(process.env.MTPROTO_API_ID),
        apiHash: process.env.MTPROTO_API_HASH,
        storage: new core.MemoryStorage(),
        transport: new Local(),
        defaultDcs: { main: dc, media: dc },
        network: { usePfs: true },
        logLevel: 0,
    });
}

async function call(client) {
    try {
        const answer = await limit(client.call({ _: "account.getBotBusinessConnection", connectionId: "demo" }));
        const { connectionId, date } = answer.updates[0].connection;
        say({ ok: true, connection_id: connectionId, date });
    } catch (error) {
        say({ ok: false, error: error.text ?? String(error) });
    }
}

say({ client: "mtcute", version: JSON.parse(readFileSync(`${home}/package.json`, "utf8")).version });
if (!(transport in CODECS)) {
    console.error(`mtcute has no transport ${transport}`);
    process.exit(1);
}
const client = make();
try {
    await limit(client.start({ botToken: process.env.MTPROTO_BOT_TOKEN }));
} catch (error) {
    say({ ok: false, error: String(error) });
    process.exit(1);
}
await call(client);
await pause(PAUSE);
await call(client);
process.exit(0);
