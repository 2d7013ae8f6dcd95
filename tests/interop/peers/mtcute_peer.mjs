// mtcute, layer 227, against a datacenter: told what to do by one JSON object on standard input, it answers with one
// on standard output. It knows nothing of this project. Its packages are in the folder that the first argument names.
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const load = (file) => import(pathToFileURL(`${process.argv[2]}/node_modules/@mtcute/node/${file}`).href);
const core = await load("index.js");
const { addPublicKey, NodeCryptoProvider } = await load("utils.js");

const task = JSON.parse(readFileSync(0, "utf8"));
const CODECS = {
    intermediate: () => new core.IntermediatePacketCodec(),
    padded: () => new core.PaddedIntermediatePacketCodec(),
    "obfuscated-intermediate": () => new core.ObfuscatedPacketCodec(new core.IntermediatePacketCodec()),
};

class Local extends core.TcpTransport {
    packetCodec() {
        return CODECS[task.transport]();
    }
}

function plain(name, value) {
    if (value !== null && typeof value === "object" && value.constructor?.name === "Long") return value.toString();
    return value;
}

async function ask(client, connectionId) {
    try {
        return await client.call({ _: "account.getBotBusinessConnection", connectionId });
    } catch (error) {
        return { error: error.text ?? String(error), code: error.code };
    }
}

async function main() {
    addPublicKey(new NodeCryptoProvider(), task.public_key_pem);
    const option = { id: task.dc_id, ipAddress: task.host, port: task.port };
    const client = new core.TelegramClient({
        apiId: task.api_id,
        apiHash: task.api_hash,
        storage: new core.MemoryStorage(),
        transport: new Local(),
        defaultDcs: { main: option, media: option },
        network: { usePfs: task.pfs },
        logLevel: 0,
    });
    const me = await client.start({ botToken: task.bot_token });
    const answers = {};
    for (const name of task.connection_ids) answers[name] = await ask(client, name);
    await client.destroy();
    return { login: "done", user_id: me.id, answers };
}

setTimeout(() => { console.error("no end after 60 seconds"); process.exit(1); }, 60_000);

main().then(
    (report) => { process.stdout.write(JSON.stringify(report, plain), () => process.exit(0)); },
    (error) => { console.error(error); process.exit(1); },
);
