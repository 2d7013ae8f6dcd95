// GramJS, layer 198, against a datacenter: told what to do by one JSON object on standard input, it answers with one
// on standard output. It knows nothing of this project. Its packages are in the folder that the first argument names.
"use strict";
console.log = console.error; // its own lines are not the answer
const { createRequire } = require("node:module");
const { readFileSync } = require("node:fs");
const load = createRequire(`${process.argv[2]}/`);
const { TelegramClient, Api } = load("telegram");
const { StringSession } = load("telegram/sessions");
const { _serverKeys } = load("telegram/crypto/RSA");
const { LAYER } = load("telegram/tl/AllTLObjects");
const connections = load("telegram/network/connection");
const big = load("big-integer");

const KINDS = { full: "ConnectionTCPFull", abridged: "ConnectionTCPAbridged", obfuscated: "ConnectionTCPObfuscated" };
const task = JSON.parse(readFileSync(0, "utf8"), (name, value) => (name === "fingerprint" ? String(value) : value));

// Its own toJSON hides the fields: names and values as they are, numbers beyond 2^53 as text.
function plain(value) {
    if (big.isInstance(value) || typeof value === "bigint") return value.toString();
    if (value === null || typeof value !== "object") return value;
    if (Array.isArray(value)) return value.map(plain);
    const fields = Object.entries(value).filter(([name]) => name === "className" || !/^[A-Z_]|^(original|class|sub)/.test(name));
    return Object.fromEntries(fields.map(([name, item]) => [name, plain(item)]));
}

async function ask(client, connectionId) {
    try {
        return plain(await client.invoke(new Api.account.GetBotBusinessConnection({ connectionId })));
    } catch (error) {
        return { error: error.errorMessage ?? String(error), code: error.code };
    }
}

async function main() {
    _serverKeys.clear();
    _serverKeys.set(task.fingerprint_text, { n: big(task.n.slice(2), 16), e: task.e });
    const session = new StringSession("");
    session.setDC(task.dc_id, task.host, 80);
    // It dials port 80 whatever the session says, and cannot write a port above 32767 into one.
    class Local extends connections[KINDS[task.transport]] {
        constructor(options) {
            super({ ...options, ip: task.host, port: task.port });
        }
    }
    const client = new TelegramClient(session, task.api_id, task.api_hash, {
        connection: Local,
        connectionRetries: 1,
        requestRetries: 1,
    });
    client.setLogLevel("error");
    await client.start({ botAuthToken: task.bot_token, onError: (error) => { throw error; } });
    const me = await client.getMe();
    const answers = {};
    for (const name of task.connection_ids) answers[name] = await ask(client, name);
    await client.destroy();
    return { login: "done", layer: LAYER, user_id: Number(me.id), answers };
}

setTimeout(() => { console.error("no end after 60 seconds"); process.exit(1); }, 60_000);

main().then(
    (report) => { process.stdout.write(JSON.stringify(report), () => process.exit(0)); },
    (error) => { console.error(error); process.exit(1); },
);
