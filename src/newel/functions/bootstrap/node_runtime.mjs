// The Node.js runtime of a function process. It speaks the Lambda Runtime API over the Unix socket named by
// NEWEL_RUNTIME_SOCKET. Handler resolution, error documents and log lines follow AWS's own Node.js runtime.

import fs from "node:fs";
import http from "node:http";
import path from "node:path";
import process from "node:process";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import util from "node:util";

const API = "/2018-06-01/runtime";
const socketPath = process.env.NEWEL_RUNTIME_SOCKET;
delete process.env.NEWEL_RUNTIME_SOCKET;
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
let requestId = "";
const CALLBACKS_REMOVED =
  "ERROR: AWS Lambda has removed support for callback-based function handlers starting with Node.js 24. " +
  "You need to modify this function to use a supported handler signature to use Node.js 24 or later.";

function request(method, apiPath, body = "", headers = {}) {
  return new Promise((resolve, reject) => {
    const options = { socketPath, agent, method, path: API + apiPath, headers: { ...headers, "Content-Length": Buffer.byteLength(body) } };
    const call = http.request(options, (answer) => {
      const chunks = [];
      answer.on("data", (chunk) => chunks.push(chunk));
      answer.on("end", () => resolve({ headers: answer.headers, body: Buffer.concat(chunks).toString("utf8") }));
      answer.on("error", reject);
    });
    call.on("error", reject);
    call.end(body);
  });
}

// ---------------------------------------------------------------- errors

class RuntimeError extends Error {
  constructor(name, cause) {
    super(cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause));
    this.name = name;
    if (cause instanceof Error) this.stack = `${name}: ${this.message}\n${(cause.stack ?? "").split("\n").slice(1).join("\n")}`;
  }
}

function shown(text) {
  const root = process.env.LAMBDA_TASK_ROOT;
  if (!root) return text;
  return text
    .replaceAll(pathToFileURL(root).href + "/", "file:///var/task/")
    .replaceAll(root + "/", "/var/task/")
    .replaceAll(import.meta.url, "file:///var/runtime/index.mjs");
}

function errorDocument(error) {
  if (util.types.isNativeError(error) || (error && error.name && error.message !== undefined && error.stack)) {
    const trace = shown(String(error.stack ?? "")).split("\n");
    return { errorType: error.name?.replaceAll("\x7F", "%7F") ?? "Error", errorMessage: shown(String(error.message)), trace };
  }
  return { errorType: typeof error, errorMessage: String(error), trace: [] };
}

function logError(kind, error) {
  const document = errorDocument(error);
  const entry = { errorType: document.errorType, errorMessage: document.errorMessage, stack: document.trace };
  write("ERROR", [`${kind} \t${JSON.stringify(entry)}`]);
}

// ---------------------------------------------------------------- console

function write(level, values) {
  const text = util.format(...values).replaceAll("\n", "\r");
  fs.writeSync(1, `${new Date().toISOString()}\t${requestId || "undefined"}\t${level}\t${text.replaceAll("\r", "\n")}\n`);
}

function patchConsole() {
  const levels = { log: "INFO", info: "INFO", debug: "DEBUG", trace: "TRACE", warn: "WARN", error: "ERROR" };
  for (const [method, level] of Object.entries(levels)) console[method] = (...values) => write(level, values);
}

// ---------------------------------------------------------------- handler

function locate(base) {
  for (const extension of ["", ".js", ".mjs", ".cjs"]) {
    const file = base + extension;
    if (fs.existsSync(file) && fs.statSync(file).isFile()) return file;
  }
  return null;
}

function isModule(file) {
  if (file.endsWith(".mjs")) return true;
  if (file.endsWith(".cjs")) return false;
  for (let folder = path.dirname(file); ; folder = path.dirname(folder)) {
    const manifest = path.join(folder, "package.json");
    if (fs.existsSync(manifest)) return JSON.parse(fs.readFileSync(manifest, "utf8")).type === "module";
    if (folder === path.dirname(folder)) return false;
  }
}

async function loadModule(root, moduleName) {
  const file = locate(path.resolve(root, moduleName));
  const require = createRequire(path.join(root, "index.js"));
  try {
    if (file === null) return require(require.resolve(moduleName, { paths: [root] }));
    return isModule(file) ? await import(pathToFileURL(file).href) : require(file);
  } catch (error) {
    if (error instanceof SyntaxError) throw new RuntimeError("Runtime.UserCodeSyntaxError", error);
    if (error?.code === "MODULE_NOT_FOUND" || error?.code === "ERR_MODULE_NOT_FOUND") {
      throw new RuntimeError("Runtime.ImportModuleError", error);
    }
    throw error;
  }
}

