// @saintno/comfyui-sdk as published: the client, its prompt builder and its call wrapper.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { CallWrapper, ComfyApi, PromptBuilder } from "@saintno/comfyui-sdk";
import { img2img, isPng, within } from "./workflow.mjs";

const api = new ComfyApi(process.env.EASEL_URL, "saintno-sdk-test");
const disconnects = [];
api.on("disconnected", () => disconnects.push(Date.now()));
await within(20, api.init(1).waitForReady(), "init");
assert.equal(api.availableFeatures.manager, false);

// What it may ask.
assert.equal(await api.pollStatus().then((s) => s.exec_info.queue_remaining), 0);
assert.deepEqual(await api.getCheckpoints(), ["v1-5-pruned-emaonly.safetensors"]);
assert.ok((await api.getSamplerInfo()).sampler[0].includes("euler"));
assert.equal((await api.getSystemStats()).system.os, "posix");
assert.ok((await api.getModelTypes()).includes("checkpoints"));
assert.deepEqual(await api.getModels("checkpoints"), ["v1-5-pruned-emaonly.safetensors"]);
assert.equal((await api.getFeatures()).supports_preview_metadata, true);
assert.equal(await api.getNodeDefs("NoSuchNode"), null);
assert.deepEqual(await api.getViewMetadata("checkpoints", "v1-5-pruned-emaonly.safetensors"), {});
await api.storeSetting("easel.test", { a: [1, 2] });
assert.deepEqual(await api.getSetting("easel.test"), { a: [1, 2] });
await api.storeUserData("workflows/one.json", { nodes: [] });
assert.deepEqual(await (await api.getUserData("workflows/one.json")).json(), { nodes: [] });
assert.deepEqual(await api.listUserData("workflows"), ["one.json"]);
await api.moveUserData("workflows/one.json", "two.json");
assert.deepEqual((await api.listUserDataV2("")).filter((e) => e.type === "file").map((e) => e.name).includes("two.json"), true);
await api.deleteUserData("two.json");

// Upload.
const input = `${process.env.EASEL_FOLDER}/input`;
const [name] = (await readdir(input)).filter((file) => file.endsWith(".png")).sort();
const bytes = await readFile(`${input}/${name}`);
const uploaded = await api.uploadImage(bytes, "sdk.png", { subfolder: "from sdk" });
assert.equal(uploaded.info.subfolder, "from sdk");
assert.equal(await api.uploadImage(Buffer.from("<svg/>"), "bad.png"), false);
assert.ok(await api.uploadMask(bytes, { filename: name, subfolder: "", type: "input" }));
assert.ok(isPng(await (await api.getImage({ filename: "sdk.png", subfolder: "from sdk", type: "input" })).arrayBuffer()));

const builder = (options) =>
  new PromptBuilder(img2img(name, options), ["seed"], ["images"]).setInputNode("seed", "7.inputs.seed").setOutputNode("images", "9");

// Runs to the end; resolves to what its callbacks were told.
function run(options, seed, atProgress = () => {}) {
  const told = { progress: [], previews: 0, outputs: [], pending: 0 };
  return within(150, new Promise((resolve) => {
    new CallWrapper(api, builder(options).input("seed", seed))
      .onPending(() => ++told.pending)
      .onProgress((info) => atProgress(told.progress.push(info)))
      .onPreview(() => ++told.previews)
      .onOutput((key, data) => told.outputs.push([key, data]))
      .onFinished((data) => resolve({ ...told, data }))
      .onFailed((error) => resolve({ ...told, error }))
      .run();
  }), "run");
}

// A result, with its progress and previews on the way.
const fresh = await run({ steps: 6 }, 11);
assert.equal(fresh.error, undefined);
assert.deepEqual(fresh.progress.at(-1).value, 6);
assert.equal(fresh.progress.at(-1).max, 6);
assert.ok(fresh.previews > 0);
const [image] = fresh.data.images.images;
assert.ok(isPng(await (await api.getImage(image)).arrayBuffer()));

// The same again, several times: everything is reused, the end is still seen.
for (let round = 0; round < 5; ++round) {
  const again = await run({ steps: 6 }, 11);
  assert.equal(again.error, undefined);
  assert.equal(again.data.images.images.length, 1);
}

// Wrong, refused before it runs.
const refused = await run({ sampler: "no such sampler" }, 1);
assert.equal(refused.error.cause.error.type, "prompt_outputs_failed_validation");
assert.equal(refused.error.cause.node_errors["7"].errors[0].type, "value_not_in_list");

// Interrupted. Until the wrapper listens (on a busy machine that may take a while) it asks the server by itself, and
// takes a job that has ended meanwhile without a result for lost.
const late = setTimeout(() => api.interrupt(), 5000);
const stopped = await run({ steps: 5000 }, 12, (count) => count === 1 && api.interrupt());
clearTimeout(late);
assert.match(stopped.error.message, stopped.progress.length > 0 ? /interrupted/ : /interrupted|missing/);

// History. The SDK tells of an end a moment before the job has left the queue.
const idle = async () => {
  while ((await api.pollStatus()).exec_info.queue_remaining > 0) await new Promise((done) => setTimeout(done, 10));
};
await idle();
const history = await api.getHistories(200);
assert.ok(Object.values(history).some((entry) => entry.status.completed));
assert.ok(Object.values(history).some((entry) => !entry.status.completed));
await api.freeMemory(true, true);
const afterFree = await run({ steps: 2 }, 13);
assert.equal(afterFree.error, undefined);
await idle(); // it calls a run finished as soon as it has the picture
await api.clearHistory({ clear: true });
assert.deepEqual(await api.getHistories(), {});

// Idle for longer than the SDK waits before it takes the connection for lost.
await new Promise((done) => setTimeout(done, 13000));
assert.deepEqual(disconnects, []);
api.destroy();
console.log("@saintno/comfyui-sdk: all its flows work");
process.exit(0);
