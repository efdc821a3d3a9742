// Evaluates expressions with jsonata-js: one JSON line in, one out. Clock and randomness are fixed.
const path = require("path");
const jsonata = require(path.join(process.argv[2], "node_modules", "jsonata"));
const readline = require("readline");

const NOW = 1700000000000;
const RealDate = Date;
global.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(NOW);
    else super(...args);
  }
  static now() {
    return NOW;
  }
};

let state = 1;
Math.random = () => {
  state = Number((BigInt(state) * 1103515245n + 12345n) & 0x7fffffffn);
  return state / 0x80000000;
};

function plain(value) {
  if (value === undefined) return { $: "undefined" };
  if (value === null) return null;
  if (typeof value === "number") return Number.isFinite(value) ? value : { $: String(value) };
  if (typeof value === "function" || value._jsonata_lambda || value._jsonata_function) return { $: "function" };
  if (Array.isArray(value)) return Array.from(value, (item) => (item === undefined ? null : plain(item)));
  if (typeof value === "object") {
    // A list of pairs, so that the order of members can be compared.
    return { $: "object", members: Object.keys(value).map((key) => [key, plain(value[key])]) };
  }
  return value;
}

async function answer(line) {
  const { expr, data, bindings } = JSON.parse(line);
  state = 1;
  try {
    const value = await jsonata(expr).evaluate(data, bindings);
    return { value: plain(value) };
  } catch (error) {
    return {
      error: { code: error.code || "", position: error.position, token: error.token, message: String(error.message) },
    };
  }
}

(async () => {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    let reply;
    try {
      reply = JSON.stringify(await answer(line));
    } catch (error) {
      reply = JSON.stringify({ failure: String(error) });
    }
    process.stdout.write(reply + "\n");
  }
})();