async function loadHandler(root, name) {
  if (name.includes("..")) throw new RuntimeError("Runtime.MalformedHandlerName", `'${name}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  const slash = name.lastIndexOf("/") + 1;
  const match = /^([^.]*)\.(.*)$/.exec(name.slice(slash));
  if (!match) throw new RuntimeError("Runtime.MalformedHandlerName", "Bad handler");
  const module = await loadModule(root, name.slice(0, slash) + match[1]);
  let handler = match[2].split(".").reduce((nested, key) => nested && nested[key], module);
  if (handler === undefined && module.default) handler = match[2].split(".").reduce((nested, key) => nested && nested[key], module.default);
  if (handler === undefined) throw new RuntimeError("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  if (typeof handler !== "function") throw new RuntimeError("Runtime.HandlerNotFound", `${name} is not a function`);
  if (handler.length > 2 && process.env.AWS_EXECUTION_ENV === "AWS_Lambda_nodejs24.x") {
    throw new RuntimeError("Runtime.CallbackHandlerDeprecated", CALLBACKS_REMOVED);
  }
  return handler;
}

// ---------------------------------------------------------------- invocations

class Context {
  constructor(headers, settle) {
    const deadline = Number(headers["lambda-runtime-deadline-ms"]);
    const client = headers["lambda-runtime-client-context"];
    const identity = headers["lambda-runtime-cognito-identity"];
    this.callbackWaitsForEmptyEventLoop = true;
    this.functionVersion = process.env.AWS_LAMBDA_FUNCTION_VERSION;
    this.functionName = process.env.AWS_LAMBDA_FUNCTION_NAME;
    this.memoryLimitInMB = process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE;
    this.logGroupName = process.env.AWS_LAMBDA_LOG_GROUP_NAME;
    this.logStreamName = process.env.AWS_LAMBDA_LOG_STREAM_NAME;
    this.clientContext = client ? JSON.parse(client) : undefined;
    this.identity = identity ? JSON.parse(identity) : undefined;
    this.invokedFunctionArn = headers["lambda-runtime-invoked-function-arn"];
    this.awsRequestId = headers["lambda-runtime-aws-request-id"];
    this.getRemainingTimeInMillis = () => deadline - Date.now();
    this.succeed = (value) => settle(null, value, true);
    this.fail = (error) => settle(error, undefined, true);
    this.done = (error, value) => settle(error, value, true);
  }
}

let onEmptyLoop = null;
process.on("beforeExit", () => onEmptyLoop?.());

// Resolves with the result of one call of the handler, as a callback, a promise or `context.done` gives it.
function call(handler, event, headers) {
  return new Promise((resolve, reject) => {
    let settled = false;
    const finish = (error, value) => {
      onEmptyLoop = null;
      if (error === undefined || error === null) resolve(value);
      else reject(error);
    };
    const settle = (error, value, now) => {
      if (settled) return;
      settled = true;
      if (now || !context.callbackWaitsForEmptyEventLoop) finish(error, value);
      else onEmptyLoop = () => finish(error, value);
    };
    const context = new Context(headers, settle);
    onEmptyLoop = () => settle(null, null, true); // nothing is left that could call back
    let result;
    try {
      result = handler(event, context, (error, value) => settle(error, value, false));
    } catch (error) {
      settle(error, undefined, true);
      return;
    }
    if (result && typeof result.then === "function") {
      result.then((value) => settle(null, value, true), (error) => settle(error ?? new Error("undefined"), undefined, true));
    }
  });
}

function encode(value) {
  try {
    return JSON.stringify(value === undefined ? null : value);
  } catch (error) {
    throw new RuntimeError("Runtime.MarshalError", `Unable to stringify response body: ${error.message}`);
  }
}

async function postError(apiPath, error) {
  const document = errorDocument(error);
  await request("POST", apiPath, JSON.stringify(document), {
    "Content-Type": "application/json",
    "Lambda-Runtime-Function-Error-Type": document.errorType.replace(/[^\x20-\x7e]/g, "?"),
  });
}

async function serve(handler) {
  const { headers, body } = await request("GET", "/invocation/next");
  requestId = headers["lambda-runtime-aws-request-id"];
  process.env._X_AMZN_TRACE_ID = headers["lambda-runtime-trace-id"] ?? "";
  let text;
  try {
    text = encode(await call(handler, JSON.parse(body), headers));
  } catch (error) {
    logError("Invoke Error", error);
    await postError(`/invocation/${requestId}/error`, error);
    return;
  }
  await request("POST", `/invocation/${requestId}/response`, text, { "Content-Type": "application/json" });
}

// An error outside the handler's own chain ends the process, as on AWS.
function crash(kind, error) {
  logError(kind, error);
  const target = requestId ? `/invocation/${requestId}/error` : "/init/error";
  agent.destroy();
  postError(target, error).finally(() => process.exit(129));
}

process.on("uncaughtException", (error) => crash("Uncaught Exception", error));
process.on("unhandledRejection", (reason) => crash("Unhandled Promise Rejection", new RuntimeError("Runtime.UnhandledPromiseRejection", reason)));

patchConsole();
let handler;
try {
  handler = await loadHandler(process.env.LAMBDA_TASK_ROOT, process.env._HANDLER);
} catch (error) {
  logError("Uncaught Exception", error);
  await postError("/init/error", error);
  process.exit(1);
}
for (;;) await serve(handler);
